"""The record of a result fits it at every moment, or is refused."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge import record
from embedtrack.challenge.provenance import write_log
from embedtrack.challenge.tracked import Tracked, open_tracked, write_tracked
from embedtrack.challenge.writer import ResultWriter, write_mask
from embedtrack.files.replace_folder import Replacement
from embedtrack.movies.selection import Choice
from embedtrack.movies.units import Units
from tests.drawings import dividing, still

OLD, NEW = {"movie": {"pixel_size_um": 0.5, "channel": "2"}}, {"movie": {"pixel_size_um": 0.25, "interval_s": 60}}


def write(folder: Path, labels: int, known: dict | None) -> None:
    toy = dividing() if labels == 1 else still()
    layout = Tracked(list(toy.labels), toy.tracks, (toy.labels.shape[1], toy.labels.shape[2]))
    with ResultWriter(folder, layout) as out:
        for index, mask in enumerate(toy.labels):
            out.write(index, mask)
        out.commit(toy.tracks, known)


def test_a_result_and_its_record_are_written_together(tmp_path: Path):
    write(tmp_path / "01_RES", 1, OLD)
    assert record.noted(tmp_path / "01_RES") == Choice("2", units=Units(0.5))
    assert open_tracked(tmp_path / "01_RES").units == Units(0.5)
    write(tmp_path / "01_RES", 2, NEW)
    assert record.noted(tmp_path / "01_RES") == Choice(units=Units(0.25, 60))
    assert sorted(os.listdir(tmp_path)) == ["01_RES", "01_RES.json"]
    write(tmp_path / "01_RES", 2, None)
    assert record.known_of(tmp_path / "01_RES") is None
    assert sorted(os.listdir(tmp_path)) == ["01_RES"]


def test_the_log_of_an_older_result_goes_with_it(tmp_path: Path):
    write(tmp_path / "01_RES", 1, OLD)
    write_log(tmp_path / "01_RES", OLD)
    write(tmp_path / "01_RES", 2, NEW)
    assert sorted(os.listdir(tmp_path)) == ["01_RES", "01_RES.json"]


@pytest.mark.parametrize("new", [NEW, None])
@pytest.mark.parametrize("moment", ["announce", "publish", "confirm"])
def test_a_kill_at_any_moment_leaves_masks_and_record_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, new: dict | None
):
    """What a killed run leaves is what an exception leaves that nobody tidies up after."""
    write(tmp_path / "01_RES", 1, OLD)

    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    where = Replacement if moment == "publish" else record
    monkeypatch.setattr(where, moment, kill)
    monkeypatch.setattr(Replacement, "__exit__", lambda *_: None)
    with pytest.raises(Killed):
        write(tmp_path / "01_RES", 2, new)
    monkeypatch.undo()
    swapped = moment == "confirm"
    assert len(open_tracked(tmp_path / "01_RES")) == (len(still().labels) if swapped else len(dividing().labels))
    noted = Choice("2", units=Units(0.5)) if not swapped else Choice(units=Units(0.25, 60)) if new else Choice()
    assert record.noted(tmp_path / "01_RES") == noted


def test_a_record_of_other_masks_is_refused(tmp_path: Path):
    write(tmp_path / "01_RES", 1, OLD)
    write(tmp_path / "02_RES", 2, NEW)
    shutil.copy(tmp_path / "01_RES.json", tmp_path / "02_RES.json")
    with pytest.raises(ValueError, match=r"02_RES\.json: expected the record of 02_RES, got that of other masks"):
        open_tracked(tmp_path / "02_RES")
    mask = np.where(dividing().labels[0] > 0, 1, 0).astype(np.uint16)
    mask[0, 0] = 1
    write_mask(tmp_path / "01_RES" / "mask000.tif", mask)
    with pytest.raises(ValueError, match="expected the record of 01_RES"):
        record.known_of(tmp_path / "01_RES")


@pytest.mark.parametrize("text", ['{"by": "%s"', '["%s"]', '{"by": "%s", "before": 3}', '{"by": "%s"}'])
def test_a_damaged_record_is_refused_and_can_be_replaced(tmp_path: Path, text: str):
    write(tmp_path / "01_RES", 1, OLD)
    (tmp_path / "01_RES.json").write_text(text % "written by embedtrack")
    with pytest.raises(ValueError, match=r"01_RES\.json: expected a record as infer writes it, got a damaged one"):
        open_tracked(tmp_path / "01_RES")
    write(tmp_path / "01_RES", 2, NEW)
    assert record.noted(tmp_path / "01_RES").units == Units(0.25, 60)


@pytest.mark.parametrize("name", ["01_RES.json", "01_RES.log"])
def test_what_others_have_beside_a_result_is_refused_before_the_work(tmp_path: Path, name: str):
    (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match=rf"{name}: expected nothing or a file of our own there.*--overwrite"):
        write(tmp_path / "01_RES", 1, OLD)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=rf"{name}: expected a file or nothing there, got a folder"):
        write(tmp_path / "01_RES", 1, OLD)
    assert os.listdir(tmp_path) == [name]


def test_units_go_along_with_a_result_that_is_written_anew(tmp_path: Path):
    write(tmp_path / "01_RES", 1, NEW)
    write_tracked(open_tracked(tmp_path / "01_RES"), tmp_path / "copy_RES")
    assert open_tracked(tmp_path / "copy_RES").units == Units(0.25, 60)
    assert json.loads((tmp_path / "copy_RES.json").read_text())["known"]["movie"]["interval_s"] == 60


def test_corrections_are_not_replaced_by_a_run(tmp_path: Path):
    write(tmp_path / "01_RES", 1, {**OLD, "corrected": "2026-01-01"})
    with pytest.raises(ValueError, match=r"got corrections of 2026-01-01; .*--overwrite"):
        write(tmp_path / "01_RES", 2, NEW)
    tracked = open_tracked(tmp_path / "01_RES")
    write_tracked(tracked, tmp_path / "01_RES", {**OLD, "corrected": "2026-01-02"})
    with pytest.raises(ValueError, match=r"got corrections of 2026-01-02"):
        write_tracked(tracked, tmp_path / "01_RES")
    write_tracked(tracked, tmp_path / "01_RES", overwrite=True)
    write(tmp_path / "01_RES", 2, NEW)
