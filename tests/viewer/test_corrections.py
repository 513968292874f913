"""Corrections through napari's layers."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embedtrack.challenge import record
from embedtrack.challenge.layout import check, open_truth
from embedtrack.challenge.pins import read_pins
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import CONFIDENCE
from embedtrack.viewer.corrections import Corrections
from embedtrack.viewer.panel import Job, frames, panel, save
from embedtrack.viewer.window import fill, prepare, rescue, view
from tests.drawings import dividing, moving, write_movie

pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(
        __import__("importlib.util").util.find_spec("napari") is None, reason="needs the extra: pip install '.[napari]'"
    ),
]


@pytest.fixture
def result(tmp_path) -> Path:
    """1 divides into 2 and 3 at frame 3."""
    toy = dividing()
    write_movie(toy, tmp_path / "mine")
    write_tracked(Tracked(list(toy.labels), toy.tracks, (48, 64)), tmp_path / "mine" / "01_RES")
    return tmp_path / "mine" / "01_RES"


def tracks(corrections: Corrections) -> list[tuple[int, ...]]:
    return sorted(tuple(track) for track in corrections.draft.tracks.values())


def shown(corrections: Corrections) -> bool:
    """Whether the layers show the draft."""
    rows = {(int(label), int(t)) for label, t, *_ in corrections.shown.tracks.data}
    graph = {child: list(parents) for child, parents in corrections.shown.tracks.graph.items()}
    return (
        np.array_equal(corrections.shown.cells.data, np.stack(corrections.draft.frames))
        and rows == {(track[0], t) for track in tracks(corrections) for t in range(track[1], track[2] + 1)}
        and graph == {track[0]: [track[3]] for track in tracks(corrections) if track[3]}
        and len(corrections.shown.tracks.track_colors) == len(rows)
    )


def test_each_correction_is_shown_and_can_be_undone(model, result):
    corrections = Corrections(model, open_tracked(result))
    before = tracks(corrections)
    corrections.pick(2, 3)
    corrections.cut()
    assert corrections.message == "2: cut"
    assert tracks(corrections) == [(1, 0, 5, 0), (2, 3, 5, 0)]
    corrections.pick(3, 3)  # no label any more
    assert (corrections.message, corrections.picks) == (
        "expected a cell 3 in frame 3, got none there; pick it again",
        [],
    )
    corrections.pick(2, 3)
    corrections.divide()
    assert corrections.message.startswith("expected 3 picked cells")
    corrections.pick(0)
    for cell in ((1, 2), (1, 3), (2, 3)):
        corrections.pick(*cell)
    corrections.divide()
    assert tracks(corrections) == [(1, 0, 2, 0), (2, 3, 5, 1), (3, 3, 5, 1)]
    assert shown(corrections)
    corrections.undo()
    corrections.undo()
    assert tracks(corrections) == before
    assert shown(corrections)
    corrections.undo()
    assert corrections.message == "nothing to undo"


def test_joining_exchanging_relabelling_and_taking_away(model):
    toy = moving()
    corrections = Corrections(model, Tracked(list(toy.labels), toy.tracks, (48, 80)))
    for cell in ((1, 2), (2, 2)):
        corrections.pick(*cell)
    corrections.exchange("from here on")
    assert (corrections.shown.cells.data[1, 16, 19], corrections.shown.cells.data[2, 16, 24]) == (1, 2)
    for cell in ((2, 3), (1, 0)):
        corrections.pick(*cell)
    corrections.join()
    assert tracks(corrections) == [(1, 0, 5, 0), (2, 0, 2, 0), (4, 3, 5, 0)]
    corrections.pick(2, 1)
    corrections.relabel(9, "all frames")
    assert 9 in corrections.draft.tracks
    corrections.pick(9, 0)
    corrections.relabel(0, "this frame")
    assert corrections.draft.tracks[9].begin == 1
    assert shown(corrections)
    assert corrections.right == {0, 1, 2, 3}


def test_several_cells_of_one_track_are_cut_in_any_order(model):
    toy = moving()
    corrections = Corrections(model, Tracked(list(toy.labels), toy.tracks, (48, 80)))
    for cell in ((1, 2), (1, 4)):
        corrections.pick(*cell)
    corrections.cut()
    assert sorted(track[1:3] for track in tracks(corrections)) == [(0, 1), (0, 5), (2, 3), (4, 5)]


def test_both_daughters_are_cut_off_at_once_and_a_track_is_taken_away_once(model, result):
    corrections = Corrections(model, open_tracked(result))
    corrections.tick(0, True)
    for cell in ((2, 3), (3, 3)):
        corrections.pick(*cell)
    corrections.cut()
    assert [track[3] for track in tracks(corrections)] == [0, 0, 0]
    corrections.tick(5, True)
    corrections.undo()
    assert corrections.right == {0, 5}  # ticks of other frames stay
    for cell in ((1, 0), (1, 1)):
        corrections.pick(*cell)
    corrections.relabel(0, "all frames")
    assert 1 not in corrections.draft.tracks


def test_painting_becomes_tracks(model, result):
    corrections = Corrections(model, open_tracked(result))
    corrections.shown.cells.data[1, :4, :4] = 7
    assert corrections.unsaved
    corrections.pick(7, 1)
    assert corrections.picks == [(1, 7)]
    assert (7, 1, 1, 0) in tracks(corrections)
    assert shown(corrections)
    assert corrections.right == {1}
    corrections.shown.cells.data[3, :4, :4] = 1  # the mother beside her daughters
    corrections.cut()
    assert corrections.message.startswith("frame 3: expected 1 to end before 2 begins")


def test_the_least_sure_places_come_one_after_the_other(model, result):
    rows = [(0, 1, 0.6, 1.0), (3, 2, 1.0, 0.2), (4, 3, 0.99, 0.95)]
    tracked = replace(open_tracked(result), confidence=np.array(rows, CONFIDENCE), units=Units(pixel=0.5))
    corrections = Corrections(model, tracked)
    corrections.next_doubt()
    assert corrections.message == "doubt 1 of 2: 2 in frame 003, a division? 20%"
    assert (corrections.shown.frame, corrections.picks) == (3, [(3, 2)])
    assert model.scene.camera.center[1:] == pytest.approx((12, 12), abs=1)  # micrometres
    corrections.next_doubt()
    assert (corrections.shown.frame, corrections.picks) == (0, [(0, 1)])
    corrections.relabel(0, "all frames")
    corrections.next_doubt()
    corrections.next_doubt()
    assert corrections.picks == [(3, 2)]  # what was taken away is doubtful no more


def test_a_result_that_knows_no_doubt_says_so(model, result):
    corrections = Corrections(model, open_tracked(result))
    corrections.next_doubt()
    assert corrections.message.startswith("expected a result that says how sure it is")
    sure = replace(open_tracked(result), confidence=np.zeros(0, CONFIDENCE))
    corrections = Corrections(type(model)(), sure)
    corrections.next_doubt()
    assert corrections.message == "nothing is doubtful"


def test_outlines_and_contrast_let_the_movie_be_seen(model, result):
    tracked = open_tracked(result)
    job = prepare(tracked, result, result.with_name("01"), None, None)
    corrections = fill(model, tracked, job)
    frame = np.asarray(job.images[0])
    assert corrections.shown.cells.contour > 0
    assert model.layers["movie"].contrast_limits == pytest.approx(np.percentile(frame, (1, 99.8)), rel=0.05)
    corrections.shown.outline(False)
    assert corrections.shown.cells.contour == 0
    assert fill(type(model)(), tracked, Job(result)).shown.cells.contour == 0  # without a movie they are filled


def test_a_click_picks_and_a_drag_does_not(model, result):
    """In frame 3 cell 2 lies around (24, 24)."""
    corrections = Corrections(model, open_tracked(result))
    model.dims.set_current_step(0, 3)

    def click(*way: tuple[int, int], place: tuple[float, float] = (24, 24)) -> None:
        event = SimpleNamespace(type="mouse_press", pos=way[0], position=(3.0, *place))
        callback = corrections.shown.pressed(corrections.shown.cells, event)
        next(callback)
        for event.pos in way[1:]:
            event.type = "mouse_move"
            next(callback)
        event.type = "mouse_release"
        assert next(callback, None) is None

    click((50, 50), (90, 50))
    assert corrections.picks == []
    click((50, 50), (51, 50))
    assert corrections.picks == [(3, 2)]
    click((50, 50), place=(1, 1))
    assert (corrections.picks, corrections.message) == ([], "nothing picked")


def test_saving_replaces_the_result_by_a_valid_one(model, result):
    tracked = open_tracked(result)
    job = prepare(tracked, result, result.with_name("01"), None, result.parents[1] / "new")
    corrections = fill(model, tracked, job, range(2, 5))
    assert (corrections.shown.frame, corrections.right) == (2, {2, 3, 4})
    corrections.shown.cells.data[1][corrections.shown.cells.data[1] == 1] = 0
    record.confirm(result, {"model": "mine"})
    corrections.pick(3, 3)
    corrections.cut()
    said = save(corrections, job)
    known = record.known_of(result)
    assert known.keys() == {"model", "corrected", "pins"}
    assert [3, 3, 0, 0] in known["pins"]
    assert read_pins(result, 0) == corrections.said
    assert not corrections.unsaved
    assert rescue(corrections, job) is None
    assert check(result) == []
    assert sorted(map(tuple, open_tracked(result).tracks)) == tracks(corrections)
    assert said.endswith("4 frames in " + str(result.parents[1] / "new" / "01_GT"))
    truth = open_truth(result.parents[1] / "new" / "01")
    assert sorted(truth.gold) == sorted(truth.markers) == [1, 2, 3, 4]
    again = fill(type(model)(), open_tracked(result), job)
    assert again.right == {1, 2, 3, 4}


def test_what_was_not_saved_is_not_lost(model, result, caplog):
    tracked = open_tracked(result)
    job = prepare(tracked, result, None, None, None)
    corrections = fill(model, tracked, job)
    corrections.pick(2, 3)
    corrections.cut()
    masks = corrections.shown.cells.data
    masks[3, :4, :4] = masks[4, :4, :4] = 1
    masks[3][masks[3] == 1] = 0  # 1 is lost in frame 3, which can be written
    place = rescue(corrections, job)
    assert place == result.with_name("01_RES_unsaved")
    assert check(place) == []
    assert sorted(map(tuple, open_tracked(result).tracks)) == sorted(map(tuple, tracked.tracks))


def test_what_cannot_be_saved_costs_nothing_else(model, result):
    """A label above 16 bits is painted; what was corrected before is kept, and no run replaces it."""
    job = prepare(open_tracked(result), result, None, None, None)
    corrections = fill(model, open_tracked(result), job)
    corrections.pick(2, 3)
    corrections.cut()
    corrections.shown.cells.data[4][:4, :4] = 70_000
    place = rescue(corrections, job)
    assert check(place) == []
    known = record.known_of(place)
    assert "corrected" in known
    assert known["pins"]
    corrections.pick(3, 3)
    assert corrections.message.startswith("frame 4: expected labels up to 65535, got 70000")


def test_pins_that_are_gone_leave_the_record(model, result):
    record.confirm(result, {"model": "mine", "pins": [[3, 2, 2, 1]]})
    job = prepare(open_tracked(result), result, None, None, None)
    corrections = fill(model, open_tracked(result), job)
    corrections.pick(2, 3)
    corrections.relabel(0, "all frames")
    save(corrections, job)
    assert record.known_of(result)["pins"] == [[3, 3, 2, 1]]  # the sister divides off no more


def test_places_are_looked_at_before_the_window_opens(result, tmp_path):
    tracked = open_tracked(result)
    better = tmp_path / "better" / "01_RES"
    write_tracked(tracked, better, {"corrected": "yesterday"})
    with pytest.raises(ValueError, match="got corrections of yesterday"):
        prepare(tracked, result, None, better, None)
    assert prepare(tracked, result, None, better, None, overwrite=True).out == better
    better.with_name("02_RES.json").write_text("mine")
    with pytest.raises(ValueError, match=r"02_RES\.json"):
        prepare(tracked, result, None, better.with_name("02_RES"), None)
    with pytest.raises(ValueError, match="expected --raw with --as-truth"):
        prepare(tracked, result, None, None, result.parents[1] / "new")
    with pytest.raises(ValueError, match="got other truth"):
        prepare(tracked, result, result.with_name("01"), None, result.parent)
    movie, gold = result.with_name("01"), result.with_name("01_GT")
    for source, out, truth in ((result, movie, None), (gold, None, result.parent)):
        with pytest.raises(ValueError, match="expected a place apart from the input"):
            prepare(tracked, source, movie, out, truth, overwrite=True)
    with pytest.raises(ValueError, match="expected nothing but an older result"):
        prepare(tracked, result.with_name("01_GT"), None, None, None)


def test_the_panel_does_what_its_buttons_say(viewer, result):
    tracked = open_tracked(result)
    job = Job(result)
    corrections = fill(viewer, tracked, job)
    widget = panel(corrections, job)
    viewer.window.add_dock_widget(widget, name="correct")
    parts: dict[str, Any] = {part.label or part.text if hasattr(part, "text") else part.label: part for part in widget}
    buttons = {part.text: part for part in widget if hasattr(part, "text")}
    corrections.pick(2, 3)
    assert parts["picked"].value == "2 (003)"
    buttons["cut before (C)"].native.click()
    assert tracks(corrections) == [(1, 0, 5, 0), (2, 3, 5, 0)]
    assert parts["right"].value == "3"
    viewer.dims.set_current_step(0, 3)
    [tick] = [part for text, part in buttons.items() if "right" in text]
    assert tick.value
    tick.native.click()
    assert corrections.right == set()
    buttons["save (S)"].native.click()
    assert check(result) == []
    assert len(open_tracked(result).tracks) == 2
    keys = {str(key).lower() for key in corrections.shown.cells.keymap}
    assert set("cjdwrtuskno") <= keys


def test_the_window_opens_and_closes(monkeypatch, viewer, result):
    import napari

    opened = []
    monkeypatch.setattr(napari, "Viewer", lambda title: opened.append(title) or viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    view(result, raw=result.with_name("01"))
    assert opened == [f"{result} - EmbedTrack"]
    assert [layer.name for layer in viewer.layers] == ["movie", "cells", "tracks", "picked"]


def test_frames_are_spelled():
    assert frames({0, 1, 2, 5}, 10) == "10 to 12, 15"
    assert frames(set(), 0) == "-"
