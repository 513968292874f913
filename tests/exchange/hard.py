"""Hard cases for every format, drawn."""

import numpy as np

from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import Labels, Track
from tests.drawings import draw


def hard(units: Units | None = None, first: int = 0, digits: int = 3) -> Tracked:
    """Gaps, three daughters, tracks of one frame, links without division or gap, holes, parts, empty frames.

    1 is lost in frame 2 and found as 9; that becomes 4 without a gap; 4 divides into 2, 3 and 300, of which 3 appears a
    frame late; 300 is of one frame. 7 is of one frame, alone. 8 is a ring in two parts. 5 touches 8's rim. The last
    frame is empty. 6 is lost for two frames and then divides.
    """
    ring = np.zeros((60, 80), np.int32)
    ring[40:54, 4:18] = 8
    ring[44:50, 8:14] = 0
    ring[44:46, 30:32] = 8
    ring[53, 18:20] = 5
    cells = [
        {1: ((10.0, 10.0), 5), 6: ((40, 60), 5)},
        {1: ((12.0, 12.0), 5), 6: ((40, 61), 5)},
        {7: ((12, 40), (1, 1))},
        {9: ((16.0, 16.0), 5)},
        {4: ((18.0, 18.0), 5), 40: ((40, 56), 3), 41: ((40, 68), 3)},
        {2: ((12.0, 14.0), 3), 300: ((12, 26), 0.5), 40: ((40, 55), 3), 41: ((40, 69), 3)},
        {2: ((12.0, 13.0), 3), 3: ((26, 28), 3)},
        {},
    ]
    labels = [draw((60, 80), frame) for frame in cells]
    for t in (1, 2, 3):
        labels[t] += np.where(labels[t] == 0, ring, 0)
    tracks = [
        Track(1, 0, 1, 0), Track(9, 3, 3, 1), Track(4, 4, 4, 9), Track(2, 5, 6, 4), Track(3, 6, 6, 4),
        Track(300, 5, 5, 4), Track(7, 2, 2, 0), Track(8, 1, 3, 0), Track(5, 1, 3, 0), Track(6, 0, 1, 0),
        Track(40, 4, 5, 6), Track(41, 4, 5, 6),
    ]  # fmt: skip
    return Tracked(labels, tracks, (60, 80), first, digits, units or Units())


def bare() -> Tracked:
    """No cell at all."""
    return Tracked([np.zeros((20, 30), np.int32)] * 2, [], (20, 30))


def pixels(tracked: Tracked) -> Labels:
    return np.stack([np.asarray(labels) for labels in tracked.masks])


def same(one: Tracked, other: Tracked) -> bool:
    """Equal masks, tracks, links and frame numbers."""
    numbers = (one.first, one.digits, one.shape) == (other.first, other.digits, other.shape)
    return numbers and sorted(one.tracks) == sorted(other.tracks) and bool(np.array_equal(pixels(one), pixels(other)))
