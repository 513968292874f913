"""Hints that know biology: cell cycles that are too short, numbers of cells that jump."""

import numpy as np
import pandas as pd

from embedtrack.looks.report.hints import _counts, _cycles, find_hints
from embedtrack.looks.report.sights import look
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import lives
from embedtrack.types import Track
from tests.drawings import draw


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


def test_each_hint_of_a_drawn_result():
    """A cell that divides twice within three frames, one that ends in the middle, six that come at once."""
    mothers = {1: (30, 40, range(3)), 2: (30, 30, range(3, 6)), 3: (30, 52, range(3, 12)), 4: (22, 26, range(6, 12)),
               5: (38, 26, range(6, 12)), 6: (90, 60, range(5))}  # fmt: skip
    crowd = {7 + n: (90, 30 + 22 * n, range(8, 12)) for n in range(6)}
    cells = mothers | crowd
    frames = [
        draw((130, 180), {label: ((y, x), 6) for label, (y, x, lives_in) in cells.items() if t in lives_in})
        for t in range(12)
    ]
    parents = {2: 1, 3: 1, 4: 2, 5: 2}
    tracks = [Track(label, seen[0], seen[-1], parents.get(label, 0)) for label, (_, _, seen) in cells.items()]
    result = Tracked(frames, tracks, (130, 180))
    found = {(one.kind, one.frame, one.label) for one in find_hints(look(result).table, tracks, len(result))}
    begun = {("begins inside", 8, label) for label in crowd}
    assert found == {
        ("divides again soon", 5, 2), ("ends inside", 4, 6), ("count jumps", 8, 7), *begun,
    }  # fmt: skip
