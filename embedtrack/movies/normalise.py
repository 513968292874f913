"""Grey values to a frame: one function for training and inference, its settings stored with the weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.content import content
from embedtrack.movies.median import median
from embedtrack.movies.scale import to_working
from embedtrack.movies.settings import Normalisation
from embedtrack.movies.shading import uneven_ground
from embedtrack.types import Frame

GAUSSIAN = 0.6744897501960817
"""Median absolute deviation of a standard normal."""
WHOLE = 0.999
"""Of a working pixel so much has content at least, or it has none."""


def as_frame(image: NDArray[Any], scale: float, settings: Normalisation) -> Frame:
    """What the network sees of an image [H, W]: float32[h, w], at the working scale and normalised.

    Places without content are looked for in the image itself: at a smaller scale thin wedges of a rotation are mixed.
    """
    within = content(image)
    if within is not None and scale != 1:
        within = to_working(within.astype(np.float32), scale) > WHOLE
    return normalise(to_working(image, scale), settings, within, looked=True)


def normalise(
    image: NDArray[np.generic],
    settings: Normalisation,
    within: NDArray[np.bool_] | None = None,
    *,
    looked: bool = False,
) -> Frame:
    """Bring the grey values of one image to a common scale.

    ``percentile``: (x - q1) / max(q99 - q1, floor * sigma), not clipped: in a sparse frame the 99th percentile is
    noise, so sigma, the noise, bounds the range from below. ``asinh``: asinh((x - median) / (2 sigma)) / 2, which is
    linear for dim cells and logarithmic for bright ones. A constant image becomes zeros. Before, the ground is levelled
    where it differs much, see ``shading.py``.

    Pixels without content, see ``content.py``, count in no statistic; they take the frame's median.

    Args:
        image: [H, W], any integer or float type, finite.
        settings: method and floor.
        within: bool[H, W], the pixels with content, where that is known.
        looked: it is known, and None says that all have.

    Returns:
        float32[H, W].
    """
    grey = image.astype(np.float32)
    within = within if looked else content(image)
    sigma = noise(grey, within)
    if sigma == 0:
        return np.zeros_like(grey)
    ground = uneven_ground(grey, within, bright=settings.bright)
    grey = grey if ground is None else grey - ground
    known = grey if within is None else grey[within]
    frame: Frame
    if settings.method == "asinh":
        frame = np.arcsinh((grey - np.float32(median(known))) / np.float32(2 * sigma)) / np.float32(2)
    else:
        low, high = (np.float32(q) for q in np.percentile(known, (1, settings.high)))
        frame = (grey - low) / max(high - low, np.float32(settings.floor * sigma))
    if within is not None:
        frame[~within] = np.median(frame[within])
    return frame


def noise(grey: Frame, within: NDArray[np.bool_] | None = None) -> float:
    """The standard deviation of the noise, from the differences of neighbours: float32[H, W] -> grey values.

    sigma = median |x_i - x_{i+1}| / (0.6745 sqrt 2): edges are few, so the median does not see them. Where most
    neighbours are equal (few grey levels, drawings) their mean takes its place. ``within`` are the pixels that count.
    """
    height, width = grey.shape
    steps = np.empty((height - 1) * width + height * (width - 1), np.float32)
    down, across = np.split(steps, [(height - 1) * width])  # differences in place: a large frame has many
    np.subtract(grey[1:], grey[:-1], out=down.reshape(height - 1, width))
    np.subtract(grey[:, 1:], grey[:, :-1], out=across.reshape(height, width - 1))
    np.abs(steps, out=steps)
    if within is not None:
        both = (within[1:] & within[:-1], within[:, 1:] & within[:, :-1])
        steps = steps[np.concatenate([pairs.ravel() for pairs in both])]
    if steps.size == 0:
        return 0.0
    typical = median(steps, spare=True) or float(steps.mean())
    return typical / (GAUSSIAN * 2**0.5)
