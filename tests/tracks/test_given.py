import numpy as np

from embedtrack.tracks.cells import at_rest
from embedtrack.tracks.given import given_cells

LABELS = np.array([[0, 70000, 70000], [9, 0, 70000]], np.int32)


def test_given_masks_become_cells_in_their_order():
    cells = given_cells(LABELS)
    np.testing.assert_array_equal(cells.labels, [[0, 2, 2], [1, 0, 2]])
    np.testing.assert_array_equal(cells.origin, at_rest(LABELS.shape))
    assert cells.seediness.tolist() == [1, 1, 1]
    assert cells.brightness.tolist() == [0, 0, 0]


def test_their_brightness_is_the_mean_of_their_grey_values():
    frame = np.array([[1, 4, 5], [7, 2, 9]], np.float32)
    assert given_cells(LABELS, frame).brightness.tolist() == [1.5, 7, 6]


def test_origins_are_those_of_the_model():
    origin = np.full((2, 3), -1, np.int32)
    assert given_cells(LABELS, None, origin).origin is origin


def test_no_cell_is_no_cell():
    cells = given_cells(np.zeros((2, 3), np.int32))
    assert not cells.labels.any()
    assert len(cells.seediness) == len(cells.brightness) == 1
