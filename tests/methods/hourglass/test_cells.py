"""Instances of pairs -> cells: daughters apart, places one frame before, and what tracks make of them."""

from itertools import pairwise

import numpy as np
import pytest

from embedtrack.config import Costs, ModelConfig
from embedtrack.methods.hourglass.cells import blobs, cells_of, origins
from embedtrack.methods.hourglass.start import SHORT
from embedtrack.tracks.cells import at_rest, count_votes
from embedtrack.tracks.tracker import Tracker, finished
from embedtrack.types import Track
from tests.drawings import disc, draw

SHAPE = (60, 90)


def pair(before: dict, now: dict) -> np.ndarray:
    return np.stack([draw(SHAPE, before), draw(SHAPE, now)])


def cells(instances: np.ndarray, smallest: int = 10):
    count = int(instances.max())
    return cells_of(instances, np.full(count + 1, 0.9, np.float32), np.zeros(SHAPE, np.float32), smallest)


def test_daughters_of_one_embedding_are_two_cells():
    found = cells(pair({1: ((30, 45), 9)}, {1: ((30, 38), 5)}) | pair({}, {1: ((30, 52), 5)}))
    assert sorted(np.unique(found.labels)) == [0, 1, 2]
    votes = count_votes(found.labels, found.origin, pair({1: ((30, 45), 9)}, {})[0])
    assert votes.voter.tolist() == [1, 2]
    areas = np.bincount(found.labels.ravel())[1:]
    assert votes.pixels.tolist() == areas.tolist()  # all of either lay in the mother


def test_small_parts_fall_unless_they_are_all_there_is():
    labels = draw(SHAPE, {1: ((20, 20), 8), 2: ((40, 60), 1)})
    labels[50, 80] = 1
    found, owner = blobs(labels, 10)
    assert found[50, 80] == 0
    assert owner.tolist() == [0, 1, 2]
    assert sorted(blobs(labels, 1)[1].tolist()) == [0, 1, 1, 2]


def test_votes_are_the_overlap_in_the_shared_frame():
    """The pair's mask at t-1 is a row of 20 pixels; 15 of them lie on what the pair before called a cell."""
    before, now, kept = (np.zeros(SHAPE, np.int32) for _ in range(3))
    before[10, 10:30], now[12, 10:50], kept[10, 15:40] = 1, 1, 7
    origin = origins(now, np.array([0, 1]), before)
    votes = count_votes(now, origin, kept)
    assert (votes.vote.tolist(), votes.pixels.tolist()) == ([7], [30])  # 15 / 20 of 40 pixels


def test_a_cell_that_was_not_there_before_rests():
    before, now = np.zeros(SHAPE, np.int32), draw(SHAPE, {1: ((30, 30), 5)})
    assert (origins(now, np.array([0, 1]), before) == at_rest(SHAPE)).all()


def test_a_single_frame_rests():
    found = cells(draw(SHAPE, {1: ((30, 30), 5)})[None])
    assert (found.origin == at_rest(SHAPE)).all()
    assert found.seediness.tolist() == pytest.approx([0.9, 0.9])


def test_nothing():
    found = cells(np.zeros((2, *SHAPE), np.int32))
    assert (found.labels.any(), len(found.seediness), len(found.brightness)) == (False, 1, 1)


def track(frames: list[dict]) -> list[Track]:
    """The tracks of a movie of perfect pairs: instance numbers are those of the pictures."""
    pictures = [draw(SHAPE, one) for one in frames]
    tracker = Tracker(ModelConfig(costs=Costs(division={**Costs().division, "short": SHORT})), 0)
    seen = [cells(pictures[0][None])]
    seen += [cells(np.stack(two)) for two in pairwise(pictures)]
    list(finished(tracker, iter(seen)))
    return sorted(tracker.tracks())


def test_pairs_are_chained():
    frames = [{1: ((20, 20 + 3 * t), 7), 2: ((40, 70 - 3 * t), 7)} for t in range(12)]
    assert track(frames) == [Track(1, 0, 11, 0), Track(2, 0, 11, 0)]


@pytest.mark.parametrize("keeps", [1, 4])
def test_a_division_with_and_without_a_daughter_that_keeps_the_embedding(keeps: int):
    """New daughters find their mother by what they overlap."""
    frames = [{1: ((30, 45), 10)} for _ in range(8)]
    frames += [{keeps: ((30, 37 - t), 7), 3: ((30, 53 + t), 7)} for t in range(8)]
    found = track(frames)
    assert [(one.begin, one.end) for one in found] == [(0, 7), (8, 15), (8, 15)]
    assert [one.parent for one in found] == [0, 1, 1]


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_a_split_that_closes_again_is_no_division(frames: int):
    """For some frames a cell seems to be two, as when a shadow crosses it: it keeps its track."""
    whole, halves = {1: ((30, 45), 10)}, {1: ((30, 39), (9, 5)), 2: ((30, 52), (9, 5))}
    found = track([whole] * 8 + [halves] * frames + [whole] * 12)
    assert found[0] == Track(1, 0, 19 + frames, 0)
    assert not any(one.parent for one in found)


def test_empty_frames_and_movies_of_one_frame():
    cell = {1: ((30, 45), 10)}
    assert track([cell]) == [Track(1, 0, 0, 0)]
    assert [one.end for one in track([cell, cell, {}])] == [1]
    assert track([{}, {}]) == []
    assert disc(SHAPE, (30, 45), 10).any()
