"""A cell in a frame in which nobody saw it: its next mask, on the straight line from its last one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.types import Labels

Pixels = NDArray[np.int64]
"""int64[n, 2]: (y, x) of the pixels of one mask."""


class Gap(NamedTuple):
    """Where a cell was before and after the frames in which it was missed."""

    frames: int
    """From the one mask to the other."""
    old: Pixels
    """The last mask before."""
    new: Pixels
    """The first one after."""


def bridge(frame: Labels, track: int, gap: Gap, index: int) -> None:
    """Draw a track into int32[H, W], ``index`` frames after its last mask.

    Only background is drawn on. Where nothing of it is free the track stays missing.
    """
    start, end = gap.old.mean(axis=0), gap.new.mean(axis=0)  # [2]
    centre = start + (end - start) * index / gap.frames
    place = gap.new + np.rint(centre - end).astype(np.int64)
    y, x = place[((place >= 0) & (place < frame.shape)).all(axis=1)].T
    free = frame[y, x] == 0
    frame[y[free], x[free]] = track
