"""No command replaces or removes what is not of our own, unless it is told to, and --out is understood at the start."""

import os
from pathlib import Path

import pytest

from embedtrack.challenge.tracked import open_tracked, write_tracked
from tests.cli.test_look import Run
from tests.exchange.hard import hard


@pytest.fixture
def result(tmp_path: Path) -> Path:
    write_tracked(hard(), tmp_path / "01_RES")
    return tmp_path / "01_RES"


WRITERS = {
    "show": ("show", "m.png", ()),
    "measure": ("measure", "m.csv", ()),
    "report": ("report", "m.html", ()),
    "napari": ("export", "m", ("--to", "napari")),
    "isbi": ("export", "m", ("--to", "isbi")),
    "import": ("import", "m", ()),
}


@pytest.mark.parametrize("name", WRITERS)
def test_anothers_output_is_kept_and_our_own_replaced(run: Run, result: Path, tmp_path: Path, name: str):
    command, out, options = WRITERS[name]
    place = tmp_path / out
    mine = place if place.suffix else place / "mine.txt"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    code, said = run(command, result, "--out", place, *options)
    assert code == 2
    assert said.count("\n") == 1
    assert "--overwrite" in said
    assert mine.read_text() == "mine"
    for words in (["--overwrite"], []):  # the second one finds our own
        code, said = run(command, result, "--out", place, *options, *words)
        assert code == 0, said
        assert not mine.exists() or mine.read_bytes() != b"mine"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("out", ["", " ", "loop", "file/x", "."])
@pytest.mark.parametrize(("command", "options"), [("measure", ()), ("export", ("--to", "napari"))])
def test_places_that_cannot_be_are_refused_in_one_line(
    run: Run, result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, options: tuple[str], out: str
):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine").touch()
    monkeypatch.chdir(tmp_path if out != "." else tmp_path / "here")
    code, said = run(command, result, "--out", out, *options)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("error: ")
    assert (tmp_path / "here" / "mine").exists()


def test_a_result_can_be_written_where_one_stands(
    run: Run, result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The working folder is what is replaced: the place was understood before."""
    assert run("export", result, "--to", "napari", "--out", tmp_path / "n", "--pixel-size", "0.5um")[0] == 0
    monkeypatch.chdir(result)
    assert run("import", tmp_path / "n", "--out", ".")[0] == 0
    assert open_tracked(result).units.pixel == 0.5
    assert sorted(os.listdir(tmp_path)) == ["01_RES", "01_RES.json", "n"]


@pytest.mark.parametrize("words", [["export", "01_RES", "--to", "napari"], ["import", "01_RES"]])
@pytest.mark.parametrize("out", [".", "01_RES"])
def test_the_input_is_never_in_what_is_replaced(
    run: Run, result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], out: str
):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(result))
    code, said = run(*words, "--out", out, "--overwrite")
    assert code == 2
    assert "expected a place apart from the input" in said
    assert sorted(os.listdir(result)) == before


def test_a_device_is_not_a_file(run: Run, result: Path, tmp_path: Path):
    os.mkfifo(tmp_path / "m.csv")
    code, said = run("measure", result, "--out", tmp_path / "m.csv")
    assert code == 2
    assert "got a device" in said
