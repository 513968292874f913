"""Tiles are laid together instance by instance."""

import numpy as np

from embedtrack.methods.hourglass.mosaic import Piece, merge
from tests.drawings import draw

SHAPE = (60, 160)
SURE = np.array([0, 0.5, 0.6, 0.7], np.float32)


def piece(picture: np.ndarray, left: int, right: int) -> Piece:
    """A tile of a frame, as if its network had seen the picture; its labels are its own."""
    part = picture[:, left:right]
    known = np.unique(part[part > 0])
    labels = np.where(part > 0, np.searchsorted(known, part) + 1, 0).astype(np.int32)
    return Piece(labels[None], SURE[: known.size + 1], 0, left)


def test_one_tile_is_as_it_is():
    picture = draw(SHAPE, {1: ((20, 20), 8), 2: ((40, 90), 8)})
    labels, sure = merge([piece(picture, 0, 160)], SHAPE)
    assert (labels[0] == picture).all()
    assert sure.tolist() == SURE[:3].tolist()


def test_a_cell_in_the_overlap_is_one_and_whole():
    """The left tile cuts the cell at column 100; the right one shows it whole."""
    picture = draw(SHAPE, {1: ((20, 20), 8), 2: ((30, 98), 9), 3: ((40, 140), 8)})
    labels, sure = merge([piece(picture, 0, 100), piece(picture, 60, 160)], SHAPE)
    assert ((labels[0] > 0) == (picture > 0)).all()
    assert labels.max() == 3
    assert np.unique(labels[0][picture == 2]).size == 1
    assert len(sure) == 4


def test_cells_at_the_frames_edge_are_whole():
    picture = draw(SHAPE, {1: ((2, 3), 8), 2: ((58, 158), 9)})
    labels, _ = merge([piece(picture, 0, 100), piece(picture, 60, 160)], SHAPE)
    assert ((labels[0] > 0) == (picture > 0)).all()


def test_the_larger_of_two_claims_wins():
    one, other = draw(SHAPE, {1: ((30, 80), 12)}), draw(SHAPE, {1: ((30, 78), 6)})
    labels, _ = merge([piece(other, 0, 100), piece(one, 60, 160)], SHAPE)
    assert ((labels[0] > 0) == (one > 0)).all()
    assert labels.max() == 1


def test_a_cell_longer_than_the_overlap_does_not_vanish():
    """No tile shows it whole: its largest part stays, and what another tile has beside that."""
    picture = draw(SHAPE, {1: ((30, 80), (6, 60))})
    labels, _ = merge([piece(picture, 0, 100), piece(picture, 60, 160)], SHAPE)
    assert (labels[0] > 0).sum() > 0.6 * (picture > 0).sum()
    assert 1 <= labels.max() <= 2


def test_pairs_are_merged_in_both_frames_at_once():
    picture = draw(SHAPE, {1: ((20, 20), 8), 2: ((30, 98), 9)})
    moved = np.roll(picture, 4, axis=1)
    left, right = (Piece(np.stack([picture, moved])[:, :, a:b], SURE[:3], 0, a) for a, b in ((0, 104), (60, 160)))
    labels, _ = merge([left, right], SHAPE)
    assert ((labels > 0) == (np.stack([picture, moved]) > 0)).all()
    for cell in (1, 2):
        assert np.unique(labels[np.stack([picture, moved]) == cell]).size == 1


def test_empty_tiles():
    labels, sure = merge([Piece(np.zeros((2, 60, 100), np.int32), SURE[:1], 0, a) for a in (0, 60)], SHAPE)
    assert (labels.shape, labels.any(), sure.tolist()) == ((2, *SHAPE), False, [0])
