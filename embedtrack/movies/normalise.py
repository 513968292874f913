"""Grey values to a frame: one function for training and inference, its settings stored with the weights."""

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import Normalisation
from embedtrack.types import Frame

GAUSSIAN = 0.6744897501960817
"""Median absolute deviation of a standard normal."""


def normalise(image: NDArray[np.generic], settings: Normalisation) -> Frame:
    """Bring the grey values of one image to a common scale.

    ``percentile``: (x - q1) / max(q99 - q1, floor * sigma), not clipped: in a sparse frame the 99th percentile is
    noise, so sigma, the noise, bounds the range from below. ``asinh``: asinh((x - median) / (2 sigma)) / 2, which is
    linear for dim cells and logarithmic for bright ones. A constant image becomes zeros.

    Args:
        image: [H, W], any integer or float type, finite.
        settings: method and floor.

    Returns:
        float32[H, W].
    """
    grey = image.astype(np.float32)
    sigma = noise(grey)
    if sigma == 0:
        return np.zeros_like(grey)
    if settings.method == "asinh":
        frame: Frame = np.arcsinh((grey - np.float32(np.median(grey))) / np.float32(2 * sigma)) / np.float32(2)
        return frame
    low, high = (np.float32(q) for q in np.percentile(grey, (1, settings.high)))
    return (grey - low) / max(high - low, np.float32(settings.floor * sigma))


def noise(grey: Frame) -> float:
    """The standard deviation of the noise, from the differences of neighbours: float32[H, W] -> grey values.

    sigma = median |x_i - x_{i+1}| / (0.6745 sqrt 2): edges are few, so the median does not see them. Where most
    neighbours are equal (few grey levels, drawings) their mean takes its place.
    """
    steps = np.abs(np.concatenate([np.diff(grey, axis=axis).ravel() for axis in (0, 1)]))
    if steps.size == 0:
        return 0.0
    typical = float(np.median(steps)) or float(steps.mean())
    return typical / (GAUSSIAN * 2**0.5)
