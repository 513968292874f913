"""Masks of one piece: what is a crumb, and what is a hole, drawn."""

import numpy as np
import pytest

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
