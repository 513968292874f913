"""Hints that know biology: cell cycles that are too short, numbers of cells that jump."""

import numpy as np
import pandas as pd

from embedtrack.looks.report.hints import _counts, _cycles
from embedtrack.tracks.lives import lives
from embedtrack.types import Track


def family(cycle: int) -> list[Track]:
    """A cell divides in frame 3, one of its daughters divides again after so many frames."""
    return [Track(1, 0, 2, 0), Track(2, 3, 2 + cycle, 1), Track(3, 3, 40, 1),
            Track(4, 3 + cycle, 40, 2), Track(5, 3 + cycle, 40, 2)]  # fmt: skip


def test_a_cell_that_divides_twice_within_a_few_frames():
    [hint] = _cycles(lives(family(3)))
    assert (hint.kind, hint.frame, hint.label, hint.text) == ("divides again soon", 5, 2, "3 frames after its birth")
    assert list(_cycles(lives(family(4)))) == []


def test_a_cycle_much_shorter_than_the_others():
    """Five cells of 20 frames and one of 6, which is less than 0.35 of that."""
    tracks: list[Track] = []
    for number, cycle in enumerate([20, 20, 20, 20, 20, 6]):
        shift = 10 * number
        tracks += [Track(t.label + shift, t.begin, t.end, t.parent and t.parent + shift) for t in family(cycle)]
    assert [hint.label for hint in _cycles(lives(tracks))] == [52]


def table(tracks: list[Track]) -> pd.DataFrame:
    return pd.DataFrame({"frame": np.concatenate([np.arange(t.begin, t.end + 1) for t in tracks])})


def test_numbers_of_cells_that_jump():
    steady = [Track(label, 0, 9, 0) for label in range(1, 11)]
    came = [Track(label, 4, 9, 0) for label in range(11, 17)]
    [hint] = _counts(table(steady + came), steady + came, 10)
    assert (hint.kind, hint.frame, hint.label, hint.text) == ("count jumps", 4, 11, "10 cells, then 16")
    gone = [Track(label, 0, 6, 0) for label in range(11, 17)]
    [hint] = _counts(table(steady + gone), steady + gone, 10)
    assert (hint.frame, hint.label, hint.text) == (6, 11, "16 cells, then 10")


def test_divisions_are_no_jump():
    mothers = [Track(label, 0, 3, 0) for label in range(1, 11)]
    born = [Track(10 + 2 * mother + n, 4, 9, mother) for mother in range(1, 11) for n in (0, 1)]
    assert list(_counts(table(mothers + born), mothers + born, 10)) == []
