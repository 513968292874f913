"""Where crops of the training lie."""

import numpy as np
from numpy.typing import NDArray

AWAY = 1 / 3
"""A crop's middle lies off its cell by at most this share of its side along each axis."""

Point = NDArray[np.float64]
"""(y, x) in pixels."""


def near(cell: tuple[float, float], side: int, rng: np.random.Generator) -> Point:
    """The middle of a crop that has a cell's centre in sight."""
    return np.array(cell, np.float64) + rng.uniform(-AWAY, AWAY, 2) * side


def inside(middle: Point, shape: tuple[int, ...], side: int) -> Point:
    """The same, so that the crop stays inside a frame that is large enough; its pixels are then the frame's own."""
    size = np.array(shape)
    low, high = np.minimum(side / 2, size / 2), np.maximum(size - side / 2, size / 2)
    place: Point = np.floor(middle.clip(low, high)) - 0.5
    return place
