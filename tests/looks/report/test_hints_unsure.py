"""Decisions that were a near thing are told, the nearest first."""

import numpy as np

from embedtrack.looks.report.hints import unsure
from embedtrack.types import CONFIDENCE, Track

TRACKS = [Track(1, 0, 3, 0), Track(2, 4, 6, 1), Track(3, 4, 6, 1), Track(4, 2, 6, 0)]


def told(*rows: tuple[int, int, float, float]) -> list[tuple[int, int, str]]:
    return [(hint.frame, hint.label, hint.text) for hint in unsure(TRACKS, np.array(list(rows), CONFIDENCE))]


def test_cells_links_and_arrivals_are_told():
    assert told((2, 1, 0.5, 0.99), (3, 1, 0.95, 0.75), (2, 4, 1, 0.6), (3, 4, 0.95, 0.95)) == [
        (3, 1, "the same cell as before? 75%"), (2, 4, "comes from nowhere? 60%"), (2, 1, "one cell? 50%"),
    ]  # fmt: skip


def test_the_cells_of_a_track_are_told_at_the_least_sure_one():
    assert told((1, 1, 0.75, 1), (2, 1, 0.25, 1), (3, 1, 0.75, 1)) == [
        (2, 1, "one cell? 25% here, less than 90% in 3 frames"),
    ]  # fmt: skip


def test_a_division_is_told_once():
    assert told((4, 2, 1, 0.7), (4, 3, 1, 0.7), (5, 2, 1, 0.7)) == [
        (4, 2, "a division? 70%"), (5, 2, "the same cell as before? 70%"),
    ]  # fmt: skip


def test_without_confidence_nothing_is_told():
    assert list(unsure(TRACKS, None)) == []
