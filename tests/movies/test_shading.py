"""A ground that differs over the frame is levelled; colonies, cells and even grounds are left as they are."""

import numpy as np
import pytest

from embedtrack.config import Normalisation
from embedtrack.movies.noise import noise
from embedtrack.movies.normalise import levelled_by, normalise
from embedtrack.movies.shading import uneven_ground
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
    ground = uneven_ground(PLAIN + shade, noise(PLAIN + shade))
    assert ground is not None
    assert np.abs(ground - (shade - shade.mean())).max() < 12  # of some 200 grey values
    settings = Normalisation(method="asinh")
    assert levelled_by(PLAIN + shade, 1.0, settings) == pytest.approx(np.ptp(shade) / 5, rel=0.15)
    levelled, plain = normalise(PLAIN + shade, settings), normalise(PLAIN, settings)
    assert np.abs(levelled - plain).max() < 0.6
    assert np.median(np.abs(levelled - plain)) < 0.15


@pytest.mark.parametrize("image", [PLAIN, NOISE, COLONY, np.zeros(SHAPE), PLAIN[:9, :7], PLAIN[:1], 3 * X + PLAIN])
def test_other_frames_are_left_as_they_are(image: np.ndarray):
    assert uneven_ground(image, noise(image)) is None
    assert levelled_by(image, 1.0, Normalisation(method="asinh")) == 0


def test_a_black_border_is_no_shading():
    image = PLAIN.copy()
    image[:, :60] = 0
    within = np.ones(SHAPE, bool)
    within[:, :60] = False
    assert uneven_ground(image, noise(image), within) is None


CONTRAST = NOISE + sum(
    sign * disc(SHAPE, (y, x), 12) * 60.0 for sign, y, x in ((1, 40, 40), (-1, 40, 58), (1, 110, 120), (-1, 110, 138))
)
"""Cells as bright as the ground, with a bright and a dark rim."""


@pytest.mark.parametrize("kind", SHADES)
def test_a_steep_ground_of_other_contrasts_is_taken_away(kind: str):
    shade, settings = SHADES[kind], Normalisation(method="percentile")
    ground = uneven_ground(CONTRAST + shade, noise(CONTRAST + shade), bright=False)
    assert ground is not None
    assert np.abs(ground - (shade - shade.mean())).max() < 12
    levelled, plain = normalise(CONTRAST + shade, settings), normalise(CONTRAST, settings)
    assert np.median(np.abs(levelled - plain)) < 0.05


@pytest.mark.parametrize("image", [CONTRAST, NOISE, COLONY, CONTRAST + 20 * X, np.zeros(SHAPE), CONTRAST[:9, :7]])
def test_other_contrasts_are_left_as_they_are(image: np.ndarray):
    assert uneven_ground(image, noise(image), bright=False) is None


def test_a_black_border_is_no_shading_of_other_contrasts():
    image, within = CONTRAST.copy(), np.ones(SHAPE, bool)
    image[:, :60], within[:, :60] = 0, False
    assert uneven_ground(image, noise(image), within, bright=False) is None
