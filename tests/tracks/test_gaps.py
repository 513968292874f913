import numpy as np
import pytest

from embedtrack.tracks.gaps import Gap, bridge, claim, follow, pixels
from tests.drawings import STEP, disc, draw, perfect_maps

SHAPE = (40, 60)


def at(*centre, radius=5):
    """int64[n, 2]: the pixels of a disc."""
    return np.argwhere(disc(SHAPE, centre, radius))


def pointing(mask, goal):
    """float32[2, H, W]: every pixel of the mask points at the goal, in pixels; nothing is said elsewhere."""
    shift = np.zeros((2, *SHAPE), np.float32)
    shift[:, mask[:, 0], mask[:, 1]] = (np.array(goal) - mask).T * STEP
    return shift


def test_pixels_of_the_wanted_labels():
    labels = np.array([[3, 0, 9], [9, 3, 5]], np.int32)
    found = pixels(labels, [9, 3, 4])
    assert {label: places.tolist() for label, places in found.items()} == {3: [[0, 0], [1, 1]], 9: [[0, 2], [1, 0]]}
    assert pixels(labels, []) == {}
    assert pixels(np.zeros_like(labels), [3]) == {}


def test_a_path_follows_offsets_that_gather_around_a_point():
    shifts = [pointing(at(20, 40), (20, 30)), pointing(at(20, 30), (22, 18)), pointing(at(22, 18), (9, 10))]
    path = follow(at(20, 40), shifts, STEP)
    np.testing.assert_allclose(path, [(20, 30), (22, 18), (9, 10)], atol=1e-4)


def test_a_path_rests_where_the_offsets_mean_nothing():
    drift = np.full((2, *SHAPE), 7 * STEP, np.float32)
    noise = np.random.default_rng(0).normal(0, 9 * STEP, (2, *SHAPE)).astype(np.float32)
    for shift in (drift, noise, np.zeros_like(drift), np.full_like(drift, np.nan)):
        path = follow(at(20, 40), [pointing(at(20, 40), (20, 30)), shift], STEP)
        np.testing.assert_allclose(path, [(20, 30), (20, 30)], atol=1e-4)


def test_a_few_wild_pixels_do_not_move_the_path():
    shift = pointing(at(20, 40), (20, 30))
    shift[:, 16:18] = 1
    np.testing.assert_allclose(follow(at(20, 40), [shift], STEP), [(20, 30)], atol=1e-4)


def test_a_path_ends_at_the_edge_of_the_frame():
    assert follow(at(20, 4), [pointing(at(20, 4), (20, -3))], STEP) == []
    assert follow(at(20, 4), [np.full((2, *SHAPE), np.nan, np.float32)], STEP) == []
    inside = follow(at(20, 4), [pointing(at(20, 4), (20, 1)), pointing(at(20, 1), (20, -3))], STEP)
    np.testing.assert_allclose(inside, [(20, 1)], atol=1e-4)


def test_a_path_goes_on_where_no_pixel_of_the_moved_mask_is_inside():
    scattered = np.array([[0, 59], [39, 0]])
    path = follow(scattered, [pointing(scattered, (39, 59)), pointing(scattered, (0, 0))], STEP)
    np.testing.assert_allclose(path, [(39, 59), (39, 59)], atol=1e-4)


def claims(lost, **points):
    """Cells a, b, ... have a point each and reach 3 pixels."""
    cells = {ord(name): np.array(point, float) for name, point in points.items()}
    return {chr(cell): track for cell, track in claim(cells, dict.fromkeys(cells, 3.0), lost).items()}


def test_points_on_or_near_a_lost_mask_claim_it():
    lost = {7: at(20, 20), 8: at(20, 40)}
    assert claims(lost, a=(20, 24.9), b=(20, 40)) == {"a": 7, "b": 8}
    assert claims(lost, a=(20, 28), b=(23, 40)) == {"a": 7, "b": 8}  # a is exactly 3 pixels from (20, 25)
    assert claims(lost, a=(20, 29), b=(23, 40)) == {"b": 8}
    assert claims({}, a=(20, 20)) == {}
    assert claims(lost) == {}


def test_only_the_nearest_of_those_beside_the_mask_claims_it():
    lost = {7: at(20, 20)}
    assert claims(lost, a=(20, 28), b=(20, 27), c=(13, 20)) == {"b": 7}
    assert claims(lost, a=(20, 28), b=(20, 27), c=(20, 25)) == {"c": 7}
    assert claims(lost, b=(20, 27), a=(13, 20)) == {"a": 7}  # as near: the smaller label


def test_all_on_the_mask_claim_it():
    assert claims({7: at(20, 20)}, a=(20, 18), b=(20, 22), c=(20, 27)) == {"a": 7, "b": 7}
    assert claims({7: at(20, 20)}, a=(20, 18), b=(20.4, 25.4), c=(20, 25.6)) == {"a": 7, "b": 7}


def test_a_gap_is_drawn_along_the_straight_line():
    frames = [np.zeros(SHAPE, np.int32) for _ in range(2)]
    bridge(Gap(7, frames, old=at(20, 20, radius=3), new=at(26, 35, radius=4)))
    np.testing.assert_array_equal(frames[0], 7 * disc(SHAPE, (22, 25), 4))
    np.testing.assert_array_equal(frames[1], 7 * disc(SHAPE, (24, 30), 4))


def test_a_gap_is_drawn_on_background_inside_the_frame_only():
    frame = draw(SHAPE, {3: ((20, 5), 2)})
    expected = draw(SHAPE, {3: ((20, 5), 2), 7: ((20, 2), 4)})
    bridge(Gap(7, [frame], old=np.array([[20, 0]]), new=at(20, 4, radius=4)))
    np.testing.assert_array_equal(frame, expected)


def test_a_gap_without_free_pixel_changes_nothing():
    frame = np.full(SHAPE, 3, np.int32)
    bridge(Gap(7, [frame], old=at(20, 20), new=at(20, 22)))
    assert (frame == 3).all()


@pytest.mark.parametrize("radius", [5, 8])
def test_perfect_maps_lead_back_to_the_truth(radius):
    truth = [draw(SHAPE, {1: ((20, 12 + 9 * t), radius)}) for t in range(4)]
    shifts = [perfect_maps(truth[t], truth[t - 1], {}).shift for t in (3, 2, 1)]
    path = follow(np.argwhere(truth[3] == 1), shifts, STEP)
    np.testing.assert_allclose(path, [(20, 30), (20, 21), (20, 12)], atol=1e-4)
