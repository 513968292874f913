import numpy as np
import pytest

from embedtrack.methods.embedseg.samples import collate, draw
from embedtrack.recipe import Augmentation, Sampling
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.medoid import medoids
from embedtrack.truth.merge import UNKNOWN, Merged
from tests.drawings import draw as drawn

PLAIN = Augmentation(affine=0, moving=0, contrast=0, brightness=0, blur=0, noise=0, clahe=0)
EMPTY = np.zeros((90, 70), np.int32)
ONE = drawn((64, 80), {5: ((30, 40), 6)})
MANY = drawn((200, 220), {n: ((20 + 40 * (n // 5), 20 + 40 * (n % 5)), 6) for n in range(1, 10)})


def images(*labels: np.ndarray) -> AnnotatedMovie:
    """Images of any sizes whose grey values are 1 on cells."""
    nothing: frozenset[int] = frozenset()
    return AnnotatedMovie(
        name="toy/images",
        numbers=list(range(len(labels))),
        frames=[(one > 0).astype(np.float32) for one in labels],
        labels=list(labels),
        partial=[nothing for _ in labels],
        centres=[medoids(one) for one in labels],
        sizes=[{label: int((one == label).sum()) for label in medoids(one)} for one in labels],
        parents={},
        truth=[Merged(one, nothing) for one in labels],
        scale=1.0,
        centre="medoid",
        tracked=[False for _ in labels],
    )


def test_images_of_different_sizes_are_one_batch_of_crops():
    """Beyond a small image's edge the truth says nothing."""
    movie, sampling = images(ONE, MANY, EMPTY), Sampling(crop=96, large=0, anywhere=0.2)
    crops = [draw([movie], sampling, "around", PLAIN, np.random.default_rng(seed)) for seed in range(12)]
    batch = collate(crops, 1 / 255)
    assert batch.frames.shape == (12, 1, 96, 96)
    assert batch.cells.instances.shape == (12, 96, 96)
    shown = {int((crop.labels >= 0).sum()) for crop in crops}
    assert 64 * 80 in shown  # all of the small image
    assert 96 * 96 in shown
    for crop in crops:
        known = crop.labels >= 0
        assert np.array_equal(crop.frame[known] > 0.5, crop.labels[known] > 0)


def test_centred_crops_have_a_cell_in_their_middle_and_draw_each_alike():
    """Nine of ten cells are in one image; the empty one is never drawn."""
    movie, sampling = images(ONE, MANY, EMPTY), Sampling(crop=32, large=0)
    crops = [draw([movie], sampling, "centred", PLAIN, np.random.default_rng(seed)) for seed in range(200)]
    assert sum(5 in crop.centres and len(crop.centres) == 1 for crop in crops) < 100
    for crop in crops:
        nearest = min(np.abs(centre - 15.5).max() for centre in crop.centres.values())
        assert nearest <= 4.5  # but at the frame's edge
    alone = sum(crop.labels[0, 0] == UNKNOWN or (crop.labels == 5).any() for crop in crops)
    assert alone / 200 == pytest.approx(2 / 10, abs=0.12)  # label 5 is in both images


def test_frames_of_a_movie_are_all_drawn():
    """The first one has no past, which does not matter here."""
    movie = images(ONE, ONE * 2)
    tracked = AnnotatedMovie(**{**vars(movie), "tracked": True})
    seen = set()
    for seed in range(20):
        crop = draw([tracked], Sampling(crop=32, anywhere=0), "around", PLAIN, np.random.default_rng(seed))
        seen |= crop.centres.keys()
    assert seen == {5, 10}
