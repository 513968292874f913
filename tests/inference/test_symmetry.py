from itertools import product

import numpy as np
import pytest
import torch

from embedtrack.inference.symmetry import (
    AVERAGED,
    SYMMETRIES,
    Symmetry,
    do,
    do_axes,
    do_vectors,
    undo,
    undo_axes,
    undo_vectors,
)
from embedtrack.methods.embedtrack.maps import Maps, undo_maps
from embedtrack.truth.medoid import medoids
from tests.drawings import STEP, draw, perfect_maps

RANDOM = np.random.default_rng(0)
each_symmetry = pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
each_kind = pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])


def same(a, b):
    return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(np.asarray(a), np.asarray(b))


def turn_maps(maps, symmetry):
    return Maps(
        do_vectors(maps.offset, symmetry),
        do_axes(maps.bandwidth, symmetry),
        do(maps.seediness, symmetry),
        do_vectors(maps.shift, symmetry),
    )


def test_identity_is_first_and_all_differ():
    image = np.arange(6).reshape(2, 3)
    assert SYMMETRIES[0] == Symmetry(0, False)
    assert do(image, SYMMETRIES[0]) is image
    assert len({do(image, symmetry).tobytes() for symmetry in SYMMETRIES}) == 8


@each_kind
def test_quarter_turn_by_hand(kind):
    image = kind(np.array([[1, 2, 3], [4, 5, 6]]))
    assert do(image, Symmetry(1, False)).tolist() == [[3, 6], [2, 5], [1, 4]]
    assert do(image, Symmetry(1, True)).tolist() == [[6, 3], [5, 2], [4, 1]]
    assert do(image, Symmetry(0, True)).tolist() == [[3, 2, 1], [6, 5, 4]]


@each_symmetry
def test_image_moves_as_by_rot90_and_flip(symmetry):
    image = RANDOM.random((2, 3, 5))
    expected = np.rot90(image, symmetry.turns, (-2, -1))
    assert same(do(image, symmetry), expected[..., ::-1] if symmetry.flip else expected)


@each_symmetry
def test_numpy_results_are_views(symmetry):
    image = RANDOM.random((2, 3, 5))
    assert np.shares_memory(do(image, symmetry), image)
    assert np.shares_memory(do_axes(image, symmetry), image)


@each_kind
@each_symmetry
@pytest.mark.parametrize(
    ("forth", "back", "dtype"),
    [
        (do, undo, np.float32),
        (do, undo, np.int32),
        (do_axes, undo_axes, np.float32),
        (do_vectors, undo_vectors, np.float32),
    ],
)
@pytest.mark.parametrize("shape", [(2, 3, 5), (4, 2, 6, 6), (2, 1, 1)])
def test_undo_undoes(kind, symmetry, forth, back, dtype, shape):
    array = kind((RANDOM.random(shape) * 100 - 50).astype(dtype))
    there = forth(array, symmetry)
    assert tuple(there.shape[-2:]) == (shape[:-3:-1] if symmetry.turns % 2 else shape[-2:])
    assert same(back(there, symmetry), array)
    assert same(forth(back(array, symmetry), symmetry), array)


@pytest.mark.parametrize("forth", [do, do_axes, do_vectors])
def test_two_in_turn_are_one_of_the_eight(forth):
    array = RANDOM.random((2, 3, 5))
    for first, second in product(SYMMETRIES, repeat=2):
        both = forth(forth(array, first), second)
        assert sum(same(both, forth(array, one)) for one in SYMMETRIES) == 1


@each_kind
def test_numpy_and_torch_agree(kind):
    array = RANDOM.random((3, 2, 3, 5), np.float32)
    for symmetry, forth in product(SYMMETRIES, [do, do_axes, do_vectors]):
        assert np.array_equal(np.asarray(forth(kind(array), symmetry)), forth(array, symmetry))


@each_kind
def test_vector_and_axes_by_hand(kind):
    """A vector one pixel to the right points up after a quarter turn, left after a flip."""
    right = kind(np.array([0.0, 1.0]).reshape(2, 1, 1))
    assert do_vectors(right, Symmetry(1, False)).flatten().tolist() == [-1, 0]
    assert do_vectors(right, Symmetry(0, True)).flatten().tolist() == [0, -1]
    assert do_axes(right, Symmetry(1, False)).flatten().tolist() == [1, 0]
    assert do_axes(right, Symmetry(0, True)).flatten().tolist() == [0, 1]


@each_symmetry
def test_vectors_point_at_the_moved_centre(symmetry):
    """No reference to how it is done: cells lie elsewhere now, and each pixel must still find its own."""
    labels = draw((40, 64), {1: ((12, 15), (9, 5)), 2: ((28, 45), (6, 14))})
    offset = do_vectors(perfect_maps(labels, labels, {}).offset, symmetry)
    turned = do(labels, symmetry)
    for label, centre in do_centres(labels, symmetry).items():
        y, x = np.nonzero(turned == label)
        assert np.allclose(y + offset[0, y, x] / STEP, centre[0], atol=1e-3)
        assert np.allclose(x + offset[1, y, x] / STEP, centre[1], atol=1e-3)


def do_centres(labels, symmetry):
    """Where the medoids went, found by turning an image in which only they are drawn."""
    marks = np.zeros_like(labels)
    for label, centre in medoids(labels).items():
        marks[centre] = label
    marks = do(marks, symmetry)
    return {label: np.argwhere(marks == label)[0] for label in (1, 2)}


@each_symmetry
def test_axes_follow_an_elongated_cell(symmetry):
    """Tall cells need a lower bandwidth (a greater radius) along y, wide ones along x, as the turned picture shows."""
    labels = draw((40, 64), {1: ((20, 32), (15, 5))})
    bandwidth = do_axes(perfect_maps(labels, labels, {}).bandwidth, symmetry)
    y, x = np.nonzero(do(labels, symmetry))
    tall, wide = bandwidth[:, y[0], x[0]]
    assert (bandwidth >= 0).all()
    assert (tall < wide) == (np.ptp(y) > np.ptp(x))


@each_kind
@each_symmetry
def test_undo_maps(kind, symmetry):
    labels = draw((40, 64), {1: ((12, 15), (9, 5)), 2: ((28, 45), (6, 14))})
    maps = Maps(*map(kind, perfect_maps(labels, np.roll(labels, 3, axis=1), {})))
    back = undo_maps(turn_maps(maps, symmetry), symmetry)
    assert all(same(one, other) for one, other in zip(back, maps, strict=True))


@pytest.mark.parametrize("shape", [(3, 5), (1, 3, 5), (2, 4, 3, 5)])
def test_components_must_be_two(shape):
    with pytest.raises(ValueError, match=r"\[..., 2, H, W\]"):
        do_vectors(np.zeros(shape), Symmetry(1, False))


@pytest.mark.parametrize("views", AVERAGED)
def test_views_that_are_averaged_are_a_group(views: int):
    array = np.arange(15.0).reshape(3, 5)
    images = {do(array, symmetry).tobytes() for symmetry in AVERAGED[views]}
    assert len(images) == views
    for first, second in product(AVERAGED[views], repeat=2):
        assert do(do(array, first), second).tobytes() in images
