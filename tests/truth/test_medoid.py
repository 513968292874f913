import numpy as np
import pytest

from embedtrack.truth.medoid import CENTRES, medoid, medoids
from tests.drawings import disc, touching


def test_agrees_with_the_definition():
    rng = np.random.default_rng(0)
    for _ in range(100):
        mask = np.pad(rng.random(rng.integers(1, 14, 2)) > 0.5, 2)
        if mask.any():
            pixels = np.argwhere(mask)
            distance = np.hypot(*(pixels[:, None] - pixels[None]).transpose(2, 0, 1)).sum(axis=1)
            assert medoid(mask) == tuple(pixels[distance.round(6).argmin()])


def test_lies_on_a_crescent():
    crescent = disc((60, 60), (30, 30), 20) & ~disc((60, 60), (30, 40), 20)
    assert crescent[medoid(crescent)]


def test_centres_of_a_crooked_cell():
    """(0, 0), (1, 0), (2, 0), (2, 1), (2, 2): only the centre of gravity lies outside."""
    crooked = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], bool)
    found = {kind: centre(crooked) for kind, centre in CENTRES.items()}
    assert found == {"medoid": (1, 0), "approximate medoid": (2, 0), "centroid": (1.4, 0.6)}


def test_every_label_of_a_frame():
    labels = touching().labels[0]
    assert medoids(labels) == {label: medoid(labels == label) for label in (1, 2, 3)}


def test_empty_mask():
    with pytest.raises(ValueError, match="at least one pixel"):
        medoid(np.zeros((3, 3), bool))
