"""The noise of an image, from the differences of neighbouring pixels."""

import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.median import grouped_median, median
from embedtrack.types import Frame

GAUSSIAN = 0.6744897501960817
"""Median absolute deviation of a standard normal."""


def noise(grey: Frame, within: NDArray[np.bool_] | None = None, *, grouped: bool = False) -> float:
    """The standard deviation of the noise, from the differences of neighbours: float32[H, W] -> grey values.

    sigma = median |x_i - x_{i+1}| / (0.6745 sqrt 2): edges are few, so the median does not see them. Where most
    neighbours are equal (few grey levels, drawings) their mean takes its place.

    Args:
        grey: grey values.
        within: the pixels that count.
        grouped: the median lies between the grey levels where these are few, as in 8 bits, instead of jumping from one
            to the next; the mean bounds it from above where most neighbours are equal.
    """
    steps = _steps(grey, within)
    if steps.size == 0:
        return 0.0
    most_equal = 2 * np.count_nonzero(steps) < steps.size
    typical = grouped_median(steps) if grouped else median(steps, spare=not most_equal)
    if most_equal:
        typical = min(typical or np.inf, float(steps.mean()))
    return typical / (GAUSSIAN * 2**0.5)


def _steps(grey: Frame, within: NDArray[np.bool_] | None) -> Frame:
    """The differences of neighbours float32[n], down and across; in place, since a large frame has many."""
    height, width = grey.shape
    steps = np.empty((height - 1) * width + height * (width - 1), np.float32)
    down, across = np.split(steps, [(height - 1) * width])
    np.subtract(grey[1:], grey[:-1], out=down.reshape(height - 1, width))
    np.subtract(grey[:, 1:], grey[:, :-1], out=across.reshape(height, width - 1))
    np.abs(steps, out=steps)
    if within is None:
        return steps
    both = (within[1:] & within[:-1], within[:, 1:] & within[:, :-1])
    known: Frame = steps[np.concatenate([pairs.ravel() for pairs in both])]
    return known
