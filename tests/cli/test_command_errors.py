"""Whatever ends a command is one line, an exit code, and nothing of Python."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from embedtrack.cli import errors
from embedtrack.cli.options import frame_range
from embedtrack.exchange.formats import export
from embedtrack.movies.movie import FrameError
from embedtrack.movies.units import parse_interval, parse_length
from embedtrack.options import Options
from tests.cli.test_look import Run
from tests.exchange.hard import hard


def ended(error: BaseException, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    def command() -> None:
        raise error

    return errors.run(command), capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("a.tif: expected this, got that"), 2, "error: a.tif: expected this, got that\n"),
        (FrameError("a.tif: expected this, got that"), 2, "error: a.tif: expected this, got that\n"),
        (json.JSONDecodeError("Expecting value", "x", 0), 2, "error: expected to go on, .* in the program itself.*\n"),
        (
            ValueError("a: expected this, got 'a number out of range'"),
            2,
            "error: a: expected this, got 'a number .*'\n",
        ),
        (OSError(28, "No space left on device", "a.tif"), 2, "error: a.tif: No space left on device\n"),
        (MemoryError(), 2, "error: out of memory: try --views 1 or --tile 512, in training a smaller --batch\n"),
        (RuntimeError("std::bad_alloc"), 2, "error: out of memory: try --views 1 or --tile 512, .*\n"),
        (ModuleNotFoundError("no", name="zarr"), 2, "error: expected the package zarr, got none: .*\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (typer.Abort(), 130, "interrupted\n"),
        (ZeroDivisionError("division by zero"), 2, "error: expected to go on, got 'a 0 where none may be' in .*\n"),
        (ValueError("expected a valid a.json, got: recursion limit exceeded"), 2, "error: expected a valid a.json.*\n"),
        (ValueError("invalid literal for int() with base 10: 'x'"), 2, "error: .*'x' where a whole number .*\n"),
        (
            UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
            2,
            "error: expected names .* UTF-8.*\n",
        ),
    ],
)
def test_each_end_is_one_line(error: BaseException, code: int, said: str, capfd: pytest.CaptureFixture[str]):
    got = ended(error, capfd)
    assert got[0] == code
    assert re.fullmatch(said, got[1])


def test_an_inner_fault_leaves_its_traceback_in_a_file(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path))
        code, said = ended(ZeroDivisionError("division by zero"), capfd)
    [file] = tmp_path.iterdir()
    assert (code, said.count("\n")) == (2, 1)
    assert f"the whole is in {file}: please send it" in said
    assert "ZeroDivisionError: division by zero" in file.read_text()
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
        code, said = ended(ZeroDivisionError(), capfd)
    assert "please" not in said


HUGE = "9" * 400


FRAMES = (lambda text: frame_range(f"{text}:"), lambda text: frame_range(f"0:{text}x"))


@pytest.mark.parametrize("text", ["", "nan", "inf", "-1", "0", "x", HUGE, "0x10", "1 2", "٣"])
@pytest.mark.parametrize("read", [parse_interval, parse_length, *FRAMES])
def test_texts_that_are_no_numbers_are_one_short_line(read: Callable[[str], object], text: str):
    with pytest.raises(ValueError, match="expected --") as caught:
        read(text)
    assert len(str(caught.value)) < 200


def test_frames_are_one_or_from_the_first_to_the_last():
    assert (frame_range("3:7"), frame_range("5"), frame_range(None)) == (range(3, 8), range(5, 6), None)
    with pytest.raises(ValueError, match=r"expected --frames FIRST:LAST, e\.g\. 58:64, or one, got 7:3"):
        frame_range("7:3")


@pytest.mark.parametrize("border", [-1, int(HUGE)])
def test_a_border_is_bounded(border: int):
    with pytest.raises(ValueError, match="expected --border 0 to 65536 pixels") as caught:
        Options(border=border)
    assert len(str(caught.value)) < 200


def test_lines_are_bounded(capfd: pytest.CaptureFixture[str]):
    _, said = ended(ValueError("\n".join(["x" * 10**4] * 10**3)), capfd)
    assert len(said.splitlines()) == errors.LINES + 1
    assert max(map(len, said.splitlines())) < errors.LINE + 100
    files = [("a", f"b{i}", "No space left on device") for i in range(1000)]
    assert ended(shutil.Error(files), capfd)[1] == "error: b0: No space left on device, and 999 files more\n"


def test_sigterm_ends_with_143_and_tidies_up(tmp_path: Path):
    """A folder is being written when the signal comes."""
    code = (
        "import sys, time; from pathlib import Path; from embedtrack.cli import errors\n"
        "from embedtrack.files.whole import new_folder\n"
        "def command():\n"
        "    with new_folder(Path(sys.argv[1]), 'kind') as folder:\n"
        "        (folder / 'a').touch(); print('ready', flush=True); time.sleep(60)\n"
        "sys.exit(errors.run(command))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "out"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == 143
        assert run.stderr.read() == "terminated\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("words", [["--idle", "nan"], ["--idle", "inf"], ["--idle", "-1"]])
def test_numbers_that_are_none_are_refused_for_watch(run: Run, tmp_path: Path, words: list[str]):
    code, said = run("watch", tmp_path, "--model", "Fluo-N2DH-SIM+", "--out", tmp_path / "o", *words)
    assert (code, said.count("\n")) == (2, 1)
    assert "idle" in said


@pytest.mark.parametrize("flag", ["", " ", "/", "../01_RES", "a/end"])
def test_the_flag_of_watch_is_a_name(run: Run, tmp_path: Path, flag: str):
    code, said = run("watch", tmp_path, "--model", "Fluo-N2DH-SIM+", "--out", tmp_path / "o", "--flag", flag)
    assert code == 2
    assert "error: expected --flag to be the name of a file in" in said


@pytest.mark.parametrize("option", ["--channel", "--scene", "--time-axis", "--z", "--pattern", "--interval"])
def test_empty_texts_choose_nothing(run: Run, tmp_path: Path, option: str):
    code, said = run("measure", tmp_path, "--out", tmp_path / "o.csv", option, "")
    assert (code, said) == (2, f"error: expected {option} to say something, got an empty text; leave it out\n")


def test_more_threads_than_can_be_are_refused(run: Run, tmp_path: Path):
    code, said = run("infer", tmp_path, "--threads", "999999999999")
    assert (code, "--threads" in said) == (2, True)


@pytest.mark.parametrize("words", [["--minutes", "nan"], ["--epochs", "inf"]])
def test_numbers_that_are_none_are_refused_for_train(run: Run, tmp_path: Path, words: list[str]):
    code, said = run("train", tmp_path, "--out", tmp_path / "o", *words)
    assert (code, said.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tracks.xml", 'FRAME="3"', 'FRAME="inf"'),
        ("tracks.xml", 'nframes="8"', 'nframes="1000000000"'),
        ("tracks.xml", 'POSITION_X="', 'POSITION_X="nan'),
        ("tracks.xml", "<AllSpots", "<NoSpots"),
        ("tracks.xml", 'ID="3"', 'ID="x"'),
        ("tracks.csv", "ID,T", "ID,U"),
        ("tracks.csv", "\n1,", "\ninf,"),
        ("graph.json", '"first": 0', '"first": 1e300'),
        ("graph.json", '"digits": 3', '"digits": 1000000000'),
        ("graph.json", "{", "[" * 100_000),
        ("zarr.json", '"first": 0', '"first": "x"'),
    ],
)
def test_other_programs_files_end_in_one_line(run: Run, tmp_path: Path, file: str, old: str, new: str):
    kind = {"tracks.xml": "trackmate", "zarr.json": "ome-zarr"}.get(file, "napari")
    export(hard(), kind, tmp_path / "out")
    place = tmp_path / "out" / ("labels/cells" if kind == "ome-zarr" else "") / file
    text = place.read_text()
    if old.startswith(("nframes", "POSITION", "<All")):
        (tmp_path / "out" / "movie.tif").unlink()
    assert old in text
    place.write_text(text.replace(old, new, 1).replace("</AllSpots", "</NoSpots" if "NoSpots" in new else "</AllSpots"))
    begin = time.monotonic()
    code, said = run("import", tmp_path / "out", "--out", tmp_path / "02_RES")
    assert (code, said.count("\n")) == (2, 1), said
    assert str(tmp_path / "out") in said
    assert "Traceback" not in said
    assert "please send" not in said
    assert time.monotonic() - begin < 20
    assert not (tmp_path / "02_RES").exists()
