"""The ground that differs over the frame: a lamp that is brighter on one side, stray light, a vignette.

Grey values are brought to a common scale by the median, the noise or percentiles of the whole frame, of which none
holds where the ground does not. Where it differs much a smooth ground is subtracted; other frames stay as they are.
"""

from collections.abc import Iterator
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from embedtrack.types import Frame

UNEVEN = 8.0
"""Times the noise by which a ground below bright cells differs that is levelled; of the movies that trained the shipped
models none has more than 6."""
STEEP = 0.85
"""Times the contrast, from percentile 1 to 99 of the levelled frame, by which any other ground differs that is
levelled. PhC-C2DL-PSC has .6 to .67 and would lose if it were; a slope of a quarter to both sides gives DIC .9 and
more, one of two fifths PhC-C2DH-U373 1.1 and more."""
SOME = 1 << 16
"""Pixels that are looked at, about."""
BLOCKS, COARSE = 12, 4
"""Blocks along a side for the fit, and for a first look."""
DARK = 20
"""Percentile of a block that is its ground where cells are bright: most of it may be cells."""
ROUNDS = 8
"""Of the fit; blocks that are off the ground, full of cells, count less each time."""


def uneven_ground(
    image: NDArray[np.generic], sigma: float, within: NDArray[np.bool_] | None = None, *, bright: bool = True
) -> Frame | None:
    """A smooth ground float32[H, W] that differs much over the frame, of mean 0; None where it does not.

    It is a polynomial of second order through the ground of blocks. Blocks off it count less, so that neither colonies
    nor large cells are taken for ground.

    Args:
        image: [H, W].
        sigma: its noise.
        within: bool[H, W], the pixels that hold image; None: all.
        bright: cells are brighter than the ground, which is then the dark level of a block and is compared with the
            noise. Else it is a block's median, and is compared with the contrast.
    """
    if not sigma:
        return None
    if bright:
        levels = [level for _, _, level in _levels(image, within, COARSE, DARK)]
        if not levels or max(levels) - min(levels) <= UNEVEN * sigma:
            return None
    blocks = list(_levels(image, within, BLOCKS, DARK if bright else 50))
    if len(blocks) < BLOCKS:  # hardly any image
        return None
    fit = _fit(np.array(blocks), 1e-6 * sigma, bright=bright)
    if not bright and not _is_steep(image, within, fit):
        return None
    ground = _polynomial(image.shape, fit)
    return ground - ground.mean() if not bright or np.ptp(ground) > UNEVEN * sigma else None


def _fit(blocks: NDArray[np.float64], least: float, *, bright: bool) -> NDArray[np.float64]:
    """The polynomial [6] through blocks [n, 3]: y, x, level; ``least`` bounds what counts as off it from below."""
    y, x, level = blocks.T
    terms, weights = _terms(y, x), np.ones(len(level))
    for _ in range(ROUNDS):
        fit: NDArray[np.float64] = np.linalg.lstsq(terms * weights[:, None], level * weights, rcond=None)[0]
        off = level - terms @ fit
        off = off if bright else np.abs(off)
        usual = 1.4826 * float(np.median(np.abs(off))) + least
        weights = np.minimum(1, usual / np.maximum(off, usual))
    return fit


def _is_steep(image: NDArray[np.generic], within: NDArray[np.bool_] | None, fit: NDArray[np.float64]) -> bool:
    """Whether a ground differs by much of what is left of the contrast without it."""
    step = max(1, isqrt(image.size // SOME))
    grey, known = image[::step, ::step].astype(np.float32), None if within is None else within[::step, ::step]
    ground = _polynomial(grey.shape, fit)
    low, high = np.percentile(grey - ground if known is None else (grey - ground)[known], (1, 99))
    return bool(np.ptp(ground) > STEEP * (high - low))


def _polynomial(shape: tuple[int, ...], fit: NDArray[np.float64]) -> Frame:
    """The ground float32[H, W] of a fit."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    ground: Frame = (_terms(rows, columns) @ fit).astype(np.float32)
    return ground


def _terms(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 6]: the terms of a polynomial at places from -1 to 1."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _levels(
    image: NDArray[np.generic], within: NDArray[np.bool_] | None, count: int, percentile: float
) -> Iterator[tuple[float, float, float]]:
    """The place (y, x) from -1 to 1 and the level of each of count x count blocks that hold enough image."""
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
                yield *place, float(np.percentile(values, percentile))
