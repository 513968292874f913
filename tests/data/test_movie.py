from pathlib import Path

import numpy as np

from embedtrack.config import Normalisation
from embedtrack.data.movie import UNKNOWN, merge, read_movie
from tests.drawings import disc, dividing, draw, write_movie

SHAPE = (40, 60)


def markers(*cells: tuple[int, tuple[float, float]]) -> np.ndarray:
    return draw(SHAPE, {label: (centre, 2) for label, centre in cells})


def test_a_mask_takes_the_label_of_its_marker():
    masks = draw(SHAPE, {1: ((12, 12), 7), 2: ((25, 40), 8)})
    merged = merge([masks], markers((7, (12, 12)), (3, (25, 40))))
    assert np.array_equal(merged == 7, masks == 1)
    assert np.array_equal(merged == 3, masks == 2)
    assert not (merged == UNKNOWN).any()


def test_a_mask_without_marker_is_unknown():
    masks = draw(SHAPE, {1: ((12, 12), 7), 2: ((25, 40), 8)})
    merged = merge([masks], markers((7, (12, 12))))
    assert np.array_equal(merged == UNKNOWN, masks == 2)


def test_a_marker_without_mask_keeps_itself_and_its_surroundings_are_unknown():
    masks = draw(SHAPE, {1: ((12, 12), 7)})
    marked = markers((7, (12, 12)), (3, (25, 40)))
    merged = merge([masks], marked)
    assert np.array_equal(merged == 3, marked == 3)
    assert merged[25, 45] == UNKNOWN
    assert merged[25, 59] == 0  # further than a diameter
    assert np.array_equal(merged == 7, masks == 1)


def test_a_mask_over_two_markers_is_nobodys():
    masks = draw(SHAPE, {1: ((20, 30), (8, 16))})
    merged = merge([masks], markers((7, (20, 20)), (3, (20, 40))))
    assert merged[20, 30] == UNKNOWN
    assert (merged[20, 20], merged[20, 40]) == (7, 3)


def test_gold_paints_over_silver():
    silver, gold = draw(SHAPE, {1: ((12, 12), 7), 2: ((25, 40), 8)}), draw(SHAPE, {1: ((12, 12), 9)})
    merged = merge([silver, gold], markers((7, (12, 12)), (3, (25, 40))))
    assert np.array_equal(merged == 7, gold == 1)
    assert np.array_equal(merged == 3, silver == 2)


def test_half_a_marker_is_not_covered():
    marked = np.zeros(SHAPE, np.int32)
    marked[10:12, 10:14] = 5
    masks = np.zeros(SHAPE, np.int32)
    masks[8:14, 12:20] = 1
    assert merge([masks], marked)[10, 10] == 5
    assert merge([masks], marked)[10, 16] == UNKNOWN


def test_without_markers_masks_keep_their_labels():
    masks = draw(SHAPE, {4: ((12, 12), 7)})
    assert np.array_equal(merge([masks], None), masks)


def test_reads_a_movie(tmp_path: Path):
    toy = dividing()
    movie = read_movie(write_movie(toy, tmp_path / "toy"), Normalisation())
    assert movie.name == "toy/01"
    assert movie.tracked
    assert all(np.array_equal(a, b) for a, b in zip(movie.labels, toy.labels, strict=True))
    assert movie.parents == {1: 0, 2: 1, 3: 1}
    assert movie.centres[0] == {1: (24, 32)}
    assert movie.sizes[0] == {1: int(disc((48, 64), (24, 32), 8).sum())}
    assert movie.before(3) == 2
    assert len(movie.part(range(2, 5)).frames) == 3


def test_a_parent_before_a_gap_has_no_centre_at_t_minus_1(tmp_path: Path):
    toy = dividing()
    toy.labels[2] = 0
    gap = toy._replace(tracks=[toy.tracks[0]._replace(end=1), *toy.tracks[1:]])
    movie = read_movie(write_movie(gap, tmp_path / "toy"), Normalisation())
    assert movie.parents == {1: 0, 2: UNKNOWN, 3: UNKNOWN}
