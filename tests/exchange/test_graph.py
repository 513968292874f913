"""Vertices and edges become valid tracks, or one clear line."""

import numpy as np
import pytest

from embedtrack.exchange.graph import links_of, nodes_of, places, same_label, tracked
from embedtrack.types import Track
from tests.exchange.hard import hard, pixels


def images(*frames: list[int]) -> list[np.ndarray]:
    """A row of pixels per frame, each value its own cell."""
    return [np.array([frame]) for frame in frames]


def test_a_result_is_its_own_graph():
    case = hard()
    made = tracked("case", case.masks, nodes_of(case.tracks), links_of(case.tracks), own=True)
    assert sorted(made.tracks) == sorted(case.tracks)
    assert np.array_equal(pixels(made), pixels(case))


def test_masks_that_are_labelled_by_track_keep_their_labels():
    labels = images([40, 0], [40, 0], [7, 9])
    links = [((0, 40), (1, 40)), ((1, 40), (2, 7)), ((1, 40), (2, 9))]
    made = tracked("case", labels, [(0, 40), (1, 40), (2, 7), (2, 9)], links)
    assert made.tracks == [Track(7, 2, 2, 40), Track(9, 2, 2, 40), Track(40, 0, 1, 0)]


def test_other_values_in_every_frame_become_tracks():
    labels = images([5, 0, 9], [70000, 8, 0], [1, 2, 3])
    nodes = [(0, 5), (1, 70000), (1, 8), (2, 1), (2, 2), (2, 3)]  # 9 is no cell
    links = [((0, 5), (1, 70000)), ((1, 70000), (2, 1)), ((1, 70000), (2, 3)), ((1, 8), (2, 2))]
    made = tracked("case", labels, nodes, links)
    assert made.tracks == [Track(1, 0, 1, 0), Track(2, 1, 2, 0), Track(3, 2, 2, 1), Track(4, 2, 2, 1)]
    assert pixels(made)[:, 0].tolist() == [[1, 0, 0], [1, 2, 0], [3, 2, 4]]


def test_a_cell_with_another_value_in_each_frame_is_one_track():
    links = [((0, 5), (1, 7)), ((1, 7), (2, 1))]
    assert tracked("case", images([5], [7], [1]), [(0, 5), (1, 7), (2, 1)], links).tracks == [Track(1, 0, 2, 0)]


def test_a_track_that_skips_frames_is_cut():
    labels = images([4], [0], [4], [4])
    nodes, links = same_label(labels)
    assert links == [((0, 4), (2, 4)), ((2, 4), (3, 4))]
    made = tracked("case", labels, nodes, links)
    assert made.tracks == [Track(1, 0, 0, 0), Track(2, 2, 3, 1)]
    assert pixels(made)[:, 0, 0].tolist() == [1, 0, 2, 2]


def test_a_value_that_is_used_twice_is_two_tracks():
    made = tracked("case", images([4], [4]), [(0, 4), (1, 4)], [])
    assert made.tracks == [Track(1, 0, 0, 0), Track(2, 1, 1, 0)]


@pytest.mark.parametrize(
    ("nodes", "links", "said"),
    [
        ([(0, 1), (0, 2), (1, 1)], [((0, 1), (1, 1)), ((0, 2), (1, 1))], "knows no merging"),
        ([(0, 1), (1, 1)], [((1, 1), (0, 1))], "from cell 1 of frame 1 to cell 1 of frame 0"),
        ([(0, 1)], [((0, 1), (1, 1))], "expected links from cells"),
        ([(0, 1), (0, 1)], [], "expected each cell once a frame, got 1 twice"),
        ([(0, 0)], [], "expected a mask for each cell, got the value 0 for one of frame 0"),
        ([(0, 3)], [], "got it in its track only in frame 000"),
    ],
)
def test_what_cannot_be_a_result_is_refused(nodes: list, links: list, said: str):
    with pytest.raises(ValueError, match=said):
        tracked("case", images([1, 2], [1, 2]), nodes, links)


def test_a_movie_of_no_frames_is_refused():
    with pytest.raises(ValueError, match="a: expected a frame or more, got none"):
        tracked("a", [], [], [])


def test_places_lie_in_their_cells():
    labels = np.zeros((20, 20), np.int32)
    labels[2:5, 2:5] = 1
    labels[8:19, 8:19] = 2
    labels[10:17, 10:17] = 0
    found = places(labels)
    assert found[1] == (3, 3)
    y, x = found[2]
    assert labels[int(y), int(x)] == labels[round(y), round(x)] == 2
    assert places(np.zeros((3, 3), np.int32)) == {}
