"""Masks that somebody else made -> cells that tracks are decided from."""

import numpy as np
from numpy.typing import NDArray

from embedtrack.tracks.cells import at_rest
from embedtrack.tracks.relabel import present, rename
from embedtrack.types import Cells, Frame, Labels, Origin


def given_cells(labels: Labels, frame: Frame | None = None, origin: Origin | None = None) -> Cells:
    """The cells of a frame whose masks are beyond doubt.

    Args:
        labels: int32[H, W], any positive numbers.
        frame: float32[H, W], normalised grey values; without them no cell is brighter than another.
        origin: where each pixel's cell was at t-1; without it cells are taken to rest, and are found by overlap and
            distance.
    """
    cells = present(labels).tolist()
    small: Labels = rename(labels, {cell: number for number, cell in enumerate(cells, start=1)})
    sure = np.ones(len(cells) + 1, np.float32)
    bright = np.zeros(len(cells) + 1, np.float32) if frame is None else brightness(small, frame, len(cells))
    return Cells(small, at_rest(labels.shape) if origin is None else origin, sure, bright)


def brightness(labels: Labels, frame: Frame, count: int) -> NDArray[np.float32]:
    """float32[count + 1]: the mean grey value of each label of int32[H, W], the background's first."""
    flat = labels.ravel()
    area = np.maximum(np.bincount(flat, minlength=count + 1), 1)
    mean: NDArray[np.float32] = (np.bincount(flat, frame.ravel(), count + 1) / area).astype(np.float32)
    return mean
