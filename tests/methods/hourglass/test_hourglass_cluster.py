"""Mean shift over drawn embeddings: exact on clear ones, the same everywhere in the picture, small cells found."""

import numpy as np
import pytest
from sklearn.cluster import MeanShift

from embedtrack.methods.hourglass.cluster import cluster, mean_shift, nearest
from embedtrack.methods.hourglass.config import Clustering
from tests.drawings import disc

SETTINGS = Clustering(place=0.005, min_cell_size=10)
D = 8


def colour(axis: int) -> np.ndarray:
    return np.eye(D, dtype=np.float32)[axis]


def drawn(*frames: list[tuple[np.ndarray, np.ndarray]], noise: float = 0.0) -> np.ndarray:
    """float32[F, D, H, W]: masks with the embedding of their pixels; the rest is background, the first axis."""
    pictures = []
    for masks in frames:
        picture = np.tile(colour(0), (*masks[0][0].shape, 1))  # [H, W, D]
        for mask, vector in masks:
            picture[mask] = vector
        pictures.append(picture)
    embeddings = np.stack(pictures) + np.random.default_rng(0).normal(0, noise, (len(frames), *picture.shape))
    embeddings /= np.linalg.norm(embeddings, axis=-1, keepdims=True)
    return np.moveaxis(embeddings, -1, 1).astype(np.float32)


def masks(labels: np.ndarray) -> list[frozenset]:
    """The pixels of each label, in no order."""
    return sorted((frozenset(np.flatnonzero(labels == i).tolist()) for i in np.unique(labels[labels > 0])), key=min)


def circles(*places: tuple[float, float], radius: float = 9, shape: tuple[int, int] = (80, 100)) -> list[np.ndarray]:
    """bool[H, W] each; where two overlap the first one has the pixels."""
    free, found = np.ones(shape, bool), []
    for place in places:
        found.append(disc(shape, place, radius) & free)
        free &= ~found[-1]
    return found


def test_orthogonal_embeddings_with_noise():
    cells = circles((20, 20), (20, 38), (40, 30), (60, 70))  # the first two touch
    moved = circles((22, 20), (22, 38), (42, 30), (62, 70))
    colours = [colour(1), colour(2), colour(3), colour(1)]  # the last is as the first, but far
    embeddings = drawn(*(list(zip(one, colours, strict=True)) for one in (cells, moved)), noise=0.05)
    labels = cluster(embeddings, SETTINGS)
    assert labels.dtype == np.int32
    assert masks(labels[0]) == sorted((frozenset(np.flatnonzero(c).tolist()) for c in cells), key=min)
    for before, now in zip(cells, moved, strict=True):
        assert np.unique(labels[0][before]).size == 1
        assert (labels[1][now] == labels[0][before][0]).all()
    assert labels.max() == 4


def test_clusters_of_high_density_are_the_same_cells():
    cells = circles((20, 20), (20, 38), (40, 30), (60, 70))
    embeddings = drawn(*[list(zip(cells, map(colour, (1, 2, 3, 4)), strict=True))] * 2, noise=0.05)
    settings = Clustering(by="hdbscan", place=0.005, min_cell_size=50)
    assert masks(cluster(embeddings, settings)[0]) == masks(cluster(embeddings, SETTINGS)[0])
    one = np.zeros((20, 30), bool)
    one[7, 11] = True
    assert cluster(drawn([(one, colour(1))]), Clustering(by="hdbscan")).sum() == 1


def test_one_embedding_far_apart_is_two_cells():
    near, far = (
        drawn([(one, colour(1)) for one in circles((20, 10), (20, 10 + distance), shape=(40, 160))])
        for distance in (18, 120)
    )
    assert cluster(near, SETTINGS).max() == 1  # they touch, and .005 * 18 is little
    assert cluster(far, SETTINGS).max() == 2


@pytest.mark.parametrize("corner", [(0, 0), (100, 100), (396, 380)])
def test_the_same_everywhere(corner: tuple[int, int]):
    """By the cosine distance with coordinates appended orthogonal embeddings are one at (511, 511)."""
    shape = (512, 512)
    places = [(corner[0] + y, corner[1] + x) for y, x in ((20, 20), (20, 37), (45, 30), (90, 100))]
    cells = circles(*places, shape=shape)
    labels = cluster(drawn([(c, colour(i + 1)) for i, c in enumerate(cells)], noise=0.02), SETTINGS)
    assert masks(labels[0]) == sorted((frozenset(np.flatnonzero(c).tolist()) for c in cells), key=min)


def test_as_scikit_learn():
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(centre, 0.1, (80, 3)) for centre in ((0, 0, 0), (1, 0, 0), (0, 1, 1))])
    points = points.astype(np.float32)
    theirs = MeanShift(bandwidth=0.4, seeds=points, max_iter=300).fit(points)
    ours = mean_shift(points, points, 0.4)
    assert len(ours) == len(theirs.cluster_centers_) == 3
    order = nearest(theirs.cluster_centers_.astype(np.float32), ours)
    assert np.allclose(ours[order], theirs.cluster_centers_, atol=1e-3)
    assert (nearest(points, ours) == order[theirs.labels_]).all()


def test_ridges_of_points_as_scikit_learn():
    """Without gaps between clusters the means differ, but no two are nearer than the radius, and all are at rest."""
    points = np.random.default_rng(1).uniform(0, 1, (400, 2)).astype(np.float32)
    ours = mean_shift(points, points, 0.3)
    distances = np.linalg.norm(ours[:, None] - ours[None], axis=-1)
    assert (distances[~np.eye(len(ours), dtype=bool)] > 0.3).all()
    for mean in ours:
        around = points[np.linalg.norm(points - mean, axis=1) <= 0.3]
        assert np.linalg.norm(around.mean(axis=0) - mean) < 2e-3


def test_a_small_cell_among_large_ones_is_found():
    """128 seeds by chance would miss a cell of this share of the foreground in most frames."""
    large = [(disc((400, 400), (200, 110), 105), colour(1)), (disc((400, 400), (200, 315), 80), colour(2))]
    small = np.zeros((400, 400), bool)
    small[200:204, 395:400] = True
    labels = cluster(drawn([*large, (small, colour(3))]), Clustering(place=0.001, min_cell_size=10))
    assert labels.max() == 3
    assert (np.unique(labels[0][small]).size, (labels == labels[0][small][0]).sum()) == (1, 20)


def test_nothing_and_next_to_nothing():
    empty = drawn([(np.zeros((20, 30), bool), colour(1))])
    assert not cluster(empty, SETTINGS).any()
    one = np.zeros((20, 30), bool)
    one[7, 11] = True
    single = drawn([(one, colour(1))])
    assert not cluster(single, SETTINGS).any()
    assert (cluster(single, Clustering(min_cell_size=1))[0] == one).all()


def test_size_is_summed_over_both_frames():
    cell, half = disc((30, 30), (15, 15), 4), disc((30, 30), (15, 15), 4)
    half[:15] = False
    sizes = int(cell.sum()), int(half.sum())
    both = drawn([(cell, colour(1))], [(half, colour(1))])
    assert cluster(both, Clustering(min_cell_size=sum(sizes) // 2)).max() == 1
    assert cluster(both, Clustering(min_cell_size=sum(sizes) // 2 + 1)).max() == 0
    alone = drawn([(cell, colour(1))], [(np.zeros_like(cell), colour(1))])
    assert cluster(alone, Clustering(min_cell_size=sizes[0])).max() == 1


def test_a_cell_that_moves_farther_than_its_size_is_one():
    before, now = disc((40, 80), (20, 20), 6), disc((40, 80), (20, 40), 6)
    labels = cluster(drawn([(before, colour(1))], [(now, colour(1))]), SETTINGS)
    assert labels.max() == 1
    assert (labels[1] == now).all()


def test_two_parts_apart_in_each_frame_are_two():
    before = [disc((40, 80), (20, x), 6) for x in (15, 60)]
    labels = cluster(drawn([(c, colour(1)) for c in before], [(c, colour(1)) for c in before]), SETTINGS)
    assert labels.max() == 2


def test_daughters_of_one_embedding_are_one_instance_with_their_mother():
    mother, daughters = disc((40, 80), (20, 40), 9), [disc((40, 80), (20, x), 6) for x in (32, 48)]
    labels = cluster(drawn([(mother, colour(1))], [(c, colour(1)) for c in daughters]), SETTINGS)
    assert labels.max() == 1
