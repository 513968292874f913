"""What kind of image a movie shows, and so how its grey values become frames."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.settings import FLUORESCENCE, PLAIN, Normalisation

DARK = 0.5
"""Skew from which on a movie counts as bright cells on a dark ground. Of the data sets here fluorescence has .69 and
more, phase contrast and DIC .46 and less."""


def normalisation_for(images: Sequence[NDArray[Any]]) -> Normalisation:
    """The normalisation of bright cells on a dark ground, or of others: by some frames [H, W] of a movie."""
    return FLUORESCENCE if skew(images) > DARK else PLAIN


def skew(images: Sequence[NDArray[Any]]) -> float:
    """How much further bright places lie above the median than dark ones below it, from -1 to 1."""
    values = []
    for image in images:
        low, middle, high = np.percentile(cv2.blur(image.astype(np.float32), (5, 5)), (0.5, 50, 99.5))
        values.append((high + low - 2 * middle) / max(high - low, 1e-9))
    return float(np.mean(values))
