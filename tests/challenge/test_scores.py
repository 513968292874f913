import numpy as np

from embedtrack.challenge.scores import cut, jaccards
from embedtrack.types import Track


def test_a_mask_needs_more_than_half_of_the_gold_mask():
    gold, labels = np.zeros((2, 20, 20), np.int32)
    gold[5:15, 5:15] = 3
    labels[5:15, 5:10] = 7
    assert jaccards(gold, labels) == [0]
    labels[5, 10] = 7
    assert jaccards(gold, labels) == [51 / 100]
    labels[0] = 7
    assert jaccards(gold, labels) == [51 / 120]


def test_jaccards_of_gold_masks_only():
    gold, labels = np.zeros((2, 10, 10), np.int32)
    labels[:5] = 65535
    assert jaccards(gold, labels) == []
    assert jaccards(labels, gold) == [0]
    assert jaccards(labels, labels) == [1]


def test_cut_keeps_parents_that_reach_into_the_frames():
    tracks = [Track(1, 0, 2, 0), Track(2, 3, 5, 1), Track(3, 4, 9, 1), Track(4, 7, 9, 2), Track(5, 9, 9, 4)]
    assert cut(tracks, 0, 9) == tracks
    assert cut(tracks, 2, 4) == [Track(1, 0, 0, 0), Track(2, 1, 2, 1), Track(3, 2, 2, 1)]
    assert cut(tracks, 5, 8) == [Track(2, 0, 0, 0), Track(3, 0, 3, 0), Track(4, 2, 3, 2)]
    assert cut(tracks, 10, 12) == []
