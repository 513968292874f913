"""Evidence -> what each decision costs: minus its log-odds, weighted sums of what is seen."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import Costs
from embedtrack.tracks.candidates import CELL, PART, Table, radius

Values = NDArray[np.float64]
Features = dict[str, Values]

FULL = 8
"""Frames after which a cell has lived long enough."""


def log_odds(features: Mapping[str, Values], weights: Mapping[str, float]) -> Values:
    """float64[n]: the weighted sum of features float64[n]; the weight of what is not named is 0."""
    size = next(iter(features.values())).shape
    total = np.full(size, weights.get("bias", 0.0))
    for name, values in features.items():
        if name in weights:
            total += weights[name] * values
    return total


def cell_features(table: Table) -> Features:
    """Of each candidate what tells a cell from a false one."""
    kind, cells = table["kind"], table[table["kind"] == CELL]
    names = ("area", "seediness", "brightness")
    typical, sure, light = (float(np.median(cells[name])) if cells.size else 1.0 for name in names)
    ratio = np.log(table["area"] / typical)
    return {
        "part": (kind == PART).astype(float),
        "dim": np.maximum(sure - table["seediness"], 0),
        "small": np.clip(-ratio, 0, 1.2),
        "large": np.clip(ratio, 0, 1.2),
        "roundness": table["roundness"],
        "edge": (table["margin"] < 1.2).astype(float),
        "inside": np.clip(table["margin"], 0, 4),
        "odd": np.minimum(np.abs(table["brightness"] - light), 2),
        "change": np.minimum(np.abs(np.log(table["area"] / table["usual"])), 1),
        "spread": np.nan_to_num(np.minimum(table["spread"] / radius(table), 3)),
    }


def link_features(before: Table, now: Table, links: NDArray[np.void]) -> Features:
    """Of each link of one gap what tells that the two are one cell."""
    i, j = links["source"], links["target"]
    return {
        "share": links["share"],
        "far": np.minimum(links["far"], 3),
        "growth": np.minimum(np.abs(links["growth"]), 2),
        "gap2": (links["gap"] == 2).astype(float),
        "gap3": (links["gap"] == 3).astype(float),
        "part": ((before["kind"][i] == PART) | (now["kind"][j] == PART)).astype(float),
    }


def division_features(before: Table, now: Table, pairs: NDArray[np.void], life: Values, horizon: int) -> Features:
    """Of each mother with two daughters what tells that she divides into them.

    Args:
        before: of the mother's frame.
        now: of the daughters' frame.
        pairs: PAIR[k].
        life: float64[n]: for how many frames, from its own on, best votes follow each candidate of that frame.
        horizon: how many frames are known from theirs on.
    """
    i, j, k = pairs["source"], pairs["target"], pairs["other"]
    sizes, known = now["area"][now["kind"] == CELL], max(min(horizon, FULL), 1)
    typical = np.log(np.median(sizes)) if sizes.size else 0.0
    lives = np.minimum(np.minimum(life[j], life[k]), known)
    bright = np.median(now["brightness"][now["kind"] == CELL]) if sizes.size else 0.0
    return {
        "share": pairs["share"],
        "far": np.minimum(pairs["far"], 3),
        "apart": np.minimum(pairs["apart"], 3),
        "touch": np.minimum(pairs["touch"], 3),
        "middle": np.minimum(pairs["middle"], 3),
        "unlike": np.minimum(pairs["unlike"], 2),
        "sum": np.minimum(np.maximum(pairs["sum"], 0), 2),
        "less": np.minimum(np.maximum(-pairs["sum"], 0), 2),
        "shade": np.minimum(pairs["shade"], 2),
        "short": 1 - lives / known,
        "young": 1 - np.minimum(before["age"][i], FULL) / FULL,
        "swollen": np.clip(np.log(before["area"][i] / before["usual"][i]), -1, 1),
        "mother": np.clip(np.log(before["area"][i]) - typical, -2, 2),
        "daughters": np.clip(np.log(np.minimum(now["area"][j], now["area"][k])) - typical, -2, 2),
        "round": before["roundness"][i],
        "flash": np.clip(before["brightness"][i] - before["light"][i], -2, 2),
        "bright": np.clip((now["brightness"][j] + now["brightness"][k]) / 2 - bright, -2, 2),
        "edge": (np.minimum(now["margin"][j], now["margin"][k]) < 1.2).astype(float),
        "part": ((now["kind"][j] == PART) | (now["kind"][k] == PART) | (before["kind"][i] == PART)).astype(float),
    }


def change(table: Table, usual: float, edge: float) -> Values:
    """float64[n]: what it costs that a cell comes from nowhere, or goes: less where it touches the frame's edge."""
    near = np.clip((table["margin"] - 1) / 2, 0, 1)
    return edge + (usual - edge) * near


def cell_costs(table: Table, costs: Costs) -> Values:
    """float64[n]: minus the log-odds that each is a cell."""
    return -log_odds(cell_features(table), costs.cell)
