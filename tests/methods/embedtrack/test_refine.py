import numpy as np
import pytest

from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.refine import refine
from tests.drawings import ALL, STEP, draw, perfect_maps

SHAPE = (48, 64)


@pytest.mark.parametrize("toy", ALL)
@pytest.mark.parametrize("reach", [0.2, 0.5, 0.9])
def test_perfect_cells_stay_as_they_are(toy, reach: float):
    for labels in toy().labels:
        maps = perfect_maps(labels, labels, {})
        assert (refine(labels, maps, reach, 0.3, 1, STEP) == labels).all()


def dim_rim(share: float) -> tuple[np.ndarray, Maps[np.ndarray]]:
    """A cell of radius 10 whose left part, 4 columns, points only so far towards its centre."""
    labels = draw(SHAPE, {1: ((24, 30), 10)})
    maps = perfect_maps(labels, labels, {})
    maps.offset[:, :, :24] *= share
    return labels, maps


def test_a_rim_that_points_halfway_belongs_to_the_cell_within_its_reach():
    """d = 0.5 at 10 pixels: a pixel 8 off with half its offset is 4 from the centre, d = 0.5 ** 0.16 = 0.895."""
    labels, maps = dim_rim(0.5)
    for b in maps.bandwidth:
        b[:] = np.log(np.log(2) / (10 * STEP) ** 2) / 10
    found = labels * (np.arange(64) >= 24).astype(np.int32)
    assert (refine(found, maps, 0.8, 0.3, 1, STEP) == labels).all()
    strict = refine(found, maps, 0.95, 0.3, 1, STEP)
    assert not strict[24, 22]  # 0.895 is not enough
    assert strict[24, 30]


def test_the_centre_is_the_mean_of_the_cell():
    """One pixel in twenty points 5 pixels astray; that pixel proposed the cell, the mean lets it go."""
    labels = draw(SHAPE, {1: ((24, 30), 10)})
    maps = perfect_maps(labels, labels, {})
    for b in maps.bandwidth:
        b[:] = np.log(np.log(2) / (4 * STEP) ** 2) / 10  # d = 0.5 at 4 pixels
    maps.offset[0, 24, 30] += 5 * STEP
    refined = refine(labels, maps, 0.5, 0.3, 1, STEP)
    assert not refined[24, 30]
    assert (refined > 0).sum() == (labels > 0).sum() - 1


def test_a_contested_pixel_goes_to_the_nearer_mean():
    labels = draw(SHAPE, {1: ((24, 20), 8), 2: ((24, 40), 8)})
    maps = perfect_maps(labels, labels, {})
    swapped = np.where(labels == 1, np.where(np.arange(64) < 16, 2, 1), labels).astype(np.int32)
    assert (refine(swapped, maps, 0.5, 0.3, 1, STEP) == labels).all()


@pytest.mark.parametrize("radius", [(6, 20), (20, 6)])
def test_a_cell_is_looked_for_as_far_as_each_axis_reaches(radius: tuple[int, int]):
    """Of a long cell only the middle was found; its bandwidths reach 1.5 radii along either axis."""
    labels = draw(SHAPE, {1: ((24, 32), radius)})
    maps = perfect_maps(labels, labels, {})
    y, x = np.indices(SHAPE)
    found = labels * ((np.abs(y - 24) < 3) & (np.abs(x - 32) < 3)).astype(np.int32)
    assert (refine(found, maps, 0.5, 0.3, 1, STEP) == labels).all()


def test_a_bandwidth_belongs_to_its_axis():
    """d = 0.5 at 3 pixels along y and at 12 along x: a pixel that points 6 astray goes or stays accordingly."""
    labels = draw(SHAPE, {1: ((24, 32), 10)})
    maps = perfect_maps(labels, labels, {})
    for b, reach in zip(maps.bandwidth, (3, 12), strict=True):
        b[:] = np.log(np.log(2) / (reach * STEP) ** 2) / 10
    maps.offset[0, 24, 28] += 6 * STEP
    maps.offset[1, 24, 36] += 6 * STEP
    refined = refine(labels, maps, 0.5, 0.3, 1, STEP)
    assert not refined[24, 28]
    assert refined[24, 36]


def test_a_crescent_falls():
    """The rim of a cell points to its own arc's centre of gravity, which lies beside it, in the cell."""
    labels = draw(SHAPE, {1: ((24, 30), 10)})
    ring = (labels > 0) & (draw(SHAPE, {1: ((24, 33), 10)}) == 0)  # a sickle, 3 wide, at the left
    torn = labels + ring
    maps = perfect_maps(labels, labels, {})
    rows, columns = np.nonzero(ring)
    maps.offset[0][ring] = (24 - rows) * STEP
    maps.offset[1][ring] = (26 - columns) * STEP
    for b in maps.bandwidth:
        b[:] = np.log(np.log(2) / (3 * STEP) ** 2) / 10
    refined = refine(torn, maps, 0.5, 0.3, 1, STEP)
    assert np.unique(refined).tolist() == [0, 1]
    assert not refined[ring].any()


def test_foreground_only_and_small_cells_fall():
    labels = draw(SHAPE, {1: ((24, 20), 8), 2: ((24, 50), 3)})
    maps = perfect_maps(labels, labels, {})
    maps.seediness[:24] = 0.1
    refined = refine(labels, maps, 0.5, 0.3, 40, STEP)
    assert not refined[:24].any()
    assert np.unique(refined).tolist() == [0, 1]


def test_cluster_refines_where_asked():
    labels, maps = dim_rim(0.3)
    for b in maps.bandwidth:
        b[:] = np.log(np.log(2) / (5 * STEP) ** 2) / 10  # 8 pixels off it is 5.6 from the centre: d = 0.42
    plain = cluster(maps, Clustering(), STEP)
    far = cluster(maps, Clustering(reach=0.1), STEP)
    assert (plain > 0).sum() < (far > 0).sum() <= (labels > 0).sum()


def test_an_empty_frame_and_seediness_of_zero():
    nothing = np.zeros(SHAPE, np.int32)
    maps = perfect_maps(nothing, nothing, {})
    assert not refine(nothing, maps, 0.5, 0.3, 1, STEP).any()
    labels = draw(SHAPE, {1: ((24, 20), 8)})
    assert not refine(labels, maps, 0.5, 0.3, 1, STEP).any()
