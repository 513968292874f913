"""Corrections by hand, and what of the links they say."""

from embedtrack.edit.cut import cut
from embedtrack.edit.divide import divide
from embedtrack.edit.join import join
from embedtrack.edit.pins import pins
from embedtrack.edit.refit import refit
from embedtrack.edit.relabel import relabel
from embedtrack.types import Pin
from tests.edit.test_edit import film


def lines():
    """1 goes on; 2 ends where 3 begins; 4 divides into 5 and 6."""
    return film("10204", "10204", "1030506", "1030506", parents={5: 4, 6: 4})


def test_nothing_corrected_says_nothing():
    draft = lines()
    assert pins(draft, draft) == []
    named = relabel(draft, 1, 9, range(4))
    assert pins(draft, named) == []


def test_a_cut_says_that_a_cell_comes_from_nowhere():
    draft = lines()
    after = cut(draft, (2, 1))
    [new] = {label for label in after.tracks if label not in draft.tracks}
    assert pins(draft, after) == [Pin(2, new, 0, 0)]


def test_a_join_says_where_a_cell_comes_from():
    draft = lines()
    assert pins(draft, join(draft, 2, (2, 3))) == [Pin(2, 2, 1, 2)]


def test_a_division_says_it_of_all_daughters():
    draft = lines()
    after = divide(draft, 2, [(2, 3), (2, 5)])
    [lone] = {label for label, track in after.tracks.items() if label in (4, 6) and track.end == 3}
    assert pins(draft, after) == [Pin(2, 3, 1, 2), Pin(2, lone, 1, 4), Pin(2, 5, 1, 2)] == sorted(pins(draft, after))


def test_what_was_said_stays_said():
    draft = lines()
    first = join(draft, 2, (2, 3))
    said = pins(draft, first)
    second = relabel(cut(first, (1, 1)), 2, 8, range(4))
    [new] = {label for label in second.tracks if label not in {*first.tracks, 8}}
    assert pins(first, second, said) == [Pin(1, new, 0, 0), Pin(2, 8, 1, 8)]


def test_a_mask_taken_away_says_nothing_of_what_came_of_it():
    draft = lines()
    assert pins(draft, relabel(draft, 1, 0, range(1, 2))) == []


def test_a_mask_painted_into_a_track_is_of_it():
    """2 was lost in frame 2 and found as 3; painted there, she is one with what was before."""
    draft = film("2", "2", "0", "3", parents={3: 2})
    frames = [frame.copy() for frame in draft.frames]
    frames[2][0, 0] = 2
    assert Pin(2, 2, 1, 2) in pins(draft, refit(frames, draft.tracks))


def test_a_new_mask_without_track_is_left_to_the_decision():
    draft = lines()
    frames = [frame.copy() for frame in draft.frames]
    frames[2][0, 9] = 7
    assert pins(draft, refit(frames, draft.tracks)) == []
