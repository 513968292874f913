from time import process_time

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from benchmarks.clustering import field, wild
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.maps import Maps
from tests import drawings
from tests.drawings import STEP

SETTINGS = Clustering(seed_threshold=0.5, mask_threshold=0.3, min_votes=5, min_cell_size=5)


def blank(height, width):
    return Maps(
        *(np.zeros(shape, np.float32) for shape in ((2, height, width),) * 2 + ((height, width), (2, height, width)))
    )


def width_for(radius):
    """The bandwidth b with which d = 0.5 at this radius in pixels."""
    return np.log(np.log(2) / (radius * STEP) ** 2) / 10


def put(maps, pixels, centre, radius, seediness=0.9):
    """Let the pixels (a box or a mask) point to a centre, with bandwidth and seediness all the same."""
    y, x = np.indices(maps.seediness.shape)
    for axis, p in enumerate((y, x)):
        maps.offset[axis][pixels] = ((centre[axis] - p) * STEP)[pixels]
        maps.bandwidth[axis][pixels] = width_for(np.broadcast_to(radius, 2)[axis])
    maps.seediness[pixels] = seediness


def same(labels, truth):
    """Equal up to the numbers."""
    pairs = np.unique(np.stack([labels.ravel(), truth.ravel()]), axis=1)
    both_zero = np.array_equal(labels == 0, truth == 0)
    return both_zero and len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]


def slow(maps, settings, step):
    """The specification, word for word: every candidate looks at every pixel of the frame."""
    foreground = maps.seediness > np.float32(settings.mask_threshold)
    p = np.indices(foreground.shape)
    e = p + maps.offset.astype(float) / step
    last = np.array(foreground.shape)[:, None, None] - 1
    y, x = np.floor(np.clip(e, 0, last) + 0.5).astype(int)
    votes = np.zeros(foreground.shape)
    np.add.at(votes, (y[foreground], x[foreground]), 1)
    votes = np.round(9 * uniform_filter(votes, 3, mode="constant"))
    b = uniform_filter(maps.bandwidth, (1, 3, 3), mode="nearest").astype(float)
    seeds = (maps.seediness > np.float32(settings.seed_threshold)) & (votes > settings.min_votes) & foreground
    q = np.flatnonzero(seeds)
    q = q[np.argsort(-maps.seediness.ravel()[q], kind="stable")]

    def closeness(index):
        at = np.unravel_index(index, foreground.shape)
        exponent = sum(np.exp(10 * b[k][at]) * ((e[k][at] - e[k]) * step) ** 2 for k in (0, 1))
        return np.where(foreground, np.exp(-exponent), 0)

    def share(standing):
        owner, best = np.zeros(foreground.shape, int), np.full(foreground.shape, 0.5)
        for cell, index in enumerate(standing, start=1):
            d = closeness(index)
            owner, best = np.where(d > best, cell, owner), np.maximum(d, best)
        return owner

    standing, owner, best = [], np.zeros(foreground.shape, int), np.full(foreground.shape, 0.5)
    for index in q:
        if owner.flat[index]:
            continue
        d = closeness(index)
        mask = d > 0.5
        if mask.sum() >= settings.min_cell_size and (owner[mask] > 0).sum() < mask.sum() / 2:
            standing.append(index)
            owner, best = np.where(d > best, len(standing), owner), np.maximum(d, best)
    standing = [i for cell, i in enumerate(standing, start=1) if (owner == cell).sum() >= settings.min_cell_size]
    return share(sorted(standing)).astype(np.int32)


@pytest.mark.parametrize("toy", drawings.ALL)
def test_perfect_maps_give_the_truth(toy):
    movie = toy()
    parents = {track.label: track.parent for track in movie.tracks}
    for before, labels in zip(np.concatenate([movie.labels[:1], movie.labels[:-1]]), movie.labels, strict=True):
        found = cluster(drawings.perfect_maps(labels, before, parents), SETTINGS, STEP)
        assert found.dtype == np.int32
        assert same(found, labels)


def test_dim_rims_belong_to_the_cell_but_start_none():
    labels = drawings.draw((40, 60), {1: ((20, 16), 9), 2: ((20, 44), 9)})
    maps = drawings.perfect_maps(labels, labels, {})
    rim = (labels == 1) & ~drawings.disc(labels.shape, (20, 16), 6)
    maps.seediness[rim] = 0.4
    maps.seediness[labels == 2] = 0.4
    assert same(cluster(maps, SETTINGS, STEP), np.where(labels == 1, 1, 0))
    narrow = SETTINGS.model_copy(update={"mask_threshold": 0.45})
    assert same(cluster(maps, narrow, STEP), np.where((labels == 1) & ~rim, 1, 0))
    eager = SETTINGS.model_copy(update={"seed_threshold": 0.35})
    assert same(cluster(maps, eager, STEP), labels)


def test_thresholds_are_exclusive_and_a_seed_is_foreground():
    maps = blank(9, 9)
    put(maps, np.s_[2:7, 2:7], (4, 4), 3, seediness=0.3)
    assert cluster(maps, SETTINGS.model_copy(update={"seed_threshold": 0.2}), STEP).max() == 0
    maps.seediness[maps.seediness > 0] = 0.5
    assert cluster(maps, SETTINGS, STEP).max() == 0
    maps.seediness[maps.seediness > 0] = 0.55
    assert cluster(maps, SETTINGS.model_copy(update={"mask_threshold": 0.6}), STEP).max() == 0
    assert (cluster(maps, SETTINGS, STEP) > 0).sum() == 25


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_slow_reference(seed):
    _, maps = field(30, 96, noise=(0.5, 1, 1.5, 2, 3, 5)[seed], seed=seed)
    for size in (1, 12, 40):
        settings = SETTINGS.model_copy(update={"min_cell_size": size})
        found = cluster(maps, settings, STEP)
        assert found.max() > 5
        np.testing.assert_array_equal(found, slow(maps, settings, STEP))


def test_is_the_same_every_time():
    _, maps = field(40, 128, noise=3)
    assert cluster(maps, SETTINGS, STEP).tobytes() == cluster(maps, SETTINGS, STEP).tobytes()


def test_the_first_axis_of_offset_and_bandwidth_is_y():
    maps = blank(41, 41)
    long = drawings.disc((41, 41), (20, 20), (16, 4))
    put(maps, long, (20, 20), (18, 5))
    maps.offset[:] = 0  # every pixel stands for itself, so that the ellipse decides alone
    maps.bandwidth[0], maps.bandwidth[1] = width_for(18), width_for(5)
    maps.seediness[long], maps.seediness[20, 20] = 0.4, 0.9
    assert same(cluster(maps, SETTINGS, STEP), long.astype(np.int32))
    swapped = maps._replace(bandwidth=maps.bandwidth[::-1])
    assert (cluster(swapped, SETTINGS, STEP) > 0).sum() < 0.5 * long.sum()


@pytest.mark.parametrize("corner", [(0, 0), (0, 39), (29, 0), (29, 39)])
def test_a_cell_cut_by_the_edge_is_whole_even_where_its_centre_falls_outside(corner):
    labels = drawings.draw((30, 40), {1: (corner, 7)})
    maps = drawings.perfect_maps(labels, labels, {})
    assert same(cluster(maps, SETTINGS, STEP), labels)
    put(maps, labels > 0, [-1.4 if p == 0 else p + 1.4 for p in corner], 3)
    assert same(cluster(maps, SETTINGS, STEP), labels)


def test_pixels_that_point_far_outside_join_no_cell():
    labels = drawings.draw((30, 40), {1: ((15, 0), 6)})
    maps = drawings.perfect_maps(labels, labels, {})
    put(maps, np.s_[10:20, 30:35], (15, -60), 3, seediness=0.4)
    assert same(cluster(maps, SETTINGS, STEP), labels)


def test_cells_have_a_least_size():
    maps = blank(20, 20)
    put(maps, np.s_[2:5, 2:6], (3, 3), 2)
    put(maps, np.s_[10:14, 10:14], (11, 11), 2)
    maps.bandwidth[:] = width_for(2)
    for least, sizes in ((12, [12, 16]), (13, [16]), (16, [16]), (17, [])):
        found = cluster(maps, SETTINGS.model_copy(update={"min_cell_size": least}), STEP)
        assert np.bincount(found.ravel())[1:].tolist() == sizes


def test_a_centre_needs_more_votes_than_the_threshold():
    for votes, cells in ((5, 0), (6, 1)):
        maps = blank(12, 12)
        put(maps, np.s_[3, 3 : 3 + votes], (3, 3), 1)
        assert cluster(maps, SETTINGS, STEP).max() == cells


@pytest.mark.parametrize(("y", "x", "cells"), [(1.4, 1.4, 1), (1.6, 0, 0), (0, -1.6, 0), (-1.4, 1.4, 1)])
def test_votes_count_in_the_three_by_three_neighbourhood(y, x, cells):
    maps = blank(15, 15)
    put(maps, np.s_[7, 8:13], (7 + y, 7 + x), 4)
    maps.seediness[7, 8:13] = 0.4  # five votes from the rims, the sixth is the seed's own
    put(maps, np.s_[7, 7], (7, 7), 4)
    maps.bandwidth[:] = width_for(4)
    assert cluster(maps, SETTINGS, STEP).max() == cells


def two_in_a_row():
    """Centres at columns 10 and 20 with radius 6: columns 14 to 16 lie within reach of both."""
    maps = blank(9, 31)
    maps.bandwidth[:] = width_for(6.2)
    maps.seediness[3:6, 5:26] = 0.4
    maps.seediness[4, 10], maps.seediness[4, 20] = 0.8, 0.9
    return maps


def test_a_contested_pixel_goes_to_the_centre_with_the_higher_d():
    found = cluster(two_in_a_row(), SETTINGS, STEP)
    assert found[4, 14] == found[4, 10] == 1
    assert found[4, 16] == found[4, 20] == 2
    assert found[4, 15] == 2  # equally far: the brighter keeps it
    wide = two_in_a_row()
    wide.bandwidth[1, :, :15] = width_for(10.2)  # d falls more slowly around column 10
    assert cluster(wide, SETTINGS, STEP)[4, 15:18].tolist() == [1, 1, 2]


def row(columns, seeds, radius):
    """A frame of one row in which every pixel points to itself: reach decides alone."""
    maps = blank(1, 41)
    maps.bandwidth[:] = width_for(radius)
    maps.seediness[0, columns] = 0.4
    for column, seediness in seeds.items():
        maps.seediness[0, column] = seediness
    return maps


ROW = SETTINGS.model_copy(update={"min_votes": 1})


@pytest.mark.parametrize(("last", "cells"), [(19, 2), (18, 1)])
def test_a_proposal_half_of_which_is_taken_does_not_stand(last, cells):
    maps = row(np.s_[6 : last + 1], {10: 0.9, 15: 0.8}, 4.2)  # 6 to 14 are taken; 11 to `last` are proposed
    found = cluster(maps, ROW, STEP)[0]
    assert np.flatnonzero(found == 1).tolist() == list(range(6, 13 if cells == 2 else 15))
    assert np.flatnonzero(found == 2).tolist() == list(range(13, last + 1) if cells == 2 else [])


def test_what_a_fallen_cell_had_goes_to_the_next_best_centre():
    maps = row(np.s_[4:23], {10: 0.9, 13: 0.8}, 9.2)
    maps.bandwidth[1, 0, :12] = width_for(2.2)  # 8 to 12 stand first; of them only 10 is nearer to its own centre
    assert np.flatnonzero(cluster(maps, ROW, STEP)[0] == 1).tolist() == list(range(4, 23))
    lenient = ROW.model_copy(update={"min_cell_size": 1})
    assert np.flatnonzero(cluster(maps, lenient, STEP)[0] == 1).tolist() == [10]


@pytest.mark.parametrize(("column", "expected"), [(20, range(14, 27)), (0, range(7)), (40, range(34, 41))])
def test_bandwidth_is_the_mean_of_nine_pixels_and_the_edge_repeats(column, expected):
    maps = row(np.s_[:], {column: 0.9}, 1.5)
    around = [c for c in (column - 1, column, column + 1) if 0 <= c < 41]
    maps.bandwidth[1, 0, around] = width_for(6.5)
    assert np.flatnonzero(cluster(maps, ROW, STEP)[0]).tolist() == list(expected)
    if column == 20:
        maps.bandwidth[1, 0, around] = 3 * width_for(6.5) - 2, 1, 1
        assert np.flatnonzero(cluster(maps, ROW, STEP)[0]).tolist() == list(expected)


def test_equal_seeds_are_tried_in_reading_order():
    maps = row(np.s_[6:16], {10: 0.9, 11: 0.9}, 4.2)
    assert np.flatnonzero(cluster(maps, ROW, STEP)[0]).tolist() == list(range(6, 15))


def test_a_pixel_inside_a_cell_starts_none():
    maps = blank(21, 21)
    put(maps, np.s_[5:16, 5:16], (10, 10), 4)
    maps.offset[:, 10, 10] = 0.0
    maps.seediness[8:13, 8:13] = np.linspace(0.6, 0.9, 25).reshape(5, 5)
    assert cluster(maps, SETTINGS, STEP).max() == 1


def test_numbers_follow_reading_order_not_seediness():
    maps = blank(30, 30)
    for number, corner in enumerate(((2, 20), (10, 3), (10, 20), (22, 10))):
        put(maps, np.s_[corner[0] : corner[0] + 5, corner[1] : corner[1] + 5], (corner[0] + 2, corner[1] + 2), 3)
        maps.seediness[corner[0] + 2, corner[1] + 2] = 0.91 + 0.01 * number
    found = cluster(maps, SETTINGS, STEP)
    assert [found[4, 22], found[12, 5], found[12, 22], found[24, 12]] == [1, 2, 3, 4]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (1, 1), (1, 40), (40, 1), (7, 9)])
def test_every_shape_of_frame(shape):
    maps = blank(*shape)
    assert cluster(maps, SETTINGS, STEP).shape == shape
    assert not cluster(maps, SETTINGS, STEP).any()
    put(maps, np.s_[:, :], (shape[0] // 2, shape[1] // 2), 3)
    settings = SETTINGS.model_copy(update={"min_votes": 0, "min_cell_size": 1})
    np.testing.assert_array_equal(cluster(maps, settings, STEP), np.ones(shape))


def constant(offset, bandwidth, seediness):
    maps = blank(20, 30)
    for array, value in zip(maps, (offset, bandwidth, seediness, 0), strict=True):
        array[:] = value
    return maps


@pytest.mark.parametrize(
    ("offset", "bandwidth", "size"),
    [(-1, 0, 600), (0, 0, 600), (1, 0, 600), (-1, 1, 6), (1, 1, 9)],  # b = 1 reaches 1.4 pixels, so 3x3 of them
)
def test_saturated_maps_even_where_all_point_outside(offset, bandwidth, size):
    found = cluster(constant(offset, bandwidth, 1), SETTINGS, STEP)
    assert found.max() == 1
    assert found.sum() == size


@pytest.mark.parametrize("values", [(np.nan, 0.5, 1), (0, np.nan, 1), (0, 0.5, np.nan), (0, 0.5, 0), (np.inf, 0.5, 1)])
def test_what_is_no_number_is_no_cell(values):
    assert not cluster(constant(*values), SETTINGS, STEP).any()


def test_maps_of_other_sizes_are_refused():
    maps = blank(8, 9)
    with pytest.raises(ValueError, match=r"expected seediness \[H, W\].*got \(8, 9\), \(2, 8, 9\), \(2, 8, 8\)"):
        cluster(maps._replace(bandwidth=maps.bandwidth[..., :8]), SETTINGS, STEP)
    with pytest.raises(ValueError, match="give one frame's maps"):
        cluster(Maps(*(array[None] for array in maps)), SETTINGS, STEP)


def test_a_view_and_other_floats_are_welcome():
    _, maps = field(9, 64)
    expected = cluster(maps, SETTINGS, STEP)
    turned = Maps(*(np.asarray(array[..., ::-1], np.float64)[..., ::-1] for array in maps))
    np.testing.assert_array_equal(cluster(turned, SETTINGS, STEP), expected)


def test_a_thousand_noisy_cells_are_found():
    truth, maps = field(1000)
    found = cluster(maps, SETTINGS.model_copy(update={"min_cell_size": 20}), STEP)
    assert found.max() == 1000
    overlap = np.zeros((1001, 1001), int)
    np.add.at(overlap, (truth.ravel(), found.ravel()), 1)
    union = overlap.sum(1)[1:, None] + overlap.sum(0)[None, 1:] - overlap[1:, 1:]
    assert (overlap[1:, 1:] / union).max(axis=1).mean() > 0.85


def least_time(maps):
    """Processor time, which other work on the machine hardly changes."""
    times = []
    for _ in range(5):
        begin = process_time()
        cluster(maps, SETTINGS, STEP)
        times.append(process_time() - begin)
    return min(times)


def test_time_is_linear_in_the_pixels():
    cluster(blank(3, 3), SETTINGS, STEP)
    assert least_time(field(1024, 1024)[1]) < 10 * least_time(field(256, 512)[1])


@pytest.mark.parametrize("bandwidth", [None, 0, 0.5, 1])
@pytest.mark.parametrize("offset", [None, 0])
def test_wild_maps_cost_little_more_than_sane_ones(bandwidth, offset):
    maps = wild(512)
    if bandwidth is not None:
        maps.bandwidth[:] = bandwidth
    if offset is not None:
        maps.offset[:] = offset
    assert least_time(maps) < 2
