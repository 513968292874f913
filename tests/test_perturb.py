"""Faults of segmentations, on drawn frames."""

import numpy as np
import pytest

from benchmarks.perturb import Rates, anonymous, drop, merge, neighbours, perturb, split
from tests.drawings import draw, touching

FRAME = touching().labels[0]


def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def sets(labels: np.ndarray) -> set[frozenset[int]]:
    """Each mask as the set of its pixels."""
    flat = labels.ravel()
    return {frozenset(np.flatnonzero(flat == label).tolist()) for label in np.unique(flat[flat > 0])}


def test_nothing_is_changed_at_rate_nought_but_the_names():
    np.testing.assert_array_equal(drop(FRAME, 0, rng()), FRAME)
    np.testing.assert_array_equal(merge(FRAME, 0, rng()), FRAME)
    np.testing.assert_array_equal(split(FRAME, 0, rng()), FRAME)
    assert sets(perturb(FRAME, Rates(), 1, 0)) == sets(FRAME)


def test_equal_seeds_give_equal_masks_and_frames_differ():
    many = np.kron(np.arange(1, 101).reshape(10, 10), np.ones((4, 4), int)).astype(np.int32)
    rates = Rates(0.1, 0.1, 0.1)
    np.testing.assert_array_equal(perturb(many, rates, 7, 3), perturb(many, rates, 7, 3))
    assert sets(perturb(many, rates, 7, 3)) != sets(perturb(many, rates, 7, 4))
    assert sets(perturb(many, rates, 7, 3)) != sets(perturb(many, rates, 8, 3))


def test_dropped_cells_leave_the_others_as_they_are():
    assert not drop(FRAME, 1, rng()).any()
    many = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((3, 3), int)).astype(np.int32)
    left = drop(many, 0.25, rng())
    assert sets(left) < sets(many)
    assert 70 < 400 - len(sets(left)) < 130  # 100 of them, give or take three deviations


def test_touching_cells_are_merged_in_pairs():
    assert neighbours(FRAME).tolist() == [[1, 2], [2, 3]]
    joined = merge(FRAME, 1, rng())
    assert len(sets(joined)) == 2
    assert sets(joined & 0 | (joined > 0)) == sets((FRAME > 0).astype(np.int32))
    apart = draw((40, 40), {1: ((10, 10), 4), 2: ((30, 30), 4)})
    np.testing.assert_array_equal(merge(apart, 1, rng()), apart)


def test_a_long_cell_is_cut_across():
    bar = np.zeros((5, 12), np.int32)
    bar[2, 1:11] = 6
    halves = split(bar, 1, rng())
    assert {tuple(np.flatnonzero(halves[2] == label)) for label in (6, 7)} == {(1, 2, 3, 4, 5), (6, 7, 8, 9, 10)}
    assert len(sets(split(FRAME, 1, rng()))) == 6
    single = np.zeros((3, 3), np.int32)
    single[1, 1] = 2
    np.testing.assert_array_equal(split(single, 1, rng()), single)


def test_names_say_nothing():
    renamed = anonymous(FRAME * 100, rng())
    assert sets(renamed) == sets(FRAME)
    assert set(np.unique(renamed)) == {0, 1, 2, 3}
    assert not anonymous(np.zeros((4, 4), np.int32), rng()).any()


def test_a_bad_rate_is_one_clear_line():
    with pytest.raises(ValueError, match=r"expected --split from 0 to 1, got 1.5"):
        perturb(FRAME, Rates(split=1.5), 0, 0)
