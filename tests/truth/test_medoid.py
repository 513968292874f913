import numpy as np
import pytest

from embedtrack.truth.medoid import medoid, medoids
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


def test_every_label_of_a_frame():
    labels = touching().labels[0]
    assert medoids(labels) == {label: medoid(labels == label) for label in (1, 2, 3)}


def test_empty_mask():
    with pytest.raises(ValueError, match="at least one pixel"):
        medoid(np.zeros((3, 3), bool))
