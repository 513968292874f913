"""Tracking offsets -> who is whose predecessor (Löffler & Mikut 2022, section 3.4)."""

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
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
    labels, before = np.ascontiguousarray(labels, np.int32), np.ascontiguousarray(before, np.int32)
    votes = _votes(labels, np.ascontiguousarray(shift, np.float32), before, step)
    ranked = sorted(votes.tolist(), key=lambda vote: (vote[0], -vote[2], vote[1] == 0, vote[1]))
    links: dict[int, int] = {}
    for cell, source, _ in ranked:
        links.setdefault(cell, source)
    return {cell: source for cell, source in links.items() if source}


@compiled
def _votes(labels: Labels, shift: Frame, before: Labels, step: float) -> NDArray[np.int64]:
    """int64[n, 3]: cell of t, cell of t-1 or 0, and how many pixels of the one are shifted into the other.

    round(p + o^T / step) for each pixel p. Neighbours mostly vote alike: counting runs of equal votes along a row
    leaves a few thousand entries for the table.
    """
    height, width = labels.shape
    pair, run = (0, 0), 0
    table = {pair: run}
    for row in range(height):
        for column in range(width):
            cell = int(labels[row, column])
            if cell <= 0:
                continue
            y = np.rint(row + shift[0, row, column] / step)
            x = np.rint(column + shift[1, row, column] / step)
            source = 0
            if 0 <= y < height and 0 <= x < width:  # as floats: false for NaN
                source = int(before[int(y), int(x)])
            if (cell, source) != pair:
                table[pair] = table.get(pair, 0) + run
                pair, run = (cell, source), 0
            run += 1
    table[pair] = table.get(pair, 0) + run
    votes = np.empty((len(table), 3), np.int64)
    for index, ((cell, source), count) in enumerate(table.items()):
        votes[index] = cell, source, count
    return votes[1:]  # the first entry opened the table
