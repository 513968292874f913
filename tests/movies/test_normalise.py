import numpy as np
import pytest

from embedtrack.movies.normalise import as_frame, normalise
from embedtrack.movies.settings import FLUORESCENCE, PLAIN, Normalisation

METHODS = [PLAIN, FLUORESCENCE, *(one.model_copy(update={"noise": "frame"}) for one in (PLAIN, FLUORESCENCE))]


def image(cells: int, seed: int = 0) -> np.ndarray:
    grey = np.random.default_rng(seed).normal(100, 4, (200, 200))
    for i in range(cells):
        grey[20 * i : 20 * i + 12, 20:60] += 150
    return grey.round().astype(np.uint16)


@pytest.mark.parametrize("settings", METHODS)
def test_constant_image_becomes_zeros(settings: Normalisation):
    frame = normalise(np.full((8, 9), 77, np.uint8), settings)
    assert frame.dtype == np.float32
    assert not frame.any()


@pytest.mark.parametrize("settings", METHODS)
def test_gain_and_offset_of_the_camera_do_not_matter(settings: Normalisation):
    grey = image(5).astype(np.float64)
    np.testing.assert_allclose(normalise(grey, settings), normalise(3 * grey + 500, settings), atol=1e-3)


def test_percentiles_become_zero_and_one():
    frame = normalise(image(8), METHODS[0])
    assert np.percentile(frame, (1, 99)) == pytest.approx((0, 1), abs=1e-6)
    assert frame.max() > 1  # not clipped


@pytest.mark.parametrize("settings", METHODS)
def test_noise_stays_small_in_an_empty_frame(settings: Normalisation):
    assert normalise(image(0), settings).std() < 0.3
    assert normalise(image(0), METHODS[0]).std() == pytest.approx(1 / METHODS[0].floor, rel=0.1)


def test_asinh_is_linear_for_dim_and_logarithmic_for_bright_cells():
    grey = np.random.default_rng(0).normal(0, 1, (100, 100))
    grey[50, 50], grey[60, 60] = 2000, 4000
    frame = normalise(grey, METHODS[1])
    assert frame[60, 60] - frame[50, 50] == pytest.approx(np.log(2) / 2, abs=0.01)
    assert frame.std() == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
@pytest.mark.parametrize("settings", METHODS)
def test_tiny_images(shape: tuple[int, int], settings: Normalisation):
    frame = normalise(np.random.default_rng(0).integers(0, 255, shape, np.uint8), settings)
    assert frame.shape == shape
    assert np.isfinite(frame).all()


@pytest.mark.parametrize("scale", [1.05, 1.5, 2.0, 3.0])
def test_an_enlarged_frame_is_no_brighter(scale: float):
    """Enlarging smooths the noise, which gives no cell more contrast."""
    grey = image(5)
    cells, ground = (slice(2, 10), slice(25, 55)), (slice(150, 190), slice(100, 190))
    plain = as_frame(grey, 1.0, FLUORESCENCE)
    large = as_frame(grey, scale, FLUORESCENCE)
    rise = [
        np.median(frame[tuple(slice(round(part.start * s), round(part.stop * s)) for part in cells)])
        - np.median(frame[tuple(slice(round(part.start * s), round(part.stop * s)) for part in ground)])
        for frame, s in ((plain, 1.0), (large, scale))
    ]
    assert rise[1] == pytest.approx(rise[0], rel=0.02)


@pytest.mark.parametrize("scale", [0.996, 0.8, 0.4])
def test_a_flat_image_that_is_seen_smaller_still_has_noise(scale: float):
    """Nine of ten neighbours are equal, as in 8 bits."""
    grey = image(5) // 40 * 3
    assert np.mean(grey[:, 1:] == grey[:, :-1]) > 0.85
    plain, small = (np.ptp(as_frame(grey, factor, FLUORESCENCE)) for factor in (1.0, scale))
    assert small < 1.6 * plain
