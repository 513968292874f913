"""The noise of images whose noise is known."""

import numpy as np
import pytest

from embedtrack.movies.noise import noise
from tests.movies.test_normalise import image


def test_noise_is_measured_beside_cells():
    assert noise(image(8).astype(np.float32)) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("size", [0.4, 0.7, 1.0, 1.6, 3.0])
def test_noise_of_few_grey_levels(size: float):
    grey = np.random.default_rng(0).normal(50, size, (300, 300)).round().astype(np.float32)
    assert noise(grey, grouped=True) == pytest.approx(size, rel=0.2)


def test_noise_of_drawings_is_the_mean_difference():
    drawing = np.zeros((50, 50), np.float32)
    drawing[20:30, 20:30] = 200
    differences = 40 * 200 / (2 * 49 * 50)
    for grouped in (False, True):
        assert noise(drawing, grouped=grouped) == pytest.approx(differences / (0.6745 * 2**0.5), rel=1e-3)
