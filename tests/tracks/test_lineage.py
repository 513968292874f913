import numpy as np
import pytest

from embedtrack.config import Costs
from embedtrack.tracks.lineage import Lineage
from embedtrack.tracks.window import DELAY, Window
from tests.drawings import ALL, STEP, draw, moving, perfect_maps, seen, still

SHAPE = (48, 96)


def true_shifts(movie, parents=None):
    """The tracking offsets of a network that sees every cell of ``movie`` int32[T, H, W]."""
    return [perfect_maps(movie[t], movie[max(t - 1, 0)], parents or {}).shift for t in range(len(movie))]


COSTS = Costs()


def follow(movie, shifts, max_gap, costs=COSTS):
    """int32[T, H, W] of track labels, and the parents; the labels given in are shuffled in every frame."""
    window, lineage, out = Window(costs, max_gap), Lineage(max_gap), []
    for t, (labels, shift) in enumerate(zip(movie, shifts, strict=True)):
        names = np.random.default_rng(t).permutation(1000).astype(np.int32) + 1
        out += map(lineage.add, window.add(seen(np.where(labels, names[labels], 0), shift)))
        assert t - DELAY < len(out) <= t + 1
    out += map(lineage.add, window.finish())
    return np.stack(out), lineage.parents


def assert_tracks(result, parents, movie, truth):
    """The result is the movie with its labels renamed, one to one, and the parents are ``truth`` renamed alike."""
    pairs = set(zip(movie.ravel().tolist(), result.ravel().tolist(), strict=True)) | {(0, 0)}
    names = dict(pairs)
    assert len(pairs) == len(names) == len(set(names.values()))
    assert parents == {names[label]: names[parent] for label, parent in truth.items()}


def without(movie, *missed):
    """The movie in which the cells (t, label) were not detected."""
    movie = movie.copy()
    for t, label in missed:
        assert (movie[t] == label).any()
        movie[t][movie[t] == label] = 0
    return movie


@pytest.mark.parametrize("max_gap", [0, 1, 2])
@pytest.mark.parametrize("toy", ALL)
def test_perfect_maps_give_the_true_tracks(toy, max_gap):
    toy = toy()
    truth = {track.label: track.parent for track in toy.tracks}
    result, parents = follow(toy.labels, true_shifts(toy.labels, truth), max_gap)
    assert_tracks(result, parents, toy.labels, truth)


def test_a_crowded_movie_of_random_walks_and_divisions():
    movie, truth = crowd()
    result, parents = follow(movie, true_shifts(movie, truth), 2, Costs(division={"bias": 4}))
    assert sum(parent > 0 for parent in truth.values()) >= 10
    assert_tracks(result, parents, movie, truth)


def crowd():
    """Cells on a grid of places, far from each other; now and then one divides into the place beside it."""
    rng = np.random.default_rng(3)
    free = [(15 + 30 * row, 20 + 40 * column) for row in range(6) for column in range(6)]
    cells = {label: free.pop(int(rng.integers(len(free)))) for label in range(1, 9)}
    truth, frames = dict.fromkeys(cells, 0), []
    for t in range(10):
        for label in [label for label in cells if t and rng.random() < 0.1]:
            y, x = cells.pop(label)
            for side in (-10, 10):
                truth[len(truth) + 1] = label
                cells[len(truth)] = (y, x + side)
        frames.append(draw((180, 240), {c: (place + rng.integers(-2, 3, 2), 6) for c, place in cells.items()}))
    return np.stack(frames), truth


@pytest.mark.parametrize("max_gap", [0, 1, 2])
@pytest.mark.parametrize("missed", [1, 2, 3])
@pytest.mark.parametrize("toy", [still, moving])
def test_a_missed_cell_keeps_its_track_and_is_drawn_in(toy, missed, max_gap):
    movie = np.concatenate([toy().labels, toy().labels[-1:]])
    seen = without(movie, *((t, 1) for t in range(1, 1 + missed)))
    result, parents = follow(seen, true_shifts(movie), max_gap)
    if missed <= max_gap:
        assert_tracks(result, parents, movie, {1: 0, 2: 0})  # the straight line gives the very masks that were missed
    else:
        after = seen.copy()
        after[1 + missed :][after[1 + missed :] == 1] = 3
        assert_tracks(result, parents, after, {1: 0, 2: 0, 3: 0})


@pytest.mark.parametrize("missed", [1, 2])
def test_a_gap_is_closed_though_the_maps_say_nothing_in_it(missed):
    movie = np.stack([draw(SHAPE, {1: ((20, 20 + 3 * t), 7), 2: ((38, 80), 7)}) for t in range(5)])
    seen = without(movie, *((t, 1) for t in range(1, 1 + missed)))
    shifts = true_shifts(movie)
    for t in range(1, 1 + missed):
        shifts[t][:, seen[t] == 0] = 0
    result, parents = follow(seen, shifts, 2)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})


def test_an_empty_frame_is_bridged_for_all():
    movie = still().labels
    seen = without(movie, (1, 1), (1, 2))
    result, parents = follow(seen, true_shifts(movie), 1)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})


def test_a_cell_may_be_missed_again_and_again():
    movie = np.concatenate([moving().labels, moving().labels[::-1]])
    seen = without(movie, (1, 1), (3, 1), (4, 1), (8, 1), (4, 2), (9, 2), (10, 2))
    result, parents = follow(seen, true_shifts(movie), 2)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})


def test_a_division_is_not_seen_over_a_gap():
    cells = [{1: ((24, 48), 8)}] * 3 + [{2: ((24, 40 - t), 6), 3: ((24, 56 + t), 6)} for t in range(3)]
    movie = np.stack([draw(SHAPE, cell) for cell in cells])
    parents = follow(movie, true_shifts(movie, {2: 1, 3: 1}), 2)[1]
    assert parents == {1: 0, 2: 1, 3: 1}
    parents = follow(without(movie, (2, 1)), true_shifts(movie, {2: 1, 3: 1}), 2)[1]
    assert set(parents.values()) == {0}


def crossing():
    """Two fast cells pass each other; in frame 2, where they meet, neither was detected."""
    movie = np.stack([draw(SHAPE, {1: ((17, 20 + 14 * t), 5), 2: ((30, 76 - 14 * t), 5)}) for t in range(5)])
    return movie, without(movie, (2, 1), (2, 2))


def test_two_lost_cells_that_cross():
    movie, seen = crossing()
    result, parents = follow(seen, true_shifts(movie), 2)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})


def test_each_lost_track_is_taken_once_by_the_nearest():
    lost = draw(SHAPE, {1: ((24, 40), 8)})
    two = draw(SHAPE, {2: ((24, 40), 8), 3: ((24, 60), 8)})
    movie = np.stack([lost, np.zeros(SHAPE, np.int32), two])
    shifts = true_shifts(movie)  # each points at itself
    shifts[2][1, two == 3] -= 9 * STEP  # 3 pixels beside the lost mask, less than half of its own radius
    result, parents = follow(movie, shifts, 1)
    expected = movie.copy()
    expected[2][two == 2] = 1
    expected[1] = expected[0]
    assert_tracks(result, parents, expected, {1: 0, 3: 0})
    result, parents = follow(without(movie, (2, 2)), shifts, 1)
    assert parents == {1: 0}


def test_a_gap_at_the_border_is_drawn_as_far_as_the_frame_goes():
    movie = np.stack([draw(SHAPE, {1: ((24, 1), 9), 2: ((40, 60), 6)})] * 4)
    result, parents = follow(without(movie, (1, 1), (2, 1)), true_shifts(movie), 2)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})


def test_a_cell_that_enters_does_not_go_on_with_one_that_left():
    movie = np.zeros((4, *SHAPE), np.int32)
    movie[0], movie[1], movie[3] = (draw(SHAPE, {label: ((24, 2), 6)}) for label in (1, 1, 2))
    shifts = true_shifts(movie)
    shifts[3][1, movie[3] == 2] -= 6 * STEP  # from outside
    result, parents = follow(movie, shifts, 2)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})


def test_a_track_without_room_in_its_gap_goes_on_with_a_hole():
    path = [(24, 30), (10, 40), (24, 50)]  # around the other cell, which lies on the straight line
    movie = np.stack([draw(SHAPE, {1: (place, 4), 2: ((24, 40), 4)}) for place in path])
    seen = without(movie, (1, 1))
    result, parents = follow(seen, true_shifts(movie), 1)
    assert_tracks(result, parents, seen, {1: 0, 2: 0})


def test_frames_without_cells():
    movie = np.zeros((3, *SHAPE), np.int32)
    result, parents = follow(movie, true_shifts(movie), 2)
    assert (result == 0).all()
    assert parents == {}


@pytest.mark.parametrize("max_gap", [0, 1, 2])
@pytest.mark.parametrize("frames", [1, 2])
def test_short_movies(frames, max_gap):
    movie = still().labels[:frames]
    result, parents = follow(movie, true_shifts(movie), max_gap)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})


def test_cells_appear_after_empty_frames_and_vanish_before_empty_ones():
    movie = np.zeros((8, *SHAPE), np.int32)
    movie[2:5] = draw(SHAPE, {1: ((24, 40), 8)})
    result, parents = follow(movie, true_shifts(movie), 2)
    assert_tracks(result, parents, movie, {1: 0})


def test_the_first_frame_needs_no_offsets():
    movie = still().labels
    shifts = true_shifts(movie)
    shifts[0][:] = np.nan
    result, parents = follow(movie, shifts, 2)
    assert_tracks(result, parents, movie, {1: 0, 2: 0})
