import numpy as np
import pytest

from embedtrack.movies.noise import noise
from embedtrack.truth.appearance import FADED, each_cell, each_pixel, fade, light, texture, vary_appearance
from tests.drawings import draw

LABELS = draw((40, 60), {1: ((20, 15), 9), 2: ((20, 44), 9)})
FRAME = np.where(LABELS > 0, 1.0, 0.2).astype(np.float32)


def test_each_cell_has_a_contrast_of_its_own():
    changed = each_cell(FRAME, LABELS, np.array([9, 2, 0.5], np.float32))
    assert changed[20, 15] == pytest.approx(0.2 + 2 * 0.8, abs=0.02)
    assert changed[20, 44] == pytest.approx(0.2 + 0.5 * 0.8, abs=0.02)
    assert changed[0, 0] == pytest.approx(0.2)
    assert np.abs(changed[LABELS == 0] - 0.2).max() < 1e-6  # the ground stays, whatever is beside it
    empty = np.zeros_like(LABELS)
    assert each_cell(FRAME, empty, np.ones(1, np.float32)) is FRAME


def test_a_texture_is_smooth_and_stays_within_the_cell():
    rng = np.random.default_rng(0)
    factors = texture((200, 200), 6.0, 0.5, rng)
    assert np.log(factors).std() == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.diff(np.log(factors), axis=0)).mean() < 0.1
    stained = each_pixel(FRAME, LABELS, texture(FRAME.shape, 6.0, 0.5, rng))
    assert stained[LABELS > 0].std() > 0.05
    assert np.abs(stained[LABELS == 0] - 0.2).max() < 1e-6


def test_what_fades_drowns_in_noise_that_stays():
    """A disc of 5 stands out by 5 / 4, by 5 / 8; the noise of .25 is the same."""
    rng = np.random.default_rng(0)
    truth = draw((200, 200), {1: ((100, 100), 60)}) > 0
    frame = (5.0 * truth + rng.normal(0, 0.25, truth.shape)).astype(np.float32)
    for factor in (1.0, 4.0, FADED):
        faded = fade(frame, factor, 0.25, rng)
        assert faded.dtype == np.float32
        assert faded[truth].mean() - faded[~truth].mean() == pytest.approx(5 / factor, abs=0.02)
        assert noise(faded) == pytest.approx(0.25, abs=0.01)


def test_light_is_smooth():
    field = light(np.array([[1, 2], [1, 2]], np.float32), (8, 64))
    assert field.shape == (8, 64)
    assert (field[:, 0].max(), field[:, -1].min()) == (1, 2)
    assert np.abs(np.diff(field, axis=1)).max() < 0.05


def test_a_pair_is_changed_alike():
    """Two equal frames differ by their noise alone; never drawn, nothing changes; equal chance gives equal frames."""
    pair, labels = [FRAME, FRAME], [LABELS, LABELS]
    assert all(one is FRAME for one in vary_appearance(pair, labels, 0.0, np.random.default_rng(0)))
    now, before = vary_appearance(pair, labels, 1.0, np.random.default_rng(1))
    again, _ = vary_appearance(pair, labels, 1.0, np.random.default_rng(1))
    assert now.dtype == np.float32
    assert np.array_equal(now, again)
    assert np.abs(now - FRAME).mean() > 0.05
    assert abs(float((now - before).mean())) < 0.02
    assert np.isfinite(now).all()
