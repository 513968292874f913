"""The median of grey values is numpy's."""

import numpy as np
import pytest
from numpy.typing import NDArray

from embedtrack.movies.median import RANGE, grouped_median, median

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    "values",
    [
        np.array([3.0]),
        np.array([1.0, 2.0]),
        np.array([[4.0, 1.0, 1.0], [7.0, 9.0, 4.0]]),
        np.array([-3.0, -7.0, 2.0, 5.0]),
        np.array([0.5, 0.25, 3.0]),
        np.array([0.0, 2.0**24, 1.0, 3.0]),
        np.array([2.0**25, 2.0**25 + 4, 2.0**25 + 8]),
        np.array([0.0, RANGE, 7.0]),
        RANDOM.integers(0, 65536, (31, 20)),
        RANDOM.integers(-500, 500, 1001),
        RANDOM.normal(size=(9, 9)),
        np.full((4, 4), 65535.0),
    ],
)
def test_it_is_that_of_numpy(values: NDArray[np.generic]):
    grey = values.astype(np.float32)
    before = grey.copy()
    assert median(grey) == np.median(grey)
    assert np.array_equal(grey, before)
    assert median(grey, spare=True) == np.median(before)


def test_it_counts_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("embedtrack.movies.median.CHUNK", 7)
    whole = RANDOM.integers(3, 90, (10, 11)).astype(np.float32)
    assert median(whole) == np.median(whole)
    whole[-1, -1] += 0.5  # the last part alone tells that not all are whole
    assert median(whole) == np.median(whole)


@pytest.mark.parametrize(
    ("values", "median"),
    [
        ([4], 4),
        ([2, 2, 2], 2),
        ([0, 0, 0, 1], 0.5 * 2 / 3),  # half a step below 0 there is nothing
        ([0, 1, 1, 1, 2], 1),
        ([0, 1, 1, 2, 2], 0.5 + 1.5 / 2),
        ([0, 256, 256, 512, 512], 128 + 256 * 1.5 / 2),  # levels 256 apart
        ([1, 1, 3, 3], 2),
        ([1.5, 2.5, 2.5, 3.5, 3.5], 2 + 1.5 / 2),
    ],
)
def test_grouped_medians_lie_between_levels(values: list[float], median: float):
    grey = np.array(values, np.float32)
    assert grouped_median(grey) == pytest.approx(median)
    assert grouped_median(grey / 8) == pytest.approx(median / 8)  # no whole numbers


def test_a_grouped_median_follows_what_was_rounded():
    fine = RANDOM.normal(0, 1, 200_000).astype(np.float32)
    for size in (0.6, 1.0, 1.7, 3.0):
        rounded = np.abs((size * fine).round())
        assert grouped_median(rounded) == pytest.approx(np.median(np.abs(size * fine)), rel=0.15)
    assert grouped_median(fine) == np.median(fine)
