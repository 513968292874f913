"""The ground of fluorescence that differs over the frame: a lamp that is brighter on one side, stray light, a vignette.

Cells are told from the median and the noise of the whole frame, of which neither holds where the ground does not. Where
it differs much a smooth ground is subtracted; of other frames nothing changes.
"""

from collections.abc import Iterator
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from embedtrack.types import Frame

UNEVEN = 8.0
"""Times the noise by which a ground differs that is levelled; of the movies that trained the shipped models none has
more than 6."""
SOME = 1 << 16
"""Pixels that are looked at, about."""
BLOCKS, COARSE = 12, 4
"""Blocks along a side for the fit, and for a first look."""
DARK = 20
"""Percentile of a block that is its ground: most of it may be cells."""
ROUNDS = 8
"""Of the fit; blocks that lie above the ground, full of cells, count less each time."""


def uneven_ground(image: NDArray[np.generic], within: NDArray[np.bool_] | None = None) -> Frame | None:
    """A smooth ground float32[H, W] that differs much over the frame, of mean 0; None where it does not.

    It is a polynomial of second order through the dark level of blocks. Blocks above it count less, so that neither
    colonies nor large cells are taken for ground.

    Args:
        image: [H, W] of fluorescence.
        within: bool[H, W], the pixels that hold image; None: all.
    """
    sigma = _noise(image)
    levels = [level for _, _, level in _levels(image, within, COARSE)]
    if not sigma or not levels or max(levels) - min(levels) <= UNEVEN * sigma:
        return None
    blocks = list(_levels(image, within, BLOCKS))
    if len(blocks) < BLOCKS:  # hardly any image
        return None
    y, x, level = np.array(blocks).T
    terms, weights = _terms(y, x), np.ones(len(level))
    for _ in range(ROUNDS):
        fit = np.linalg.lstsq(terms * weights[:, None], level * weights, rcond=None)[0]
        above = level - terms @ fit
        usual = 1.4826 * float(np.median(np.abs(above))) + 1e-6 * sigma
        weights = np.minimum(1, usual / np.maximum(above, usual))
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side) for side in image.shape), indexing="ij")
    ground: Frame = (_terms(rows, columns) @ fit).astype(np.float32)
    return ground - ground.mean() if np.ptp(ground) > UNEVEN * sigma else None


def unevenness(image: NDArray[np.generic], within: NDArray[np.bool_] | None = None) -> float:
    """By how many times the noise the ground of an image differs over the frame; 0 where it is even enough."""
    ground = uneven_ground(image, within)
    return 0.0 if ground is None else float(np.ptp(ground)) / _noise(image)


def _terms(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 6]: the terms of a polynomial at places from -1 to 1."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _levels(
    image: NDArray[np.generic], within: NDArray[np.bool_] | None, count: int
) -> Iterator[tuple[float, float, float]]:
    """The place (y, x) from -1 to 1 and the dark level of each of count x count blocks that hold enough image."""
    step = max(1, isqrt(image.size // SOME))
    grey = image[::step, ::step].astype(np.float32)
    known = None if within is None else within[::step, ::step]
    edges = [np.linspace(0, side, count + 1).astype(int) for side in grey.shape]
    for top, bottom in zip(edges[0][:-1], edges[0][1:], strict=True):
        for left, right in zip(edges[1][:-1], edges[1][1:], strict=True):
            block = grey[top:bottom, left:right]
            values = block if known is None else block[known[top:bottom, left:right]]
            if 2 * values.size > block.size:
                place = ((top + bottom) / grey.shape[0] - 1, (left + right) / grey.shape[1] - 1)
                yield *place, float(np.percentile(values, DARK))


def _noise(image: NDArray[np.generic]) -> float:
    """The noise, by the differences of neighbours of some rows."""
    steps = np.abs(np.diff(image[:: max(1, isqrt(image.size // SOME))].astype(np.float32), axis=1))
    return (float(np.median(steps)) / 0.954 or float(steps.mean())) if steps.size else 0.0
