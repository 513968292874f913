"""Refinement of masks: a cell's centre becomes the mean of many pixels, and its rim follows."""

import math

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.methods.embedtrack.branched import SHARPNESS
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.types import Labels


def refine(
    labels: Labels,
    maps: Maps[NDArray[np.float32]],
    reach: float,
    mask_threshold: float,
    min_cell_size: int,
    pixel_size: float,
) -> Labels:
    """Give each cell the foreground pixels that are nearest to its mean centre.

    Clustering takes centre and bandwidth of a cell from the one pixel that proposed it. Here they are the means over
    the cell, weighted by seediness s: c = sum s_p e_p / sum s_p and b likewise. A pixel then belongs to the cell for
    which d = exp(-sum_k exp(10 b_k) (c_k - e_k)^2) is highest, if that is above ``reach``: below the 0.5 of the
    proposals where a network that is unsure of dim rims lets them point halfway.

    A cell without a pixel at its centre or beside it falls: it is a crescent, the rim of a cell that was torn from it.

    Args:
        labels: int32[H, W], from ``cluster``.
        maps: of the same frame; ``shift`` is not used.
        reach: in (0, 1); no pixel farther from the cell's box than the radius of this d is looked at.
        mask_threshold: foreground has a seediness above this.
        min_cell_size: cells that shrink below this fall.
        pixel_size: the width of a pixel in grid units.

    Returns:
        int32[H, W] with the same numbers.
    """
    offset, bandwidth, seediness = (np.ascontiguousarray(a, np.float32) for a in maps[:3])
    limit, threshold = -math.log(reach), np.float32(mask_threshold)
    refined: Labels = _refine(labels, offset, bandwidth, seediness, limit, threshold, min_cell_size, pixel_size)
    return refined


@compiled
def _refine(
    labels: Labels,
    offset: NDArray[np.float32],
    bandwidth: NDArray[np.float32],
    seediness: NDArray[np.float32],
    limit: float,
    threshold: np.float32,
    min_cell_size: int,
    pixel_size: float,
) -> Labels:
    """``limit``: the exponent -log d up to which a pixel may belong to a cell."""
    cells = labels.max() + 1
    mean = _means(labels, cells, offset, bandwidth, seediness, pixel_size)
    refined = _nearest(labels, mean, offset, seediness, limit, threshold, pixel_size)
    mean = _means(refined, cells, offset, bandwidth, seediness, pixel_size)
    _keep(refined, _centred(refined, mean), min_cell_size)
    return refined


@compiled
def _nearest(
    labels: Labels,
    mean: NDArray[np.float64],
    offset: NDArray[np.float32],
    seediness: NDArray[np.float32],
    limit: float,
    threshold: np.float32,
    pixel_size: float,
) -> Labels:
    """The cells anew, each with the pixels whose r to its mean is the least; the means' b becomes S."""
    height, width = labels.shape
    cells = len(mean)
    box = np.empty((cells, 4), np.int64)  # first and last row, first and last column
    box[:, ::2], box[:, 1::2] = max(height, width), -1
    for y in range(height):
        for x in range(width):
            cell = labels[y, x]
            box[cell, 0], box[cell, 1] = min(box[cell, 0], y), max(box[cell, 1], y)
            box[cell, 2], box[cell, 3] = min(box[cell, 2], x), max(box[cell, 3], x)
    for cell in range(1, cells):
        for axis in (2, 3):
            mean[cell, axis] = math.exp(SHARPNESS * mean[cell, axis]) * pixel_size**2  # per squared pixel
    refined = np.zeros((height, width), np.int32)
    for cell in range(1, cells):
        if np.isnan(mean[cell, 0]):
            continue
        more_y, more_x = int(math.sqrt(limit / mean[cell, 2])) + 1, int(math.sqrt(limit / mean[cell, 3])) + 1
        for y in range(max(box[cell, 0] - more_y, 0), min(box[cell, 1] + more_y + 1, height)):
            for x in range(max(box[cell, 2] - more_x, 0), min(box[cell, 3] + more_x + 1, width)):
                if seediness[y, x] > threshold:
                    e_y, e_x = y + offset[0, y, x] / pixel_size, x + offset[1, y, x] / pixel_size
                    other = refined[y, x]  # its r is computed again: a map of it would be larger than all labels
                    if _r(e_y, e_x, mean[cell]) < (_r(e_y, e_x, mean[other]) if other else limit):
                        refined[y, x] = cell
    return refined


@compiled
def _r(e_y: float, e_x: float, cell: NDArray[np.float64]) -> float:
    """-log d of a pixel that points to e, to a cell of this centre and S."""
    return exponent(e_y - cell[0], e_x - cell[1], cell[2], cell[3])


@compiled
def _centred(labels: Labels, mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each cell has a pixel at its centre or beside it."""
    height, width = labels.shape
    centred = np.zeros(len(mean), np.bool_)
    for cell in range(1, len(mean)):
        y, x = nearest_pixel(mean[cell, 0], height), nearest_pixel(mean[cell, 1], width)
        centred[cell] = (labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] == cell).any()
    return centred


@compiled
def _keep(labels: Labels, centred: NDArray[np.bool_], min_cell_size: int) -> None:
    """Make background of the cells that are too small or not centred."""
    flat = labels.reshape(-1)
    size = np.zeros(centred.size, np.int64)
    for cell in flat:
        size[cell] += 1
    for pixel in range(flat.size):
        cell = flat[pixel]
        if size[cell] < min_cell_size or not centred[cell]:
            flat[pixel] = 0


@compiled
def _means(
    labels: Labels,
    cells: int,
    offset: NDArray[np.float32],
    bandwidth: NDArray[np.float32],
    seediness: NDArray[np.float32],
    pixel_size: float,
) -> NDArray[np.float64]:
    """Of each label below ``cells`` the means, weighted by seediness, of (e_y, e_x, b_y, b_x), e in pixels; or nan."""
    total, weight = np.zeros((cells, 4)), np.zeros(cells)
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            cell, s = labels[y, x], np.float64(seediness[y, x])
            if cell > 0:
                weight[cell] += s
                total[cell, 0] += s * (y + offset[0, y, x] / pixel_size)
                total[cell, 1] += s * (x + offset[1, y, x] / pixel_size)
                total[cell, 2] += s * bandwidth[0, y, x]
                total[cell, 3] += s * bandwidth[1, y, x]
    return total / np.where(weight > 0, weight, np.nan)[:, None]


@compiled
def exponent(off_y: float, off_x: float, s_y: float, s_x: float) -> float:
    """-log d of a pixel that points so far beside a centre, for its S."""
    return s_y * off_y**2 + s_x * off_x**2


@compiled
def nearest_pixel(position: float, size: int) -> int:
    """The pixel of 0 .. size - 1 nearest to a position; written so that even nan is a pixel of the frame."""
    if position >= size - 1:
        return size - 1
    return int(position + 0.5) if position > 0 else 0
