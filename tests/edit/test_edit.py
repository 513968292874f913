"""Corrections on drawn movies, and on random ones: whatever is done, the outcome is valid."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtrack.challenge.aogm import edges
from embedtrack.challenge.tracked import require_valid
from embedtrack.edit.cut import cut
from embedtrack.edit.divide import divide
from embedtrack.edit.draft import Draft, as_tracked, fresh, open_draft
from embedtrack.edit.join import join
from embedtrack.edit.refit import refit
from embedtrack.edit.relabel import relabel
from embedtrack.tracked import Tracked
from embedtrack.types import CONFIDENCE, Track
from tests.exchange.hard import hard

WIDTH = 12


def film(*rows: str, parents: dict[int, int] | None = None) -> Draft:
    """One row of pixels a frame, a digit each; a label's frames are its track."""
    frames = [np.array([[int(digit) for digit in row.ljust(WIDTH, "0")]], np.int32) for row in rows]
    labels = sorted({int(digit) for row in rows for digit in row} - {0})
    seen = {label: [t for t, row in enumerate(rows) if str(label) in row] for label in labels}
    tracks = [Track(label, min(t), max(t), (parents or {}).get(label, 0)) for label, t in seen.items()]
    draft = open_draft(Tracked(frames, tracks, (1, WIDTH)))
    valid(draft)
    return draft


def valid(draft: Draft) -> Tracked:
    tracked = as_tracked(draft, Tracked([], [], draft.frames[0].shape))
    require_valid(tracked, "draft")
    return tracked


def rows(draft: Draft) -> list[str]:
    return ["".join(map(str, frame[0])).rstrip("0") for frame in draft.frames]


def tracks(draft: Draft) -> list[tuple[int, ...]]:
    valid(draft)
    return sorted(tuple(track) for track in draft.tracks.values())


def dividing() -> Draft:
    """1 divides into 2 and 3 at frame 2; 4 stands alone; 5 comes of 3, lost in between."""
    return film("1004", "1004", "2304", "2304", "2004", "2054", parents={2: 1, 3: 1, 5: 3})


def test_a_track_is_cut_in_its_midst_and_its_daughters_stay_with_the_later_part():
    draft = cut(dividing(), (1, 1))
    assert rows(draft) == ["1004", "6004", "2304", "2304", "2004", "2054"]
    assert tracks(draft) == [(1, 0, 0, 0), (2, 2, 5, 6), (3, 2, 3, 6), (4, 0, 5, 0), (5, 5, 5, 3), (6, 1, 1, 0)]


def test_cutting_off_a_daughter_leaves_no_division():
    """The other daughter is her mother again."""
    draft = cut(dividing(), (2, 2))
    assert rows(draft) == ["1004", "1004", "2104", "2104", "2004", "2054"]
    assert tracks(draft) == [(1, 0, 3, 0), (2, 2, 5, 0), (4, 0, 5, 0), (5, 5, 5, 1)]


def test_a_cell_that_was_lost_and_found_is_cut_off():
    assert tracks(cut(dividing(), (5, 5)))[-1] == (5, 5, 5, 0)


@pytest.mark.parametrize(("cell", "words"), [((0, 1), "got its first"), ((0, 2), "got none there"), ((3, 9), "none")])
def test_where_nothing_leads_to_a_cell_there_is_nothing_to_cut(cell, words):
    with pytest.raises(ValueError, match=words):
        cut(dividing(), cell)


def test_two_tracks_become_one():
    draft = join(film("10", "10", "02", "02"), 1, (2, 2))
    assert (rows(draft), tracks(draft)) == (["1", "1", "01", "01"], [(1, 0, 3, 0)])


def test_what_cutting_parts_joining_restores():
    draft = dividing()
    again = join(cut(draft, (1, 1)), 1, (1, 6))
    assert (rows(again), tracks(again)) == (rows(draft), tracks(draft))


def test_a_gap_makes_the_first_the_parent():
    draft = join(film("1", "", "2"), 1, (2, 2))
    assert (rows(draft), tracks(draft)) == (["1", "", "2"], [(1, 0, 0, 0), (2, 2, 2, 1)])


def test_joining_cuts_what_led_elsewhere():
    """1 goes on as what 2 was from frame 2 on; the rest of 1 and the beginning of 2 stand alone."""
    draft = join(film("12", "12", "12", "12"), 1, (2, 2))
    assert rows(draft) == ["12", "12", "41", "41"]
    assert tracks(draft) == [(1, 0, 3, 0), (2, 0, 1, 0), (4, 2, 3, 0)]


def test_a_daughter_joined_to_another_cell_leaves_no_division():
    """2 was no daughter of 1 but goes on from 4; 3 becomes 1 again."""
    draft = join(dividing(), 4, (2, 2))
    assert rows(draft) == ["1004", "1004", "4106", "4106", "4006", "4056"]
    assert tracks(draft) == [(1, 0, 3, 0), (4, 0, 5, 0), (5, 5, 5, 1), (6, 2, 5, 0)]


def test_joining_a_mother_with_one_daughter_frees_the_other():
    draft = join(dividing(), 1, (2, 3))
    assert tracks(draft) == [(1, 0, 3, 0), (2, 2, 5, 0), (4, 0, 5, 0), (5, 5, 5, 1)]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (4, (2, 4), "got one"),
        (3, (5, 5), "not joined yet"),
        (5, (2, 2), "begins before"),
        (9, (2, 2), "none of this label"),
    ],
)
def test_what_cannot_be_joined_is_refused(first, second, words):
    with pytest.raises(ValueError, match=words):
        join(dividing(), first, second)


def test_a_division_in_which_one_daughter_bore_the_mothers_label():
    draft = divide(film("1", "1", "12", "12"), 1, [(2, 1), (2, 2)])
    assert rows(draft) == ["1", "1", "32", "32"]
    assert tracks(draft) == [(1, 0, 1, 0), (2, 2, 3, 1), (3, 2, 3, 1)]


def test_a_division_between_tracks_that_went_on():
    """1 goes on past it and 3 was there before it: both are cut."""
    draft = divide(film("103", "123", "123"), 1, [(1, 2), (2, 3)])
    assert rows(draft) == ["103", "523", "524"]
    assert tracks(draft) == [(1, 0, 0, 0), (2, 1, 2, 1), (3, 0, 1, 0), (4, 2, 2, 1), (5, 1, 2, 0)]


def test_three_daughters():
    draft = divide(film("1", "234"), 1, [(1, 2), (1, 3), (1, 4)])
    assert tracks(draft) == [(1, 0, 0, 0), (2, 1, 1, 1), (3, 1, 1, 1), (4, 1, 1, 1)]


@pytest.mark.parametrize(
    ("mother", "daughters", "words"),
    [(1, [(2, 2)], "two or more"), (1, [(2, 2), (3, 2)], "another track"), (3, [(2, 2), (2, 4)], "begins before")],
)
def test_what_is_no_division_is_refused(mother, daughters, words):
    with pytest.raises(ValueError, match=words):
        divide(dividing(), mother, daughters)


def test_two_cells_that_changed_places_are_put_right():
    """From frame 2 to the end; what came of each stays with its mask."""
    draft = relabel(film("12", "12", "12", "32", parents={3: 1}), 1, 2, range(2, 4))
    assert rows(draft) == ["12", "12", "21", "31"]
    assert tracks(draft) == [(1, 0, 3, 0), (2, 0, 2, 0), (3, 3, 3, 2)]


def test_a_new_label_throughout_keeps_the_family():
    draft = relabel(dividing(), 3, 9, range(0, 6))
    assert tracks(draft) == [(1, 0, 1, 0), (2, 2, 5, 1), (4, 0, 5, 0), (5, 5, 5, 9), (9, 2, 3, 1)]


def test_a_mask_in_one_frame_gets_another_label():
    """4 is in pieces then: lost in frame 1, found again as 5."""
    draft = relabel(film("4", "4", "4"), 4, 7, range(1, 2))
    assert rows(draft) == ["4", "7", "8"]
    assert tracks(draft) == [(4, 0, 0, 0), (7, 1, 1, 0), (8, 2, 2, 4)]


def test_taking_a_cell_away_keeps_what_came_of_it():
    """3 was no daughter of a division any more when it is gone; 5 was hers."""
    gone = relabel(film("1", "2", "3", parents={2: 1, 3: 2}), 2, 0, range(1, 2))
    assert tracks(gone) == [(1, 0, 0, 0), (3, 2, 2, 1)]
    daughter = relabel(dividing(), 3, 0, range(0, 6))
    assert tracks(daughter) == [(1, 0, 1, 0), (2, 2, 5, 1), (4, 0, 5, 0), (5, 5, 5, 0)]


def test_what_is_no_relabelling_is_refused():
    with pytest.raises(ValueError, match="another label"):
        relabel(dividing(), 1, 1, range(0, 2))
    with pytest.raises(ValueError, match="got none there"):
        relabel(dividing(), 1, 6, range(3, 5))
    with pytest.raises(ValueError, match="expected 1 to end before"):
        relabel(dividing(), 4, 1, range(3, 4))


def test_painted_masks_get_tracks():
    """1 loses its middle, 6 is new, 4 is gone."""
    frames = [np.array([[1, 0]]), np.array([[0, 6]]), np.array([[1, 6]]), np.array([[0, 0]])]
    old = {1: Track(1, 0, 2, 0), 4: Track(4, 0, 3, 0)}
    draft = refit([frame.astype(np.int32) for frame in frames], old)
    assert tracks(draft) == [(1, 0, 0, 0), (6, 1, 2, 0), (7, 2, 2, 1)]


def test_a_mother_painted_beside_her_daughter_is_refused():
    draft = dividing()
    frames = list(draft.frames)
    frames[2] = np.where(frames[2] == 2, 1, frames[2]).astype(np.int32)
    with pytest.raises(ValueError, match="frame 2: expected 1 to end before 3 begins"):
        refit(frames, draft.tracks)


def test_no_correction_changes_an_older_draft():
    draft = dividing()
    before = [frame.copy() for frame in draft.frames], dict(draft.tracks)
    relabel(cut(divide(draft, 4, [(3, 2), (3, 3)]), (1, 1)), 4, 0, range(1, 3))
    assert all(map(np.array_equal, draft.frames, before[0]))
    assert draft.tracks == before[1]


def test_a_movie_that_settles_stays_as_it_is():
    result = hard()
    draft = open_draft(result)
    assert dict(refit(draft.frames, draft.tracks).tracks) == dict(sorted(draft.tracks.items()))


def test_labels_beyond_sixteen_bits_are_not_given():
    assert fresh([1, 2, 65535]) == 3
    with pytest.raises(ValueError, match="65535"):
        fresh(range(65536))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_is_done_the_outcome_is_valid(data):
    """Random corrections of the hard movie: masks keep their pixels, a cut takes one link."""
    draft = open_draft(hard())
    covered = [frame > 0 for frame in draft.frames]
    for _ in range(data.draw(st.integers(1, 6))):
        cells = sorted((t, track.label) for track in draft.tracks.values() for t in range(track.begin, track.end + 1))
        cell, other, third = (data.draw(st.sampled_from(cells)) for _ in range(3))
        kind = data.draw(st.sampled_from(["cut", "join", "divide", "relabel"]))
        made = set(edges(draft.tracks.values()))
        try:
            if kind == "cut":
                draft = cut(draft, cell)
                assert len(made) - 1 == len(set(edges(draft.tracks.values())))
            elif kind == "join":
                draft = join(draft, cell[1], other)
            elif kind == "divide":
                draft = divide(draft, cell[1], [other, third])
            else:
                draft = relabel(draft, cell[1], data.draw(st.integers(1, 12)), range(cell[0], other[0] + 1))
        except ValueError:
            continue
        valid(draft)
        assert all(np.array_equal(frame > 0, cover) for frame, cover in zip(draft.frames, covered, strict=True))


def test_both_daughters_are_cut_off_at_once():
    """Neither is left alone, so that none becomes her mother again."""
    draft = cut(dividing(), (2, 2), (2, 3))
    assert {label: track.parent for label, track in draft.tracks.items() if label in (1, 2, 3)} == {1: 0, 2: 0, 3: 0}
    assert rows(draft) == rows(dividing())
    valid(draft)


def test_what_is_said_names_frames_by_their_numbers():
    draft = dividing()._replace(first=10)
    with pytest.raises(ValueError, match="expected a cell 2 in frame 10, got none there"):
        cut(draft, (0, 2))
    with pytest.raises(ValueError, match="something before frame 10 to cut from"):
        cut(draft, (0, 1))
    with pytest.raises(ValueError, match="in one of the frames 10 to 11, got none there"):
        relabel(draft, 2, 9, range(2))


def test_a_label_beyond_sixteen_bits_is_not_taken_from_a_painter():
    draft = film("1", "1")
    frames = [np.array(frame) for frame in draft.frames]
    frames[1][0, 5] = 70_000
    with pytest.raises(ValueError, match="frame 11: expected labels up to 65535, got 70000"):
        refit(frames, draft.tracks, 10)


def test_how_sure_it_is_stays_with_the_cells():
    """1 and 2 change places in frame 1; 3 is painted over there."""
    draft = film("1.2.3".replace(".", "0"), "1.2.3".replace(".", "0"))
    sure = np.array([(t, label, label / 10 + t / 100, 0.5) for t in range(2) for label in (1, 2, 3)], CONFIDENCE)
    opened = replace(valid(draft), confidence=sure)
    after = relabel(draft, 1, 2, range(1, 2))
    frames = [np.array(frame) for frame in after.frames]
    frames[1][0, 5] = 3
    corrected = as_tracked(refit(frames, after.tracks), opened)
    found = {(t, label): cell for t, label, cell, _ in corrected.confidence.tolist()}
    assert {key: round(value, 2) for key, value in found.items()} == {
        (0, 1): 0.1, (0, 2): 0.2, (0, 3): 0.3, (1, 1): 0.21, (1, 2): 0.11,
    }  # fmt: skip
    assert len(corrected.graph) == 6


@pytest.mark.parametrize("span", [range(0, 9), range(-1, 2), range(2, 2)])
def test_frames_that_are_not_there_are_refused(span: range):
    with pytest.raises(ValueError, match="cell 3: expected frames from 0 to 5, got"):
        relabel(dividing(), 3, 9, span)
