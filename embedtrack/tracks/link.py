"""Tracking offsets -> who is whose predecessor (Löffler & Mikut 2022, section 3.4)."""

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.tracks.relabel import compact
from embedtrack.types import Frame, Labels


def link(labels: Labels, shift: Frame, before: Labels, step: float) -> dict[int, int]:
    """Each cell of frame t votes for the cell of t-1 that holds most of its shifted pixels.

    The background is a candidate too, and so is everything outside the frame: the centre at t-1 to which a pixel is
    shifted always lies inside if the cell was seen at all. A cell whose predecessor was missed so has none, rather
    than a neighbour, which would then seem to divide. Of two cells with equally many pixels the smaller label wins;
    the background has to have more than any cell.

    Args:
        labels: int32[H, W] of frame t, any positive labels.
        shift: float32[2, H, W], the tracking offset (y, x) in grid units.
        before: int32[H, W] of frame t-1, any positive labels.
        step: the width of a pixel in grid units.

    Returns:
        Label at t -> label at t-1, in rising order, for the cells that have a predecessor.

    Raises:
        ValueError: the three arrays are not of one frame size.
    """
    if not labels.shape == before.shape == shift.shape[1:] or len(shift) != 2:
        shapes = f"{labels.shape}, {before.shape} and {shift.shape}"
        raise ValueError(
            f"expected labels, labels before and shift of shapes [H, W], [H, W] and [2, H, W], got {shapes}"
        )
    (now, cells), (then, candidates) = compact(labels), compact(before)
    sources = _sources(now, np.ascontiguousarray(shift, np.float32), then, step)
    voters = np.flatnonzero(sources)
    return dict(zip(cells[voters].tolist(), candidates[sources[voters]].tolist(), strict=True))


@compiled
def _sources(labels: Labels, shift: Frame, before: Labels, step: float) -> NDArray[np.int32]:
    """int32[highest label + 1]: the cell of t-1 that most pixels of each cell of t are shifted into, or 0.

    A pixel p votes for the cell at round(p + o^T / step). The votes are sorted by voter, by counting, and then counted
    cell by cell: the work is linear in the number of pixels.
    """
    height, width = labels.shape
    first = np.zeros(labels.max() + 2, np.int64)  # cell c's votes are first[c] to first[c + 1]
    for label in labels.reshape(-1):
        if label > 0:
            first[label + 1] += 1
    for cell in range(first.size - 1):
        first[cell + 1] += first[cell]
    free = first.copy()
    votes = np.zeros(first[-1], np.int32)
    for row in range(height):
        for column in range(width):
            cell = labels[row, column]
            if cell > 0:
                y = np.rint(row + shift[0, row, column] / step)
                x = np.rint(column + shift[1, row, column] / step)
                if 0 <= y < height and 0 <= x < width:  # as floats: false for NaN
                    votes[free[cell]] = before[int(y), int(x)]
                free[cell] += 1
    count = np.zeros(before.max() + 1, np.int64)
    sources = np.zeros(first.size - 1, np.int32)
    for cell in range(1, first.size - 1):
        own = votes[first[cell] : first[cell + 1]]
        for vote in own:
            count[vote] += 1
        best = 0
        for vote in own:
            if vote > 0 and (count[vote] > count[best] or (count[vote] == count[best] and (best == 0 or vote < best))):
                best = vote
        sources[cell] = best
        count[own] = 0
    return sources
