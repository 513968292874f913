"""Costs are learnt, not guessed: what candidates, links and divisions look like in movies whose truth is known."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.aogm import match_labels
from embedtrack.config import Costs
from embedtrack.tracks.candidates import PART, Scene, scene_of
from embedtrack.tracks.costs import Features, cell_features, division_features, link_features
from embedtrack.tracks.links import Evidence, evidence
from embedtrack.tracks.problem import lives
from embedtrack.tracks.splits import BACK, look_back
from embedtrack.tracks.window import AHEAD
from embedtrack.types import Cells, Labels, Track

LATE = 3
"""Sisters may be told apart so many frames late, or early."""
RIDGE = 1.0
"""Of the logistic regressions: weights of features that say nothing stay small."""


class Examples(NamedTuple):
    """Features of n candidates, links or divisions, and whether they are true."""

    features: Features
    true: NDArray[np.bool_]


def examples(
    movie: Iterable[tuple[Cells, Labels]], tracks: Iterable[Track], first: int, border: int, max_gap: int
) -> dict[str, Examples]:
    """What a movie teaches: examples of cells, links and divisions.

    Args:
        movie: cells and the truth's markers int32[H, W] of consecutive frames.
        tracks: of the truth.
        first: the number of the movie's first frame in them.
        border: E in pixels: what lies wholly within it has no markers, and teaches nothing.
        max_gap: as in ``Linking``.
    """
    scenes: list[Scene] = []
    known: list[Evidence] = []
    truths: list[Labels] = []
    for cells, truth in movie:
        scenes.append(scene_of(cells))
        truths.append(truth)
        look_back(scenes)
        if len(scenes) > BACK:
            known.append(evidence(scenes[: len(scenes) - BACK][-max_gap - 2 :], max_gap))
    while len(known) < len(scenes):
        known.append(evidence(scenes[: len(known) + 1][-max_gap - 2 :], max_gap))
    found = [_found(scene, truth) for scene, truth in zip(scenes, truths, strict=True)]
    trues = [_true(scene, one) for scene, one in zip(scenes, found, strict=True)]
    line = {track.label: track for track in tracks}
    rows: dict[str, list[tuple[Features, NDArray[np.bool_]]]] = {"cell": [], "link": [], "division": []}
    for t, (scene, one) in enumerate(zip(scenes, known, strict=True)):
        if not len(scene.table):
            continue
        inside = _inside(scene, border)
        rows["cell"].append(_chosen(cell_features(scene.table), trues[t], inside))
        for gap in range(1, max_gap + 2):
            links = one.links[one.links["gap"] == gap]
            if len(links):
                rows["link"].append(
                    _link_rows(scenes[t - gap], scene, links, found[t - gap], found[t], trues[t - gap], trues[t])
                )
        if len(one.pairs):
            ahead = slice(t, min(t + AHEAD, len(scenes)))
            life = lives([s.table for s in scenes[ahead]], [e.links for e in known[ahead]])[0]
            seen = division_features(scenes[t - 1].table, scene.table, one.pairs, life, len(scenes[ahead]))
            whole = (scenes[t - 1].table["kind"] != PART) | trues[t - 1]  # one that was cut in vain teaches nothing
            clear = whole[one.pairs["source"]] & inside[one.pairs["target"]] & inside[one.pairs["other"]]
            rows["division"].append(_division_rows(seen, one, found[t - 1], found[t], clear, line, first + t))
    return {what: _joined(parts) for what, parts in rows.items() if parts}


def learn(movies: Iterable[Mapping[str, Examples]]) -> Costs:
    """The costs that fit the ``examples`` of some movies; those of appearing and vanishing are the defaults."""
    found: dict[str, list[tuple[Features, NDArray[np.bool_]]]] = {}
    for movie in movies:
        for what, lesson in movie.items():
            found.setdefault(what, []).append(lesson)
    return Costs(**{what: fit(*_joined(parts)) for what, parts in found.items()})


def fit(features: Features, true: NDArray[np.bool_]) -> dict[str, float]:
    """The weights of a logistic regression, by Newton's method with a ridge on all but the bias."""
    names = [name for name, values in features.items() if values.any()]
    matrix = np.stack([np.ones(len(true)), *(features[name] for name in names)], axis=1)  # [n, k + 1]
    weights, ridge = np.zeros(matrix.shape[1]), np.diag([1e-3, *[RIDGE] * len(names)])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(matrix @ weights, -30, 30)))
        gradient = matrix.T @ (true - p) - ridge @ weights
        weights = weights + np.linalg.solve((matrix.T * (p * (1 - p) + 1e-9)) @ matrix + ridge, gradient)
    return {name: round(float(value), 3) for name, value in zip(["bias", *names], weights, strict=True)}


def _found(scene: Scene, truth: Labels) -> list[list[int]]:
    """For each candidate the cells of the truth that it finds."""
    found: list[list[int]] = [[] for _ in scene.table]
    for image in (scene.labels, scene.rivals):
        match = match_labels(truth, image)
        for cell, finder in zip(match.found, match.finders, strict=True):
            found[finder - 1].append(cell)
    return found


def _true(scene: Scene, found: list[list[int]]) -> NDArray[np.bool_]:
    """bool[n]: whether a candidate is a cell, or is one of two parts that are."""
    true = np.array([len(cells) == 1 for cells in found], bool)
    part = np.flatnonzero(scene.table["kind"] == PART)
    other = scene.table["second"][part]
    same = np.array([found[i] == found[j] for i, j in zip(part, other, strict=True)], bool)
    true[part] &= true[other] & ~same
    for i in part[true[part]].tolist():
        true[scene.table["first"][i]] = False
    return true


def _inside(scene: Scene, border: int) -> NDArray[np.bool_]:
    """bool[n]: whether the centre lies where there is truth."""
    height, width = scene.labels.shape
    y, x = scene.table["y"], scene.table["x"]
    inside = (y >= border) & (y < height - border) & (x >= border) & (x < width - border)
    answer: NDArray[np.bool_] = inside
    return answer


def _link_rows(
    before: Scene,
    now: Scene,
    links: NDArray[np.void],
    old: list[list[int]],
    new: list[list[int]],
    old_true: NDArray[np.bool_],
    new_true: NDArray[np.bool_],
) -> tuple[Features, NDArray[np.bool_]]:
    """Links between true candidates."""
    both = old_true[links["source"]] & new_true[links["target"]]
    ends = zip(links["source"].tolist(), links["target"].tolist(), strict=True)
    same = np.array([old[i] == new[j] for i, j in ends])
    return _chosen(link_features(before.table, now.table, links), same, both)


def _division_rows(
    seen: Features,
    one: Evidence,
    old: list[list[int]],
    new: list[list[int]],
    known: NDArray[np.bool_],
    line: Mapping[int, Track],
    frame: int,
) -> tuple[Features, NDArray[np.bool_]]:
    """The pairs of daughters that are ``known`` [k] to be right or wrong."""
    true = []
    for mother, j, k in one.pairs[["source", "target", "other"]].tolist():
        a, b = (line[new[side][0]] if len(new[side]) == 1 else None for side in (j, k))
        sisters = a is not None and b is not None and a != b and a.parent == b.parent != 0
        true.append(
            sisters
            and a is not None
            and abs(frame - a.begin) <= LATE
            and bool({a.parent, *([a.label, b.label] if b else [])} & set(old[mother]))
        )
    return _chosen(seen, np.array(true), known)


def _chosen(
    features: Features, true: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> tuple[Features, NDArray[np.bool_]]:
    return {name: values[chosen] for name, values in features.items()}, true[chosen]


def _joined(parts: list[tuple[Features, NDArray[np.bool_]]]) -> Examples:
    names = parts[0][0]
    return Examples(
        {name: np.concatenate([part[0][name] for part in parts]) for name in names},
        np.concatenate([part[1] for part in parts]).astype(bool),
    )
