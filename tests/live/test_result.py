import os
from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge.check import check
from embedtrack.challenge.writer import write_mask
from embedtrack.files import replace_folder
from embedtrack.live import result as live_result
from embedtrack.live.result import LiveResult
from embedtrack.types import Track


def mask(label: int) -> np.ndarray:
    return np.full((5, 7), label, np.uint16)


def name(number: int) -> str:
    return f"mask{number:03d}.tif"


def grow(result: LiveResult, frames: range) -> None:
    """Frame t has label t + 1; while it is the last one it has the label of the frame before."""
    for t in frames:
        masks = {name(t - 1): mask(t), name(t): mask(t)} if t else {name(0): mask(1)}
        result.publish(masks, [Track(i + 1, i, i, 0) for i in range(t - 1)] + [Track(max(t, 1), max(t - 1, 0), t, 0)])
        assert check(result.destination) == []
        assert len(os.listdir(result.destination)) == t + 2


def test_every_publication_is_a_whole_and_valid_result(tmp_path: Path):
    with LiveResult(tmp_path / "01_RES", go_on=False) as result:
        grow(result, range(8))
    assert os.listdir(tmp_path) == ["01_RES"]


def test_an_older_result_stays_until_the_first_publication_and_leaves_nothing(tmp_path: Path):
    old = tmp_path / "01_RES"
    old.mkdir()
    for number in range(20):
        write_mask(old / name(number), mask(1))
    with LiveResult(old, go_on=False) as result:
        assert len(os.listdir(old)) == 20
        grow(result, range(8))


def test_it_goes_on_with_what_is_there(tmp_path: Path):
    with LiveResult(tmp_path / "01_RES", go_on=False) as result:
        grow(result, range(4))
    first = (tmp_path / "01_RES" / name(0)).stat()
    with LiveResult(tmp_path / "01_RES", go_on=True) as result:
        grow(result, range(4, 9))
    assert (tmp_path / "01_RES" / name(0)).stat().st_ino == first.st_ino


@pytest.mark.parametrize("missing", ["exchange", "links"])
def test_file_systems_that_can_less(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if missing == "exchange":
        monkeypatch.setattr(replace_folder, "_exchange", lambda a, b: False)
    else:
        monkeypatch.setattr(live_result.Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError("no links")))
    with LiveResult(tmp_path / "01_RES", go_on=False) as result:
        grow(result, range(8))


def test_a_reader_that_holds_the_folder_sees_no_file_change(tmp_path: Path):
    """The files of a publication are never written again, only replaced."""
    with LiveResult(tmp_path / "01_RES", go_on=False) as result:
        grow(result, range(4))
        files = {path.name: (path.open("rb"), path.read_bytes()) for path in (tmp_path / "01_RES").iterdir()}
        grow(result, range(4, 8))
        for file, content in files.values():
            assert file.read() == content
            file.close()


def test_another_run_s_result_is_not_mixed_with_ours(tmp_path: Path):
    with LiveResult(tmp_path / "01_RES", go_on=False) as result:
        grow(result, range(3))
        (tmp_path / "01_RES").rename(tmp_path / "elsewhere")
        (tmp_path / "01_RES").mkdir()
        with pytest.raises(ValueError, match="another's"):
            grow(result, range(3, 4))


def test_foreign_files_are_refused(tmp_path: Path):
    (tmp_path / "01_RES").mkdir()
    (tmp_path / "01_RES" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"thesis\.txt"), LiveResult(tmp_path / "01_RES", go_on=False):
        pass


def test_what_came_after_the_start_is_not_replaced(tmp_path: Path):
    out = tmp_path / "01_RES"
    with LiveResult(out, go_on=False) as result:
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
        with pytest.raises(
            ValueError, match=r"expected nothing but an older result there, as we wrote it, got thesis\.txt"
        ):
            grow(result, range(1))
    assert (out / "thesis.txt").read_text() == "mine"
