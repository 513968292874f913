"""Masks of one piece: what is a crumb, and what is a hole, drawn."""

import numpy as np
import pytest
from scipy.ndimage import label as components

from embedtrack.tracks.one_piece import one_piece


def drawn(text: str) -> np.ndarray:
    return np.array(
        [[int(letter) if letter != "." else 0 for letter in line.strip()] for line in text.split()], np.int32
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("111.1 111.. .....", "111.. 111.. ....."),  # the largest part stays
        ("11..2 11.2. .....", "11..2 11.2. ....."),  # parts hang together over corners
        ("1111. 1..1. 1111.", "1111. 1111. 1111."),  # a hole is filled
        ("11111 1...1 11.11", "11111 1...1 11.11"),  # a bay that reaches the frame's edge is none
        ("11111 1.2.1 11111", "11111 1.2.1 11111"),  # nor is what borders on two cells
        ("11111 1.1.1 1...1 11111", "11111 11111 11111 11111"),  # a crumb within a hole goes with it
        ("1.1.. ..... 2....", "1.... ..... 2...."),  # of equal parts the first; no label is lost
        ("..... ..... .....", "..... ..... ....."),
    ],
)
def test_drawn(before: str, after: str):
    np.testing.assert_array_equal(one_piece(drawn(before)), drawn(after))


def test_it_changes_nothing_twice():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (40, 50)).astype(np.int32) * (rng.random((40, 50)) < 0.8)
    once = one_piece(labels.astype(np.int32))
    assert set(np.unique(once)) == set(np.unique(labels))
    np.testing.assert_array_equal(one_piece(once), once)


@pytest.mark.parametrize("seed", range(40))
def test_it_is_what_its_words_say(seed: int):
    """Against a slow one, mask by mask; now and then in large pixels, with a single label, or on one row or column."""
    rng = np.random.default_rng(seed)
    shape = [(9, 12), (1, 20), (20, 1), (30, 24)][seed % 4]
    labels = rng.integers(1, 2 + seed % 5, shape) * (rng.random(shape) < rng.choice([0.3, 0.6, 0.9]))
    labels = labels.repeat(1 + seed % 2, 0).repeat(1 + seed % 3, 1).astype(np.int32)
    np.testing.assert_array_equal(one_piece(labels), slow(labels))


def slow(labels: np.ndarray) -> np.ndarray:
    whole = np.zeros_like(labels)
    for name in np.unique(labels[labels > 0]):
        parts, _ = components(labels == name, np.ones((3, 3)))
        whole[parts == 1 + np.bincount(parts.ravel())[1:].argmax()] = name
    holes, count = components(np.pad(whole == 0, 1, constant_values=True))  # all that reaches the edge is one
    padded = np.pad(whole, 1)
    for hole in set(range(1, count + 1)) - {holes[0, 0]}:
        inside = holes == hole
        around = [np.roll(inside, step, axis) & ~inside for axis in (0, 1) for step in (1, -1)]
        names = np.unique(padded[np.logical_or.reduce(around)])
        if len(names) == 1:
            padded[inside] = names[0]
    return padded[1:-1, 1:-1]
