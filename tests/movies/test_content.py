"""Borders, tiles and blocks without content are seen; cells, flat grounds and clipped ones are not taken for them."""

import cv2
import numpy as np
import pytest

from embedtrack.movies.content import content, is_blank
from embedtrack.movies.normalise import as_frame, normalise
from embedtrack.movies.settings import Normalisation
from tests.drawings import disc

SIDE = 128
IMAGE = (200 + np.random.default_rng(0).normal(0, 5, (SIDE, SIDE))).round().astype(np.uint8)


def painted(value: int, *places: tuple[slice, slice]) -> np.ndarray:
    image = IMAGE.copy()
    for place in places:
        image[place] = value
    return image


ALL = slice(None)
RING = [(slice(3), ALL), (slice(-3, None), ALL), (ALL, slice(3)), (ALL, slice(-3, None))]
EMPTY = {
    "black rows": (painted(0, (slice(3), ALL)), 3 * SIDE),
    "white columns": (painted(255, (ALL, slice(-5, None))), 5 * SIDE),
    "two sides": (painted(0, (slice(4), ALL), (ALL, slice(6))), 4 * SIDE + 6 * (SIDE - 4)),
    "a frame around it": (painted(77, *RING), SIDE**2 - (SIDE - 6) ** 2),
    "a missing tile": (painted(0, (slice(64), slice(64))), 64 * 64),
    "a missing tile at an edge": (painted(0, (slice(40, 70), slice(30))), 30 * 30),
    "a saturated block": (painted(255, (slice(40, 60), slice(40, 70))), 20 * 30),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_places_without_content_are_found_with_their_rim(kind: str):
    image, pixels = EMPTY[kind]
    within = content(image)
    assert within is not None
    flat = cv2.morphologyEx((image != IMAGE).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3))).astype(bool)
    assert not within[flat].any()
    assert pixels <= np.count_nonzero(~within) <= pixels + 4 * SIDE  # a pixel all around


def test_a_rotated_image_has_empty_corners():
    turned = cv2.warpAffine(IMAGE, cv2.getRotationMatrix2D((64, 64), 8, 1), (SIDE, SIDE))
    within = content(turned)
    assert within is not None
    assert not within[0, 0]
    assert not within[-1, -1]


FULL = {
    "noise": IMAGE,
    "a saturated cell": np.where(disc((SIDE, SIDE), (60, 60), 14), 255, IMAGE).astype(np.uint8),
    "a saturated cell at the edge": np.where(disc((SIDE, SIDE), (0, 60), 14), 255, IMAGE).astype(np.uint8),
    "a drawing": np.where(disc((SIDE, SIDE), (60, 60), 20), 90, 0).astype(np.uint8),
    "cells on a ground that was set to zero": np.where(disc((SIDE, SIDE), (60, 60), 30), IMAGE, 0).astype(np.uint8),
    "a clipped ground": np.maximum(IMAGE.astype(int) - 200, 0).astype(np.uint8),
    "one value": np.zeros((SIDE, SIDE), np.uint16),
    "a few pixels": IMAGE[:2, :3],
}


@pytest.mark.parametrize("kind", FULL)
def test_images_are_image_throughout(kind: str):
    assert content(FULL[kind]) is None


@pytest.mark.parametrize("method", ["percentile", "asinh"])
@pytest.mark.parametrize("kind", EMPTY)
def test_grey_values_become_what_they_are_without_the_border(kind: str, method: str):
    settings = Normalisation(method=method)
    image, _ = EMPTY[kind]
    within = content(image)
    assert within is not None
    bordered, bare = normalise(image, settings), normalise(IMAGE, settings)
    assert np.abs(bordered - bare)[within].max() < 0.1
    assert np.allclose(bordered[~within], np.median(bordered[within]))


def hot(image: np.ndarray, pixels: int) -> np.ndarray:
    image = image.copy()
    image.flat[:: image.size // pixels] = 200
    return image


FLAT = np.full((256, 300), 7, np.uint16)


@pytest.mark.parametrize(
    ("image", "blank"),
    [
        (FLAT, True),
        (hot(FLAT, 5), True),
        (FLAT + np.random.default_rng(0).integers(0, 2, FLAT.shape).astype(np.uint16), True),
        (FLAT.astype(np.float32) / 3, True),
        (hot(FLAT, 600), False),
        (np.where(disc((256, 300), (99, 99), 5), 9, FLAT), False),
        (IMAGE, False),
        (np.array([[3]]), False),
    ],
)
def test_frames_in_which_nothing_can_be_seen(image: np.ndarray, blank: bool):
    assert is_blank(image) == blank


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0, 0.3])
def test_thin_wedges_of_a_rotation_are_seen_at_any_working_scale(scale: float):
    """Of a turn by 2 degrees: at a quarter of the scale they are narrower than two pixels."""
    noise = (120 + np.random.default_rng(1).normal(0, 9, (512, 512))).round().astype(np.uint8)
    turn = cv2.getRotationMatrix2D((256, 256), 2, 1)
    black, mirrored = (cv2.warpAffine(noise, turn, (512, 512), borderMode=mode)
                       for mode in (cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT))  # fmt: skip
    settings = Normalisation(method="percentile")
    one, other = as_frame(black, scale, settings), as_frame(mirrored, scale, settings)
    middle = np.s_[round(30 * scale) : round(480 * scale), round(30 * scale) : round(480 * scale)]
    assert np.abs(one - other)[middle].max() < 0.1
