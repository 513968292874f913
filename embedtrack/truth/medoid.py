"""The centre of a cell: its medoid (Lalit et al. 2021, section 2)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from embedtrack.types import Labels


def medoid(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The mask's pixel with the least mean distance to all of the mask's pixels.

    c = argmin_{p in M} sum_{q in M} |p - q|. The sum is the convolution of the mask with the distance to the origin,
    so it costs O(n log n) in the pixels of the bounding box. Among equal pixels the first in reading order wins.

    Args:
        mask: bool[H, W] with at least one true pixel.

    Raises:
        ValueError: the mask is empty.
    """
    from scipy.signal import fftconvolve  # its import takes .7 s, which tracking need not wait for

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        raise ValueError("expected a mask with at least one pixel, got an empty one")
    top, left = int(rows[0]), int(columns[0])
    box = mask[top : rows[-1] + 1, left : columns[-1] + 1]  # [h, w]
    height, width = box.shape
    y, x = np.arange(1 - height, height), np.arange(1 - width, width)
    distance = np.hypot(y[:, None], x[None, :])  # [2h-1, 2w-1]
    total = fftconvolve(distance, box.astype(np.float64), mode="valid")  # [h, w]
    total = np.where(box, np.round(total, 6), np.inf)
    row, column = np.unravel_index(int(np.argmin(total)), box.shape)
    return top + int(row), left + int(column)


def centroid(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """The mask's centre of gravity (y, x), which may lie outside of it."""
    y, x = np.nonzero(mask)
    return float(y.mean()), float(x.mean())


def approximate_medoid(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The mask's pixel nearest to the median row and the median column; the first in reading order of equal ones."""
    y, x = np.nonzero(mask)
    nearest = int(np.argmin((y - np.median(y)) ** 2 + (x - np.median(x)) ** 2))
    return int(y[nearest]), int(x[nearest])


CENTRES: dict[str, Callable[[NDArray[np.bool_]], tuple[float, float]]] = {
    "medoid": medoid,
    "approximate medoid": approximate_medoid,
    "centroid": centroid,
}
"""The centres that a recipe may choose."""


def medoids(labels: Labels, kind: str = "medoid") -> dict[int, tuple[float, float]]:
    """The medoid, or other centre, (y, x) in pixels of every label in ``labels`` int32[H, W]."""
    centres = {}
    for label, box in enumerate(find_objects(labels), start=1):
        if box is not None:
            row, column = CENTRES[kind](labels[box] == label)
            centres[label] = (box[0].start + row, box[1].start + column)
    return centres
