"""A ground that differs over the frame is levelled; colonies, cells and even grounds are left as they are."""

import numpy as np
import pytest

from embedtrack.config import Normalisation
from embedtrack.movies.normalise import normalise
from embedtrack.movies.shading import uneven_ground, unevenness
from tests.drawings import disc

SHAPE = (160, 200)
Y, X = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
NOISE = np.random.default_rng(0).normal(200, 5, SHAPE)
CELLS = sum(disc(SHAPE, place, 9) * 150.0 for place in ((30, 30), (80, 150), (120, 60), (40, 110)))
PLAIN = NOISE + CELLS
COLONY = NOISE + disc(SHAPE, (50, 60), 45) * 200.0
SHADES = {"a slope": 100 * X, "a vignette": -120 * (X**2 + Y**2), "two slopes": 60 * X - 70 * Y}


@pytest.mark.parametrize("kind", SHADES)
def test_a_smooth_ground_is_found_and_taken_away(kind: str):
    shade = SHADES[kind]
    ground = uneven_ground(PLAIN + shade)
    assert ground is not None
    assert np.abs(ground - (shade - shade.mean())).max() < 12  # of some 200 grey values
    assert unevenness(PLAIN + shade) == pytest.approx(np.ptp(shade) / 5, rel=0.15)
    settings = Normalisation(method="asinh")
    levelled, plain = normalise(PLAIN + shade, settings), normalise(PLAIN, settings)
    assert np.abs(levelled - plain).max() < 0.6
    assert np.median(np.abs(levelled - plain)) < 0.15


@pytest.mark.parametrize("image", [PLAIN, NOISE, COLONY, np.zeros(SHAPE), PLAIN[:9, :7], PLAIN[:1], 3 * X + PLAIN])
def test_other_frames_are_left_as_they_are(image: np.ndarray):
    assert uneven_ground(image) is None
    assert unevenness(image) == 0


def test_a_black_border_is_no_shading():
    image = PLAIN.copy()
    image[:, :60] = 0
    within = np.ones(SHAPE, bool)
    within[:, :60] = False
    assert uneven_ground(image, within) is None


def test_the_other_normalisation_levels_nothing():
    settings = Normalisation(method="percentile")
    shaded = normalise(PLAIN + SHADES["a slope"], settings)
    assert shaded[:, -20:].mean() > 3 * shaded[:, :20].mean()
