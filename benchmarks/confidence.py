"""Are decisions as likely right as they say: ``python -m benchmarks.confidence DATASET... [--model FOLDER]``.

For cells, links, daughters and arrivals: how often decisions of each probability are right, and how many of the wrong
ones the least sure tenth of all holds; ``--plot-to`` draws the former. Only frames that trained no network may tell,
see ``benchmarks.tracking_costs``. What is likely is learnt from the other data sets, or for each half of
a single one's frames from the other half. With ``--model`` what was learnt from all is written into its config.json.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import brentq
from scipy.special import expit

from benchmarks.plot import Line, Panel, draw
from benchmarks.tracking_costs import Datasets, First, Folds, Last, Part, Weights, parts_of, sources
from embedtrack import checkpoint
from embedtrack.challenge.aogm import Node, cells_of_masks, edges, match_labels
from embedtrack.challenge.scores import cut
from embedtrack.cli.display import start_logging
from embedtrack.config import Costs, Logistic, Sureness
from embedtrack.files.whole import whole_file
from embedtrack.model_files import CONFIG
from embedtrack.tracks.confidence import evidence_of
from embedtrack.tracks.costs import Features, log_odds
from embedtrack.tracks.learn import fit
from embedtrack.tracks.lineage import Lineage
from embedtrack.tracks.relabel import present
from embedtrack.tracks.rules import Spans
from embedtrack.tracks.tracker import Mask, written
from embedtrack.tracks.window import Window
from embedtrack.types import Track

KINDS = ("cell", "link", "birth", "arrival")
"""Fields of ``Sureness``."""
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
FEW = 20
"""So many wrong and so many right decisions of a kind must be known, else its slope is that of all kinds of links; and
so many in all, else its level too."""


class Decisions(NamedTuple):
    """n decisions of one kind."""

    features: Features
    """What tells whether they are right, float64[n] each; of links the ``margin`` alone, in log-odds."""
    right: NDArray[np.bool_]
    """[n]"""


def decisions(one: Part, costs: Costs) -> dict[str, Decisions]:
    """What was decided in the frames of a movie, and whether that was right.

    A cell is right if its mask finds exactly one cell of the truth. Its past is judged only then: it is right if the
    mask before, or the mother's, finds the cell that it comes from in the truth, or if it comes from nowhere there too.
    Nothing is asked of where the cells of the first frame come from, nor of those that lie partly in the border: there
    the truth has some cells and lacks others.
    """
    window, lineage, spans = Window(costs, one.max_gap), Lineage(one.max_gap), Spans()
    decided = [done for cells in one.cells for done in window.add(cells)] + window.finish()
    masks: list[Mask] = []
    told: list[tuple[Node, dict[str, float], float]] = []  # a cell, its evidence, and the margin of its past
    for t, frame in enumerate(written(decided, lineage, spans, one.border, whole=False)):
        masks.append(frame.mask)
        steps = frame.decided.steps
        seen, partly = evidence_of(frame.decided.scene.table, steps), _partly(frame.mask, one.border)
        there = set(present(frame.kept).tolist())
        for index, step in enumerate(steps):
            track = lineage.newest[int(step["cell"])]
            label = spans.label(track)
            if track in there and label not in partly:
                told.append(((t, label), {name: values[index] for name, values in seen.items()}, step["comes_so"]))
    matches = [match_labels(truth, mask.astype(np.int32)) for truth, mask in zip(one.markers, masks, strict=True)]
    return _judged(told, cells_of_masks(matches), one.tracks, spans.tracks())


def _judged(
    told: Iterable[tuple[Node, dict[str, float], float]],
    found: Mapping[Node, Node],
    reference: list[Track],
    computed: list[Track],
) -> dict[str, Decisions]:
    """Which of the decisions are right."""
    before = {late: early for early, late in edges(computed)}
    true = {late: early for early, late in edges(reference)}
    siblings = _daughters(computed)
    rows: dict[str, list[tuple[dict[str, float], bool]]] = {kind: [] for kind in KINDS}
    for node, seen, margin in told:
        rows["cell"].append((seen, node in found))
        if node not in found or node[0] == 0:
            continue
        origin = before.get(node)
        if origin is None:
            rows["arrival"].append(({"margin": margin}, found[node] not in true))
        else:
            kind = "birth" if node[1] in siblings and origin[1] != node[1] else "link"
            rows[kind].append(({"margin": margin}, origin in found and true.get(found[node]) == found[origin]))
    return {kind: _columns(pairs) for kind, pairs in rows.items()}


def _partly(mask: NDArray[np.uint16], border: int) -> set[int]:
    """The labels of uint16[H, W] that have pixels within ``border`` pixels of the frame's edge."""
    height, width = mask.shape
    field = np.zeros(mask.shape, bool)
    field[border : height - border, border : width - border] = True
    return set(np.unique(mask[~field]).tolist())


def _daughters(tracks: Iterable[Track]) -> set[int]:
    """The tracks that have a sister."""
    children: dict[int, list[int]] = {}
    for track in tracks:
        children.setdefault(track.parent, []).append(track.label)
    return {label for parent, labels in children.items() if parent and len(labels) > 1 for label in labels}


def _columns(pairs: list[tuple[dict[str, float], bool]]) -> Decisions:
    names = list(pairs[0][0]) if pairs else ["margin"]
    right = np.array([right for _, right in pairs], bool)
    return Decisions({name: np.array([seen[name] for seen, _ in pairs], float) for name in names}, right)


def pooled(parts: Iterable[Mapping[str, Decisions]]) -> dict[str, Decisions]:
    """Of several movies."""
    known = list(parts)
    return {kind: _joined([one[kind] for one in known]) for kind in KINDS}


def _joined(parts: list[Decisions]) -> Decisions:
    parts = [one for one in parts if len(one.right)] or parts[:1]
    names = parts[0].features
    features = {name: np.concatenate([one.features[name] for one in parts]) for name in names}
    return Decisions(features, np.concatenate([one.right for one in parts]))


def scales(known: Mapping[str, Decisions]) -> Sureness:
    """The logistic curves through how often decisions were right."""
    every = _joined([known[kind] for kind in KINDS[1:]])
    enough = {kind: min(int(one.right.sum()), int((~one.right).sum())) >= FEW for kind, one in known.items()}
    common = _curve(every)
    curves = {kind: _curve(known[kind]) if enough[kind] else _level(known[kind], common) for kind in KINDS[1:]}
    return Sureness(cell=fit(*known["cell"]) if enough["cell"] else Sureness().cell, **curves)


def _curve(one: Decisions) -> Logistic:
    weights = fit(*one)
    return weights["bias"], max(weights.get("margin", 1.0), 0.0)


def _level(one: Decisions, common: Logistic) -> Logistic:
    """The common curve, moved so that it says in the mean how often those of one kind were right (Laplace's rule)."""
    if len(one.right) < FEW:
        return common
    share, slope = (one.right.sum() + 1) / (len(one.right) + 2), common[1]
    margins = one.features["margin"]
    far = 40 + slope * float(np.abs(margins).max())
    level = brentq(lambda bias: expit(bias + slope * margins).mean() - share, -far, far)
    return round(float(level), 3), slope


def chances(known: Mapping[str, Decisions], sureness: Sureness) -> dict[str, NDArray[np.float64]]:
    """Of each kind float64[n]: how likely each decision is right."""
    weights = {kind: dict(zip(("bias", "margin"), getattr(sureness, kind), strict=True)) for kind in KINDS[1:]}
    every: dict[str, Mapping[str, float]] = {"cell": sureness.cell, **weights}
    return {kind: expit(log_odds(one.features, every[kind])) for kind, one in known.items()}


def first_tenth(chance: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The share of the wrong decisions that the least sure tenth of all holds; equals count in part."""
    wrong, size = ~right, len(right) / 10
    if not wrong.any():
        return float("nan")
    share, room = 0.0, size
    for value in np.unique(chance):
        its = chance == value
        taken = min(room / its.sum(), 1.0)
        share += taken * wrong[its].sum()
        room -= taken * its.sum()
        if room <= 0:
            break
    return float(share / wrong.sum())


def reliability(chance: NDArray[np.float64], right: NDArray[np.bool_]) -> list[tuple[int, float, float]]:
    """Of each of the BINS: how many decisions, their mean probability, the share that was right."""
    which = np.clip(np.digitize(chance, BINS) - 1, 0, len(BINS) - 2)
    return [
        (int((which == i).sum()), float(chance[which == i].mean()), float(right[which == i].mean()))
        if (which == i).any() else (0, float("nan"), float("nan"))
        for i in range(len(BINS) - 1)
    ]  # fmt: skip


def tables(known: Mapping[str, Decisions], sureness: Sureness) -> tuple[Table, Table]:
    """How often what is said to be likely is right, and how much the least sure tenth holds."""
    found = chances(known, sureness)
    curve = Table("said", *(f"{kind}: n, said, right" for kind in KINDS))
    bins = {kind: reliability(found[kind], known[kind].right) for kind in KINDS}
    for i, (low, high) in enumerate(pairwise(BINS)):
        cells = [f"{bins[kind][i][0]}, {bins[kind][i][1]:.3f}, {bins[kind][i][2]:.3f}" for kind in KINDS]
        curve.add_row(f"{low:g} to {high:g}", *cells)
    share = Table("decisions", "all", "wrong", "of the wrong in the least sure tenth")
    everything = (np.concatenate(list(found.values())), np.concatenate([one.right for one in known.values()]))
    for kind, chance, right in [*((k, found[k], known[k].right) for k in KINDS), ("all", *everything)]:
        share.add_row(kind, str(len(right)), str(int((~right).sum())), f"{first_tenth(chance, right):.2f}")
    return curve, share


def halves(one: Part) -> tuple[Part, Part]:
    """Its first and its second half in time, each as a movie of its own."""
    end = len(one.cells)
    return _frames(one, "first half", 0, end // 2), _frames(one, "second half", end // 2, end)


def _frames(one: Part, name: str, first: int, end: int) -> Part:
    cells, markers = one.cells[first:end], one.markers[first:end]
    return one._replace(
        name=f"{one.name}, {name}", cells=cells, markers=markers, tracks=cut(one.tracks, first, end - 1)
    )


def panel(name: str, known: Mapping[str, Decisions], sureness: Sureness) -> Panel:
    """How often decisions are wrong against how often they are said to be, on logarithmic axes, since most are sure."""
    lines = [Line("as said", {10.0**power: 10.0**power for power in (-3, -2, -1, 0)})]
    for kind, chance in chances(known, sureness).items():
        bins = reliability(chance, known[kind].right)
        points = {1 - said: 1 - right for count, said, right in bins if count >= FEW and right < 1}
        if points:
            lines.append(Line(kind, dict(sorted(points.items()))))
    return Panel(lines, across=f"{name}: said to be wrong", up="wrong")


def main(
    datasets: Datasets,
    weights: Weights = None,
    first: First = None,
    last: Last = None,
    out: Folds = None,
    model: Annotated[Path | None, typer.Option(help="Write what was learnt into this model's config.json.")] = None,
    plot_to: Annotated[Path | None, typer.Option(help="Draw how reliable they are, e.g. docs/confidence.svg.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print both tables for each data set, or half of one, with what was learnt from the others."""
    start_logging()
    asked = list(parts_of(sources(datasets, weights, first, last, out), device))
    if len(asked) == 1:
        asked = [(half, costs) for one, costs in asked for half in halves(one)]
    known = [decisions(one, costs) for one, costs in asked]
    console, panels = Console(), []
    for index, (one, _) in enumerate(asked):
        others = scales(pooled([other for number, other in enumerate(known) if number != index]))
        console.print(f"{one.name}, by the others")
        console.print(*tables(known[index], others))
        panels.append(panel(one.name, known[index], others))
    if plot_to:
        draw(plot_to, panels)
    learnt = scales(pooled(known))
    console.print_json(learnt.model_dump_json())
    if model:
        config = checkpoint.read_config(model / CONFIG).model_copy(update={"sureness": learnt})
        with whole_file(model / CONFIG) as file:
            file.write_text(config.model_dump_json(indent=2, exclude_unset=True) + "\n")


if __name__ == "__main__":
    typer.run(main)
