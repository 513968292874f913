"""The lineage tree: each cell a horizontal line over time, on a row between those of its daughters."""

from collections.abc import Sequence
from typing import NamedTuple

from embedtrack.tracks.lives import Life, lives
from embedtrack.types import Track


class Branch(NamedTuple):
    """A cell's row of the tree, and the spans of frames in which it is seen."""

    track: int
    """Its name."""
    row: float
    """From 0; a mother lies in the middle of her daughters."""
    pieces: tuple[tuple[int, int, int], ...]
    """First frame, last frame and label; more than one where the cell was lost in between."""
    parent: int
    daughters: tuple[int, ...]
    lineage: int
    generation: int
    cycle: int | None


class Tree(NamedTuple):
    """Where each cell of each family is drawn."""

    branches: list[Branch]
    rows: int
    """How many rows there are, ..."""
    dividing: int
    """... and how many of them, the first ones, belong to families with a division."""


def grow(tracks: Sequence[Track]) -> Tree:
    """Lay out all cells: large families first, those without division last, in the order of their first frames."""
    life = lives(tracks)
    founders = [name for name, one in life.items() if not one.parent]
    size = dict.fromkeys(founders, 0)
    for one in life.values():
        size[one.lineage] += 1
    founders.sort(key=lambda name: (-size[name], life[name].begin, name))
    rows: dict[int, float] = {}
    leaves = dividing = 0
    for founder in founders:
        for name in _daughters_first(founder, life):
            daughters = life[name].daughters
            if daughters:
                rows[name] = (rows[daughters[0]] + rows[daughters[-1]]) / 2
            else:
                rows[name] = leaves
                leaves += 1
        dividing = leaves if size[founder] > 1 else dividing
    branches = [
        Branch(
            name, rows[name], tuple((piece.begin, piece.end, piece.label) for piece in one.pieces),
            one.parent, one.daughters, one.lineage, one.generation, one.cycle,
        )
        for name, one in life.items()
    ]  # fmt: skip
    return Tree(branches, leaves, dividing)


def _daughters_first(founder: int, life: dict[int, Life]) -> list[int]:
    """The family, every cell after its daughters; no recursion, for a family may be deep."""
    order, waiting = [], [founder]
    while waiting:
        name = waiting.pop()
        order.append(name)
        waiting.extend(life[name].daughters)  # the last one is taken first, and all is turned round in the end
    return order[::-1]
