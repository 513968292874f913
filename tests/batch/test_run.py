"""A batch goes on after a bad movie, does nothing twice, and says at the end what wants a look."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

from embedtrack import checkpoint
from embedtrack.batch import run as batch
from embedtrack.batch.jobs import jobs_of
from embedtrack.batch.outcome import Outcome
from embedtrack.batch.summary import render, spell, summarise
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.options import Options
from tests.drawings import moving, write_movie

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def movies(tmp_path: Path) -> Path:
    """Two sound movies, a folder and a stack, and a damaged one; a table that names them and one that is not there."""
    write_movie(moving(), tmp_path / "toy")
    tifffile.imwrite(tmp_path / "stack.tif", moving().frames(), photometric="minisblack", metadata={"axes": "TYX"})
    (tmp_path / "bad.tif").write_bytes(b"II*\0 no image")
    checkpoint.save(tmp_path / "model", BranchedERFNet(), ModelConfig())
    lines = ["path,model,interval", "toy/01,model,", "bad.tif,model,", "stack.tif,model,5min", "gone.tif,model,"]
    (tmp_path / "movies.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def words(movies: Path, *more: object) -> tuple[object, ...]:
    return ("infer", movies / "movies.csv", "--out-dir", movies / "out", "--views", 1, "--device", "cpu", *more)


def test_a_batch_with_two_bad_movies(movies: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    code, out, error = run_whole(*words(movies, "--measure", "--report", "--json"))
    assert code == 2, error
    told = json.loads(out)
    assert told["failed"] == 2
    assert [(one["name"], one["state"]) for one in told["movies"]] == [
        ("bad", "failed"), ("gone", "failed"), ("01", "doubtful"), ("stack", "doubtful"),
    ]  # fmt: skip
    assert "no cell was found" in told["movies"][2]["why"]  # of weights that have learnt nothing
    out_dir = movies / "out"
    for name in ("01", "stack"):
        assert (out_dir / f"{name}_RES" / "res_track.txt").exists()
        assert (out_dir / f"{name}.csv").exists()
        assert (out_dir / f"{name}.html").exists()
    assert json.loads((out_dir / "stack_RES.json").read_text())["known"]["movie"]["interval_s"] == 300
    rows = list(csv.DictReader((out_dir / "summary.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == ["bad", "gone", "01", "stack"]
    assert rows[2]["frames"] == "6"
    assert "4 movies: 2 failed, 2 doubtful" in (out_dir / "summary.html").read_text()

    before = {path: path.stat().st_mtime_ns for path in out_dir.rglob("*_RES/*")}
    tracked: list[str] = []
    real = batch.track
    monkeypatch.setattr(batch, "track", lambda movie, *a, **k: tracked.append(movie.path.name) or real(movie, *a, **k))
    shutil.copy(movies / "stack.tif", movies / "bad.tif")
    (out_dir / "01.csv").unlink()
    code, _, error = run_whole(*words(movies, "--measure", "--quiet"))
    assert (code, tracked) == (1, ["bad.tif"])  # what was done stays, the mended one is tried again
    assert (out_dir / "01.csv").exists()
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert "gone.tif" in error
    assert "summary" not in error

    code, _, _ = run_whole(*words(movies, "--only", "01", "--border", "2"))
    assert (code, tracked) == (0, ["bad.tif", "01"])  # another border is another result
    checkpoint.save(movies / "model", BranchedERFNet(), ModelConfig(cell_diameter=9))
    batch._digest.cache_clear()
    code, _, _ = run_whole(*words(movies, "--only", "01", "--border", "2"))
    assert (code, tracked) == (0, ["bad.tif", "01", "01"])  # and so is another configuration of the model
    code, _, error = run_whole("summary", out_dir)
    assert code == 1
    assert "4 movies: 1 failed" in error


def test_what_cannot_be_had_is_said_before_any_work(movies: Path, run_whole: Run):
    for more, said in [
        (("--export", "word"), "expected --export geff"),
        (("--only", "02"), "expected --only to name one of 01, bad, stack, gone"),
        (("--out", movies / "x"), "without --out"),
        (("--diameter", "30"), "stack: expected --diameter with a model that says how large the cells are"),
    ]:
        code, _, error = run_whole(*words(movies, *more))
        assert code == 2
        assert said in error
    code, _, error = run_whole(
        "infer", movies / "toy" / "01", movies / "stack.tif", "--out-dir", movies / "out", "--diameter", "1e6"
    )
    assert code == 2
    assert "stack: expected models that can be brought to cells of 1e+06 pixels" in error
    code, _, error = run_whole("infer", movies / "toy" / "01", movies / "stack.tif", "--model", movies / "model")
    assert code == 2
    assert "expected --out-dir FOLDER for 2 movies" in error
    code, _, error = run_whole("infer", movies / "toy" / "01", "--report")
    assert code == 2
    assert "beside --measure" in error
    assert not (movies / "out").exists()
    code, _, error = run_whole("summary", movies)
    assert code == 2
    assert "got no outcomes" in error


def test_files_of_one_name_are_said_before_any_work(movies: Path, run_whole: Run):
    table = movies / "movies.csv"
    for name, more, said in [
        ("01_tracks", "--measure", "got 01_tracks.csv for 01 and 01_tracks"),
        ("summary", "--report", "got summary.html for the summary and summary"),
    ]:
        table.write_text(f"path,model,name\ntoy/01,model,01\nstack.tif,model,{name}\n")
        code, _, error = run_whole(*words(movies, more))
        assert code == 2
        assert said in error
        assert not list(movies.rglob("*_RES"))


def test_frames_that_change_places_are_another_movie(movies: Path, tmp_path: Path):
    frames = tmp_path / "toy" / "01"
    [job] = jobs_of([frames], {}).values()
    before = batch._asked(job, Options())
    first, last = frames / "t000.tif", frames / "t003.tif"
    first.rename(frames / "x")
    last.rename(first)
    (frames / "x").rename(last)
    assert batch._asked(job, Options()) != before


@pytest.mark.parametrize("name", ["out", "out/summary.html", "out/outcomes/stack.json"])
def test_files_of_others_in_the_way_are_said_before_any_work(name: str, movies: Path, run_whole: Run):
    mine = movies / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    code, _, error = run_whole(*words(movies))
    assert (code, mine.read_text()) == (2, "mine")
    assert "where a folder belongs" in error if name == "out" else "expected nothing or a file of our own" in error
    assert not list(movies.rglob("*_RES"))
    mine.unlink()


def test_the_doubtful_come_first(tmp_path: Path):
    made = [
        Outcome(name="a", path="a.tif", state="done", masks=100, hints=1),
        Outcome(name="b", path="b.tif", state="done", masks=100, hints=30),
        Outcome(name="c", path="<c>.tif", state="failed", why="no <movie>"),
        Outcome(name="d", path="d.tif", state="doubtful", masks=5, hints=0),
    ]
    order = sorted(made, key=lambda one: one.rank)
    assert [one.name for one in order] == ["c", "d", "b", "a"]
    assert spell(order) == "4 movies: 1 failed, 1 doubtful, 2 done"
    (tmp_path / "a.html").touch()
    page = render(tmp_path, order)
    assert "no &lt;movie&gt;" in page
    assert '<a href="a.html">a</a>' in page
    assert 'href="b.html"' not in page


def test_a_name_that_is_no_text_is_in_the_summary(tmp_path: Path):
    name = os.fsdecode(b"M\374ller")
    (tmp_path / f"{name}.html").touch()
    summarise(tmp_path, [Outcome(name=name, path=f"{name}.tif", state="done")])
    assert "M\\udcfcller" in (tmp_path / "summary.csv").read_text()
    assert 'href="M%FCller.html"' in (tmp_path / "summary.html").read_text()
