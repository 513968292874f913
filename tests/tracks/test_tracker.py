from collections.abc import Iterator

import numpy as np
import pytest

from embedtrack.challenge.check import track_faults
from embedtrack.config import ModelConfig
from embedtrack.tracks.tracker import Mask, Tracker
from embedtrack.types import Cells, Track
from tests.drawings import seen

STEP = ModelConfig().method.pixel_size
SHAPE = (64, 96)


def flicker(frames: int = 30, cells: int = 12) -> Iterator[Cells]:
    """Squares that rest, and of which some are missed now and then, divide or move for good: all that lineages know."""
    rng = np.random.default_rng(3)
    y, x = np.indices(SHAPE) // 16
    room = (y * 6 + x + 1).astype(np.int32)
    inside = ((np.indices(SHAPE) % 16 >= 3) & (np.indices(SHAPE) % 16 < 13)).all(axis=0)
    for _ in range(frames):
        there = rng.random(25) < 0.7
        there[cells + 1 :] = rng.random(24 - cells) < 0.2
        labels = np.where(inside & there[room], room, 0).astype(np.int32)
        shift = rng.normal(0, 2 * STEP, (2, *SHAPE)).astype(np.float32)
        shift[1] -= (16 * STEP * (rng.random(25) < 0.1))[room].astype(np.float32)
        yield seen(labels, shift)


def test_its_frames_gaps_and_divisions_are_varied_enough():
    tracks = result(Tracker(ModelConfig(), 0))[1]
    assert any(track.parent for track in tracks)
    assert max(track.end - track.begin for track in tracks) > 5
    assert len(tracks) > 20


def result(tracker: Tracker) -> tuple[list[Mask], list[Track]]:
    masks = [mask for cells in flicker() for mask in tracker.add(cells)] + tracker.finish()
    return masks, tracker.tracks()


@pytest.mark.parametrize("border", [0, 10])
def test_with_what_is_held_it_is_valid_after_every_frame(border: int):
    tracker, masks = Tracker(ModelConfig(), border), []
    for number, cells in enumerate(flicker(), start=1):
        masks += tracker.add(cells)
        rest, tracks = tracker.held()
        assert len(masks + rest) == number
        assert not list(track_faults(tracks, 0, number - 1))
        for t, mask in enumerate(masks + rest):
            expected = {track.label for track in tracks if track.begin <= t <= track.end}
            assert set(np.unique(mask[mask > 0]).tolist()) == expected


def test_looking_at_what_is_held_changes_nothing():
    quiet, watched = Tracker(ModelConfig(), 0), Tracker(ModelConfig(), 0)
    expected, masks = result(quiet), []
    for cells in flicker():
        masks += watched.add(cells)
        watched.held()
    masks += watched.finish()
    np.testing.assert_array_equal(masks, expected[0])
    assert watched.tracks() == expected[1]


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 17, 29])
def test_it_goes_on_from_its_state_as_if_nothing_had_happened(stop: int):
    expected, masks = result(Tracker(ModelConfig(), 0)), []
    tracker = Tracker(ModelConfig(), 0)
    for number, cells in enumerate(flicker(), start=1):
        masks += tracker.add(cells)
        if number == stop:
            state = tracker.state()
            tracker = Tracker(ModelConfig(), 0)
            tracker.restore(state)
    np.testing.assert_array_equal(masks + tracker.finish(), expected[0])
    assert tracker.tracks() == expected[1]


@pytest.mark.parametrize("border", [0, 10])
def test_each_cell_that_was_seen_says_how_sure_it_is(border: int):
    tracker = Tracker(ModelConfig(), border)
    masks, _ = result(tracker)
    sure = tracker.confidence()
    written = {(t, label) for t, mask in enumerate(masks) for label in np.unique(mask[mask > 0]).tolist()}
    told = list(zip(sure["frame"].tolist(), sure["label"].tolist(), strict=True))
    assert told == sorted(set(told))
    assert set(told) <= written
    assert 0.7 < len(told) / len(written) < 1  # some were drawn where nobody saw them
    assert ((sure["cell"] > 0) & (sure["cell"] <= 1) & (sure["link"] > 0) & (sure["link"] <= 1)).all()
