"""Cells that were found settle: their centres become means of many pixels, and their rims follow."""

import math

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.types import Labels, Maps


def settle(
    labels: Labels,
    maps: Maps[NDArray[np.float32]],
    reach: float,
    mask_threshold: float,
    min_cell_size: int,
    step: float,
) -> Labels:
    """Give each cell the foreground pixels that are nearest to its mean centre.

    Clustering takes centre and bandwidth of a cell from the one pixel that proposed it. Here they are the means over
    the cell, weighted by seediness s: c = sum s_p e_p / sum s_p and b likewise. A pixel then belongs to the cell for
    which d = exp(-sum_k exp(10 b_k) (c_k - e_k)^2) is highest, if that is above ``reach``: below the 0.5 of the
    proposals where a network that is unsure of dim rims lets them point halfway.

    Args:
        labels: int32[H, W], from ``cluster``.
        maps: of the same frame; ``shift`` is not used.
        reach: in (0, 1); no pixel farther from the cell's box than the radius of this d is looked at.
        mask_threshold: foreground has a seediness above this.
        min_cell_size: cells that shrink below this fall.
        step: the width of a pixel in grid units.

    Returns:
        int32[H, W] with the same numbers.
    """
    offset, bandwidth, seediness = (np.ascontiguousarray(a, np.float32) for a in maps[:3])
    settled = _settle(labels, offset, bandwidth, seediness, -math.log(reach), np.float32(mask_threshold), step)
    size = np.bincount(settled.ravel())
    kept = np.where(size >= min_cell_size, np.arange(size.size), 0).astype(np.int32)
    large: Labels = kept[settled]
    return large


@compiled
def _settle(
    labels: Labels,
    offset: NDArray[np.float32],
    bandwidth: NDArray[np.float32],
    seediness: NDArray[np.float32],
    limit: float,
    threshold: np.float32,
    step: float,
) -> Labels:
    """``limit``: the exponent -log d up to which a pixel may belong to a cell."""
    height, width = labels.shape
    cells = labels.max() + 1
    mean = np.zeros((cells, 5))  # sums of s, s e_y, s e_x, s b_y, s b_x
    box = np.empty((cells, 4), np.int64)  # first and last row, first and last column
    box[:, ::2], box[:, 1::2] = max(height, width), -1
    for y in range(height):
        for x in range(width):
            cell, s = labels[y, x], np.float64(seediness[y, x])
            if cell > 0:
                mean[cell, 0] += s
                mean[cell, 1] += s * (y + offset[0, y, x] / step)
                mean[cell, 2] += s * (x + offset[1, y, x] / step)
                mean[cell, 3] += s * bandwidth[0, y, x]
                mean[cell, 4] += s * bandwidth[1, y, x]
                box[cell, 0], box[cell, 1] = min(box[cell, 0], y), max(box[cell, 1], y)
                box[cell, 2], box[cell, 3] = min(box[cell, 2], x), max(box[cell, 3], x)
    settled = np.zeros((height, width), np.int32)
    nearest = np.full((height, width), limit)
    for cell in range(1, cells):
        if mean[cell, 0] == 0:
            continue
        centre_y, centre_x = mean[cell, 1] / mean[cell, 0], mean[cell, 2] / mean[cell, 0]
        s_y = math.exp(10 * mean[cell, 3] / mean[cell, 0]) * step**2  # per squared pixel
        s_x = math.exp(10 * mean[cell, 4] / mean[cell, 0]) * step**2
        more_y, more_x = int(math.sqrt(limit / s_y)) + 1, int(math.sqrt(limit / s_x)) + 1
        for y in range(max(box[cell, 0] - more_y, 0), min(box[cell, 1] + more_y + 1, height)):
            for x in range(max(box[cell, 2] - more_x, 0), min(box[cell, 3] + more_x + 1, width)):
                if seediness[y, x] > threshold:
                    r_y = y + offset[0, y, x] / step - centre_y
                    r_x = x + offset[1, y, x] / step - centre_x
                    r = s_y * r_y**2 + s_x * r_x**2
                    if r < nearest[y, x]:
                        settled[y, x], nearest[y, x] = cell, r
    return settled
