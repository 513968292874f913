import numpy as np
import pytest

from embedtrack.tracks.relabel import at_edge, present, rename

TOP = np.iinfo(np.int32).max


@pytest.mark.parametrize("high", [9, 70_000, TOP])
def test_present_labels_rise_and_leave_out_what_is_not_positive(high: int):
    labels = np.array([[0, 3, -2], [high, 3, 1]], np.int32)
    assert present(labels).tolist() == [1, 3, high]
    assert present(labels.T[::-1]).tolist() == [1, 3, high]
    assert present(np.zeros((2, 3), np.int32)).tolist() == []
    assert present(np.zeros((0, 3), np.int32)).tolist() == []


@pytest.mark.parametrize("high", [9, 70_000, TOP])
def test_labels_get_their_names_and_those_without_one_vanish(high: int):
    labels = np.array([[0, 3, -2], [high, 3, 1]], np.int32)
    np.testing.assert_array_equal(rename(labels, {1: 5, high: TOP}), [[0, 0, 0], [TOP, 0, 5]])
    np.testing.assert_array_equal(rename(labels, {3: 1, 1: 3}), [[0, 1, 0], [0, 1, 3]])
    np.testing.assert_array_equal(rename(labels, {}), np.zeros((2, 3)))
    np.testing.assert_array_equal(rename(labels.T, {1: 5}), rename(labels, {1: 5}).T)
    assert rename(labels, {1: 5}).dtype == np.int32


def test_names_may_be_of_sixteen_bits():
    labels = np.array([[0, 3, -2], [9, 3, 1]], np.int32)
    written = rename(labels, {3: 65_535, 9: 1}, np.uint16)
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written, [[0, 65_535, 0], [1, 65_535, 0]])


def test_labels_at_the_edge():
    labels = np.zeros((5, 6), np.int32)
    labels[0, 2], labels[2, 2], labels[3, 5], labels[4, 0] = 7, 3, 9, 2
    assert at_edge(labels).tolist() == [0, 2, 7, 9]
