"""The lost points for a page: each error with its position, and how they add up by kind and by frame."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from embedtrack.challenge.aogm import Node
from embedtrack.looks.errors import KINDS, Error
from embedtrack.looks.overlay import Place

MEANING = {
    "missed": "no mask covers more than half of a true cell",
    "false": "a mask finds no cell",
    "split": "a further mask on a cell that another one finds",
    "merged": "one mask finds several cells",
    "wrong link": "a link between two cells that the truth does not join, or joins as parent and child",
    "lost link": "a link of the truth that is not there",
    "lost division": "a link of a division that is not there, or is there without the division",
    "false division": "a link of a division where none is",
}


class Sum(NamedTuple):
    """What the errors of one kind cost together."""

    kind: str
    number: int
    cost: float
    """Points of AOGM."""
    share: float
    """Of all points."""
    follow: int
    """How many of them are lost links that only follow from a missed or merged cell."""


def by_kind(errors: Sequence[Error]) -> list[Sum]:
    """The sums of the kinds that occur, in the order of KINDS; their costs add up to AOGM."""
    total = sum(error.cost for error in errors)
    sums = []
    for kind in KINDS:
        these = [error for error in errors if error.kind == kind]
        if these:
            cost = sum(error.cost for error in these)
            sums.append(Sum(kind, len(these), cost, cost / total, sum(error.follows for error in these)))
    return sums


def by_frame(errors: Sequence[Error], frames: int) -> list[list[float]]:
    """The points lost in each frame, for each of KINDS."""
    points = [[0.0] * len(KINDS) for _ in range(frames)]
    for error in errors:
        points[error.frame][KINDS.index(error.kind)] += error.cost
    return points


def place(error: Error, cells: Mapping[Node, Place], masks: Mapping[Node, Place]) -> Place:
    """Where to look for an error in its frame: at its cell in the truth, or at its mask where there is no cell.

    Args:
        error: of a frame that both maps know.
        cells: where each cell of the truth is.
        masks: where each mask of the result is.
    """
    if error.operation == "NS" or not error.cells:
        return masks[error.masks[0]]
    return cells[error.cells[-1]]


def text(error: Error) -> str:
    """Which cells and masks an error is about."""
    cells, masks = ([str(label) for _, label in nodes] for nodes in (error.cells, error.masks))
    match error.operation:
        case "FN":
            return f"cell {cells[0]}"
        case "FP":
            return f"mask {masks[0]}" + (f" on cell {cells[0]}" if cells else "")
        case "NS":
            return f"mask {masks[0]} on cells {', '.join(cells)}"
    (start, before), (_, after) = error.cells
    since = "" if error.cells[1][0] - start == 1 else f" over {error.cells[1][0] - start} frames"
    if error.follows:
        return f"of cell {after}, after a missed or merged cell"
    return f"of cell {after}{since}" if before == after else f"from cell {before} to {after}{since}"
