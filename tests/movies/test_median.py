"""The median of grey values is numpy's."""

import numpy as np
import pytest
from numpy.typing import NDArray

from embedtrack.movies.median import RANGE, median

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
