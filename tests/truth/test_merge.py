import numpy as np

from embedtrack.truth.merge import UNKNOWN, merge, reaches
from tests.drawings import draw

SHAPE = (40, 60)


def markers(*cells: tuple[int, tuple[float, float]]) -> np.ndarray:
    return draw(SHAPE, {label: (centre, 2) for label, centre in cells})


def test_a_mask_takes_the_label_of_its_marker():
    masks = draw(SHAPE, {1: ((12, 12), 7), 2: ((25, 40), 8)})
    merged = merge([masks], markers((7, (12, 12)), (3, (25, 40)))).labels
    assert np.array_equal(merged == 7, masks == 1)
    assert np.array_equal(merged == 3, masks == 2)
    assert not (merged == UNKNOWN).any()


def test_a_mask_without_marker_is_unknown():
    masks = draw(SHAPE, {1: ((12, 12), 7), 2: ((25, 40), 8)})
    merged = merge([masks], markers((7, (12, 12)))).labels
    assert np.array_equal(merged == UNKNOWN, masks == 2)


def test_a_marker_without_mask_is_a_partial_cell():
    masks = draw(SHAPE, {1: ((12, 12), 7)})
    marked = markers((7, (12, 12)), (3, (25, 40)))
    merged, partial = merge([masks], marked, reach=9)
    assert partial == {3}
    assert np.array_equal(merged == 3, marked == 3)
    assert merged[25, 42 + 9] == UNKNOWN
    assert merged[25, 42 + 10] == 0  # further than any mask reaches
    assert np.array_equal(merged == 7, masks == 1)
    assert np.array_equal(merge([masks], marked).masks() == 7, masks == 1)
    assert not (merge([masks], marked).masks() == 3).any()


def test_markers_alone():
    marked = markers((7, (12, 12)), (3, (25, 40)))
    merged, partial = merge([], marked, reach=4)
    assert partial == {3, 7}
    assert not merge([], marked).masks().any()
    assert merged[12, 12 + 2 + 4] == UNKNOWN


def test_how_far_masks_reach_beyond_their_markers():
    masks = draw(SHAPE, {1: ((12, 12), 7), 2: ((25, 40), (8, 10)), 3: ((5, 50), 3)})
    marked = markers((7, (12, 12)), (3, (25, 40)))
    assert reaches([masks], marked) == [5, 8]


def test_a_mask_over_two_markers_is_nobodys():
    masks = draw(SHAPE, {1: ((20, 30), (8, 16))})
    merged = merge([masks], markers((7, (20, 20)), (3, (20, 40)))).labels
    assert merged[20, 30] == UNKNOWN
    assert (merged[20, 20], merged[20, 40]) == (7, 3)


def test_gold_paints_over_silver():
    silver, gold = draw(SHAPE, {1: ((12, 12), 7), 2: ((25, 40), 8)}), draw(SHAPE, {1: ((12, 12), 9)})
    merged = merge([silver, gold], markers((7, (12, 12)), (3, (25, 40)))).labels
    assert np.array_equal(merged == 7, gold == 1)
    assert np.array_equal(merged == 3, silver == 2)


def test_half_a_marker_is_not_covered():
    marked = np.zeros(SHAPE, np.int32)
    marked[10:12, 10:14] = 5
    masks = np.zeros(SHAPE, np.int32)
    masks[8:14, 12:20] = 1
    assert merge([masks], marked).labels[10, 10] == 5
    assert merge([masks], marked).labels[10, 16] == UNKNOWN


def test_without_markers_masks_keep_their_labels():
    masks = draw(SHAPE, {4: ((12, 12), 7)})
    assert np.array_equal(merge([masks], None).labels, masks)
