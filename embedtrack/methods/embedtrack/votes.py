"""Tracking offsets -> who is whose predecessor (Löffler & Mikut 2022, section 3.4)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.tracks.relabel import compact
from embedtrack.types import Frame, Labels


def link(labels: Labels, shift: Frame, before: Labels, pixel_size: float) -> dict[int, int]:
    """Each cell of frame t votes for the cell of t-1 that holds most of its shifted pixels.

    The background is a candidate too, and so is everything outside the frame: the centre at t-1 to which a pixel is
    shifted always lies inside if the cell was seen at all. A cell whose predecessor was missed so has none, rather
    than a neighbour, which would then seem to divide. Of two cells with equally many pixels the smaller label wins;
    the background has to have more than any cell.

    Args:
        labels: int32[H, W] of frame t, any positive labels.
        shift: float32[2, H, W], the tracking offset (y, x) in grid units.
        before: int32[H, W] of frame t-1, any positive labels.
        pixel_size: the width of a pixel in grid units.

    Returns:
        Label at t -> label at t-1, in rising order, for the cells that have a predecessor.

    Raises:
        ValueError: the three arrays are not of one frame size.
    """
    return {cell: source for cell, source in votes(labels, shift, before, pixel_size).items() if source}


def votes(labels: Labels, shift: Frame, before: Labels, pixel_size: float) -> dict[int, int]:
    """As ``link``, for all cells of frame t, in rising order: those without a predecessor have 0."""
    if not labels.shape == before.shape == shift.shape[1:] or len(shift) != 2:
        shapes = f"{labels.shape}, {before.shape} and {shift.shape}"
        raise ValueError(
            f"expected labels, labels before and shift of shapes [H, W], [H, W] and [2, H, W], got {shapes}"
        )
    (now, cells), (then, candidates) = compact(labels), compact(before)
    runs = _runs(now, np.ascontiguousarray(shift, np.float32), then, pixel_size)
    sources = _sources(runs, cells.size, candidates.size)
    voters = np.flatnonzero(sources >= 0)
    return dict(zip(cells[voters].tolist(), candidates[sources[voters]].tolist(), strict=True))


class Runs(NamedTuple):
    """The n pixels of all cells in reading order, in k runs of one cell's that vote alike."""

    voter: NDArray[np.int32]
    """[k]: the cell of t."""
    vote: NDArray[np.int32]
    """[k]: the cell of t-1 for which its pixels vote, or 0."""
    first: NDArray[np.int32]
    """[k + 1]: how many pixels come before; the last is n."""


@compiled
def _runs(labels: Labels, shift: Frame, before: Labels, pixel_size: float) -> Runs:
    """A pixel p votes for the cell at round(p + o^T / pixel_size), in ``before``."""
    height, width = labels.shape
    known = before.reshape(-1)
    goal = np.empty(width, np.int32)  # where the pixels of a row point to, in reading order, or -1
    voter, vote = np.empty(labels.size, np.int32), np.empty(labels.size, np.int32)
    first = np.empty(labels.size + 1, np.int32)
    pixels = runs = 0
    for row in range(height):
        for column in range(width):  # without branches, so that many are done at a time
            y = np.rint(row + shift[0, row, column] / pixel_size)
            x = np.rint(column + shift[1, row, column] / pixel_size)
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)  # as floats: false for NaN
            goal[column] = np.int32(y * width + x) if inside else np.int32(-1)
        for column in range(width):
            cell = labels[row, column]
            if cell > 0:
                there = known[np.uint32(goal[column])] if goal[column] >= 0 else 0
                if runs == 0 or (cell != voter[runs - 1]) | (there != vote[runs - 1]):
                    voter[runs], vote[runs], first[runs] = cell, there, pixels
                    runs += 1
                pixels += 1
    first[runs] = pixels
    return Runs(voter[:runs], vote[:runs], first[: runs + 1])


@compiled
def _sources(runs: Runs, cells: int, candidates: int) -> NDArray[np.int32]:
    """int32[cells]: the cell of t-1 that most pixels of each cell of t vote for, or 0; -1 where there is no such cell.

    The runs are sorted by voter, by counting, and then counted cell by cell: the work is linear in their number.
    """
    begin = np.zeros(cells + 1, np.int64)  # cell c's runs are begin[c] to begin[c + 1]
    for cell in runs.voter:
        begin[cell + 1] += 1
    for cell in range(cells):
        begin[cell + 1] += begin[cell]
    order, free = np.empty(runs.voter.size, np.int32), begin.copy()
    for run, cell in enumerate(runs.voter):
        order[free[cell]] = run
        free[cell] += 1
    count = np.zeros(candidates, np.int64)
    sources = np.full(cells, -1, np.int32)
    for cell in range(1, cells):
        own = order[begin[cell] : begin[cell + 1]]
        if own.size > 0:
            for run in own:
                count[runs.vote[run]] += runs.first[run + 1] - runs.first[run]
            best = 0
            for vote in runs.vote[own]:
                more = count[vote] > count[best]
                equal = count[vote] == count[best]
                if vote > 0 and (more or (equal and (best == 0 or vote < best))):
                    best = vote
            sources[cell] = best
            count[runs.vote[own]] = 0
    return sources
