import numpy as np

from embedtrack.tracks.gaps import Gap, bridge
from tests.drawings import disc

SHAPE = (40, 60)


def at(*centre, radius=5):
    """int64[n, 2]: the pixels of a disc."""
    return np.argwhere(disc(SHAPE, centre, radius))


def test_a_bridge_lies_on_the_straight_line_and_has_the_new_shape():
    gap = Gap(3, at(20, 10), at(20, 40, radius=4))
    for index, x in ((1, 20), (2, 30)):
        frame = np.zeros(SHAPE, np.int32)
        bridge(frame, 7, gap, index)
        np.testing.assert_array_equal(frame, 7 * disc(SHAPE, (20, x), 4))


def test_it_is_drawn_on_background_alone():
    frame = np.zeros(SHAPE, np.int32)
    frame[:, 25:] = 3
    bridge(frame, 7, Gap(2, at(20, 10), at(20, 40)), 1)
    np.testing.assert_array_equal(frame[:, 25:], 3)
    np.testing.assert_array_equal(frame[:, :25], 7 * disc(SHAPE, (20, 25), 5)[:, :25])


def test_what_lies_outside_the_frame_is_left_out():
    frame = np.zeros(SHAPE, np.int32)
    bridge(frame, 7, Gap(2, at(2, 10), at(0, 10)), 1)
    np.testing.assert_array_equal(np.unique(frame), [0, 7])
