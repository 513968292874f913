import numpy as np
import pytest

from benchmarks.links import link
from tests.drawings import ALL, STEP, moving, perfect_maps


def row(*values):
    return np.array([values], np.int32)


def along(*pixels, step=STEP):
    """float32[2, 1, W]: the tracking offsets along x, in pixels, of a frame of one row."""
    return np.array([[np.zeros(len(pixels))], [pixels]], np.float32) * np.float32(step)


def test_most_shifted_pixels_decide():
    labels, before = row(5, 5, 5, 5, 5, 0), row(7, 7, 9, 9, 9, 0)
    assert link(labels, along(0, 0, 0, 0, 0, 0), before, STEP) == {5: 9}
    assert link(labels, along(0, 0, -1, 0, 0, 0), before, STEP) == {5: 7}


def test_the_background_is_a_candidate():
    labels, before = row(5, 5, 5, 0, 0, 0), row(7, 0, 0, 0, 0, 0)
    assert link(labels, along(0, 0, 0, 0, 0, 0), before, STEP) == {}
    assert link(labels, along(0, -1, 0, 0, 0, 0), before, STEP) == {5: 7}


def test_outside_the_frame_is_background():
    labels, before = row(5, 5, 5, 0, 8, 8, 8), row(7, 7, 7, 0, 9, 9, 9)
    assert link(labels, along(-1, 0, 0, 0, 0, 0, 1), before, STEP) == {5: 7, 8: 9}
    assert link(labels, along(-1, -2, 0, 0, 0, 2, 1), before, STEP) == {}


def test_offsets_that_are_not_numbers_point_nowhere():
    labels, before = row(5, 5, 5, 0), row(7, 7, 7, 0)
    assert link(labels, along(np.nan, np.inf, 0, 0), before, STEP) == {}
    assert link(labels, along(np.nan, 0, 0, 0), before, STEP) == {5: 7}


def test_ties_go_to_a_cell_and_to_the_smaller_label():
    labels = row(5, 5, 5, 5)
    still = along(0, 0, 0, 0)
    assert link(labels, still, row(0, 0, 7, 7), STEP) == {5: 7}
    assert link(labels, still, row(9, 9, 7, 7), STEP) == {5: 7}
    assert link(labels, still, row(7, 7, 9, 9), STEP) == {5: 7}


def test_positions_are_rounded_and_the_first_axis_is_y():
    labels, before = np.zeros((2, 3, 3), np.int32)
    labels[1, 1], before[2, 0] = 4, 6
    shift = np.zeros((2, 3, 3), np.float32)
    shift[:, 1, 1] = 0.6 * STEP, -0.6 * STEP
    assert link(labels, shift, before, STEP) == {4: 6}
    shift[:, 1, 1] = 0.4 * STEP, -0.6 * STEP
    assert link(labels, shift, before, STEP) == {}


def test_step_is_the_width_of_a_pixel():
    labels, before = row(0, 0, 0, 5), row(7, 0, 0, 0)
    assert link(labels, along(0, 0, 0, -3, step=1 / 511), before, 1 / 511) == {5: 7}
    assert link(labels, along(0, 0, 0, -3, step=1 / 511), before, 1 / 255) == {}


def test_labels_may_be_any_positive_numbers():
    top = np.iinfo(np.int32).max
    labels, before = row(top, top, 1, 1, 70_000), row(3, 3, top, top, top - 1)
    assert link(labels, along(0, 0, 0, 0, 0), before, STEP) == {1: top, 70_000: top - 1, top: 3}


def test_frames_without_cells():
    empty, cell = row(0, 0), row(0, 3)
    assert link(empty, along(0, 0), cell, STEP) == {}
    assert link(cell, along(0, 0), empty, STEP) == {}
    assert link(empty, along(0, 0), empty, STEP) == {}


@pytest.mark.parametrize("toy", ALL)
def test_perfect_maps_give_the_true_links(toy):
    toy = toy()
    parents = {track.label: track.parent for track in toy.tracks}
    for before, labels in zip(toy.labels, toy.labels[1:], strict=False):
        here, there = set(np.unique(labels)) - {0}, set(np.unique(before)) - {0}
        truth = {cell: source for cell in here for source in (cell, parents[cell]) if source in there}
        assert link(labels, perfect_maps(labels, before, parents).shift, before, STEP) == truth


def test_a_missed_predecessor_is_not_replaced_by_its_neighbour():
    toy = moving()
    labels, before = toy.labels[3], toy.labels[2].copy()
    shift = perfect_maps(labels, before, {}).shift
    before[before == 2] = 0
    assert link(labels, shift, before, STEP) == {1: 1}


def test_equals_a_slow_count_of_every_pair():
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels, before = rng.integers(0, 5, (2, 12, 14)).astype(np.int32)
        shift = rng.normal(0, 3 * STEP, (2, 12, 14)).astype(np.float32)
        truth = {}
        for cell in range(1, 5):
            counts = np.zeros(5)
            for y, x in np.argwhere(labels == cell):
                goal = np.rint(y + shift[0, y, x] / STEP), np.rint(x + shift[1, y, x] / STEP)
                inside = 0 <= goal[0] < 12 and 0 <= goal[1] < 14
                counts[before[int(goal[0]), int(goal[1])] if inside else 0] += 1
            best = 1 + int(np.argmax(counts[1:]))
            if counts[best] >= max(counts[0], 1):
                truth[cell] = best
        assert link(labels, shift, before, STEP) == truth
