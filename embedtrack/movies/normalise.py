"""Grey values to a frame: one function for training and inference, its settings stored with the weights."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.content import content
from embedtrack.movies.median import median
from embedtrack.movies.noise import noise
from embedtrack.movies.scale import to_working
from embedtrack.movies.settings import SCALES, Normalisation
from embedtrack.movies.shading import uneven_ground
from embedtrack.types import Frame

WHOLE = 0.999
"""Of a working pixel so much has content at least, or it has none."""
LEAST = 0.5
"""So much of the noise that means of independent pixels have stays at least where a frame is seen smaller: where most
neighbours are equal, mixed ones differ by next to nothing."""


class _Seen(NamedTuple):
    """What is known of an image before its grey values are changed."""

    grey: Frame
    """float32[h, w] at the working scale."""
    within: NDArray[np.bool_] | None
    """Which of these pixels have content; None: all."""
    sigma: float
    """The noise."""


def normalise(image: NDArray[np.generic], settings: Normalisation) -> Frame:
    """As ``as_frame`` of an image [H, W] at its own scale: float32[H, W]."""
    return as_frame(image, 1.0, settings)


def as_frame(image: NDArray[Any], scale: float, settings: Normalisation) -> Frame:
    """What the network sees of an image: at the working scale, and its grey values brought to a common scale.

    ``percentile``: (x - q1) / max(q99 - q1, floor * sigma), not clipped: in a sparse frame the 99th percentile is
    noise, so sigma, the noise, bounds the range from below. ``asinh``: asinh((x - median) / (2 sigma)) / 2, which is
    linear for dim cells and logarithmic for bright ones. A constant image becomes zeros. Before, the ground is levelled
    where it differs much, see ``shading.py``.

    Pixels without content, see ``content.py``, count in no statistic; they take the frame's median.

    Args:
        image: [H, W], any integer or float type, finite.
        scale: working pixels per pixel.
        settings: method and floor, and how the noise is measured.

    Returns:
        float32[h, w].
    """
    grey, within, sigma = _look(image, scale, settings)
    if sigma == 0:
        return np.zeros_like(grey)
    ground = uneven_ground(grey, sigma, within, bright=settings.bright)
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


def levelled_by(image: NDArray[Any], scale: float, settings: Normalisation) -> float:
    """By how many times its noise the ground of an image [H, W] differs, if it is levelled; 0: it is not."""
    grey, within, sigma = _look(image, scale, settings)
    ground = uneven_ground(grey, sigma, within, bright=settings.bright)
    return 0.0 if ground is None else float(np.ptp(ground)) / sigma


def _look(image: NDArray[Any], scale: float, settings: Normalisation) -> _Seen:
    """Places without content are looked for in the image itself: at a smaller scale thin wedges are mixed."""
    inside, grouped = content(image), settings.noise == "image"
    within = inside
    if inside is not None and scale != 1:
        within = to_working(inside.astype(np.float32), scale) > WHOLE
    grey = to_working(image, scale).astype(np.float32, copy=False)
    if not grouped or (scale in SCALES and scale <= 1):
        return _Seen(grey, within, noise(grey, within, grouped=grouped))
    own = noise(image.astype(np.float32), inside, grouped=True)
    return _Seen(grey, within, own if scale > 1 else max(noise(grey, within, grouped=True), LEAST * scale * own))
