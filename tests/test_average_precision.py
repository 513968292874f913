import numpy as np
import pytest

from benchmarks.average_precision import average_precision
from tests.drawings import draw

TRUTH = draw((40, 60), {1: ((10, 12), 6), 2: ((10, 40), 6), 3: ((30, 30), 6)})


def test_average_precision_by_hand():
    assert average_precision(TRUTH, TRUTH) == 1
    assert average_precision(TRUTH, np.where(TRUTH == 2, 7, TRUTH)) == 1  # names do not matter
    assert average_precision(TRUTH, np.where(TRUTH == 2, 0, TRUTH)) == pytest.approx(2 / 3)
    false = np.where(TRUTH > 0, TRUTH, draw((40, 60), {9: ((30, 52), 5)}))
    assert average_precision(TRUTH, false) == pytest.approx(3 / 4)
    merged = np.where(TRUTH == 2, 1, TRUTH)
    assert average_precision(TRUTH, merged) == pytest.approx(1 / 4)  # one true, one false, two missed


def test_the_threshold_is_a_jaccard_index():
    """A mask of 8 of 10 pixels: J = .8."""
    truth = np.zeros((1, 12), np.int32)
    truth[0, :10] = 1
    mask = np.where(np.arange(12) < 8, truth, 0).astype(np.int32)
    assert average_precision(truth, mask, 0.75) == 1
    assert average_precision(truth, mask, 0.8) == 0


def test_empty_images_and_bad_input():
    nothing = np.zeros((4, 5), np.int32)
    assert average_precision(nothing, nothing) == 1
    assert average_precision(TRUTH, np.zeros_like(TRUTH)) == 0
    with pytest.raises(ValueError, match="threshold"):
        average_precision(TRUTH, TRUTH, 0.4)
    with pytest.raises(ValueError, match="one shape"):
        average_precision(TRUTH, nothing)
