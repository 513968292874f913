"""A batch that is given again: what lies there stays, is made anew or is refused, and nothing of it is out of date."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedtrack.batch import outcome
from embedtrack.batch import run as batch
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.inference.track import Summary, summarise
from embedtrack.model_files import CONFIG, WEIGHTS
from embedtrack.movies.movie import Movie
from embedtrack.tracked import Tracked
from tests.drawings import dividing, moving, write_movie

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The movies that were tracked, by a stub that finds two cells in each."""
    names: list[str] = []

    def track(movie: Movie, model: Path, out: Path, *_: object, overwrite: bool, **__: object) -> Summary:
        names.append(str(movie.path))
        labels, tracks = moving()
        toy = Tracked(labels, tracks, labels.shape[1:], movie.first, movie.digits)
        write_tracked(toy, out, {"model": str(model)}, overwrite=overwrite)
        return summarise(tracks, len(labels), 1)

    monkeypatch.setattr(batch, "track", track)
    return names


@pytest.fixture
def again(tmp_path: Path, run: Call, tracked: list[str]) -> Call:
    """The command for the movie ``toy/01``; more words, or another movie, may be given."""
    write_movie(moving(), tmp_path / "toy")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / WEIGHTS).write_bytes(b"weights")
    (tmp_path / "model" / CONFIG).write_text("{}")
    words = ("--out-dir", tmp_path / "out", "--model", tmp_path / "model", "--views", 1, "--device", "cpu")

    def call(*more: object, movie: Path = tmp_path / "toy" / "01") -> tuple[int, str]:
        return run("infer", movie, *words, *more)

    return call


def rows(path: Path) -> list[dict[str, Any]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def without_cell_2(result: Path) -> None:
    old = open_tracked(result)
    masks = [labels * (labels == 1) for labels in old.masks]
    Tracked(masks, old.tracks[:1], old.shape, old.first, old.digits).save(result)


def test_another_movie_of_equal_names_sizes_and_times_is_tracked(tmp_path: Path, again: Call, tracked: list[str]):
    assert again()[0] == 0
    shutil.copytree(tmp_path / "toy", tmp_path / "other")
    other = tmp_path / "other" / "01"
    for _ in range(2):
        assert again(movie=other)[0] == 0
    assert tracked == [str(tmp_path / "toy" / "01"), str(other)]
    assert outcome.read_all(tmp_path / "out")[0].path == str(other)


def test_the_same_movie_by_another_way_is_done(
    tmp_path: Path, again: Call, tracked: list[str], monkeypatch: pytest.MonkeyPatch
):
    assert again()[0] == 0
    monkeypatch.chdir(tmp_path / "toy")
    assert again(movie=Path("01"))[0] == 0
    assert len(tracked) == 1


def test_what_is_made_of_a_result_follows_its_corrections(tmp_path: Path, again: Call, tracked: list[str]):
    wishes, out = ("--measure", "--report", "--export", "napari"), tmp_path / "out"
    assert again(*wishes)[0] == 0
    assert len(rows(out / "01.csv")) == 12
    page, when = (out / "01.html").read_bytes(), (out / "01.csv").stat().st_mtime_ns
    assert again(*wishes)[0] == 0
    assert (out / "01.csv").stat().st_mtime_ns == when

    without_cell_2(out / "01_RES")
    code, said = again()
    assert code == 0
    assert "made of other masks than are there now: 01.csv, 01_tracks.csv, 01.html, 01.napari; ask for them" in said
    code, said = again(*wishes)
    assert code == 0
    assert "other masks" not in said
    assert len(tracked) == 1
    assert len(rows(out / "01.csv")) == 6
    assert len(rows(out / "01_tracks.csv")) == 1
    assert (out / "01.html").read_bytes() != page
    assert len(rows(out / "01.napari" / "tracks.csv")) == 6
    assert rows(out / "summary.csv")[0]["masks"] == "6"


def test_a_result_without_cells_that_a_person_fills_is_no_longer_doubtful(tmp_path: Path, again: Call):
    assert again()[0] == 0
    out = tmp_path / "out"
    labels, tracks = moving()
    Tracked(labels * 0, [], labels.shape[1:], 0, 3).save(out / "01_RES")
    assert again()[0] == 0
    assert rows(out / "summary.csv")[0]["why"] == "no cell was found in any frame"
    Tracked(labels, tracks, labels.shape[1:], 0, 3).save(out / "01_RES")
    assert again()[0] == 0
    assert (rows(out / "summary.csv")[0]["state"], rows(out / "summary.csv")[0]["why"]) == ("done", "")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("01.csv", ["--measure"]),
        ("01_tracks.csv", ["--measure"]),
        ("01.html", ["--report"]),
        ("01.napari/mine.txt", ["--export", "napari"]),
        ("01.isbi/mine.txt", ["--export", "isbi"]),
    ],
)
def test_files_of_others_are_refused_before_a_movie_is_tracked(
    tmp_path: Path, again: Call, tracked: list[str], name: str, words: list[str], before: bool
):
    if before:
        assert again()[0] == 0
    mine = tmp_path / "out" / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    code, said = again(*words)
    assert (code, said.count("error: "), mine.read_text()) == (2, 1, "mine")
    assert "--overwrite" in said
    assert len(tracked) == before
    assert again(*words, "--overwrite")[0] == 0
    assert not mine.exists() or mine.read_text() != "mine"


def test_a_folder_of_others_in_place_of_a_result_is_refused_before_any_movie_is_tracked(
    tmp_path: Path, again: Call, tracked: list[str]
):
    write_movie(dividing(), tmp_path / "toy", "02")
    mine = tmp_path / "out" / "02_RES" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    code, said = again(tmp_path / "toy" / "02")
    assert (code, said.count("\n"), tracked) == (2, 1, [])
    assert "expected nothing but an older result there" in said


def test_an_export_that_a_person_has_changed_stays_while_its_result_does(tmp_path: Path, again: Call):
    assert again("--export", "napari")[0] == 0
    mine = tmp_path / "out" / "01.napari" / "tracks.csv"
    mine.write_text(mine.read_text() + "\n")
    assert again("--export", "napari")[0] == 0
    without_cell_2(tmp_path / "out" / "01_RES")
    code, said = again("--export", "napari")
    assert code == 2
    assert "got files that were changed or added since" in said


def test_what_cannot_be_made_costs_no_second_tracking(
    tmp_path: Path, again: Call, tracked: list[str], monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise ValueError("expected space, got none")

    with monkeypatch.context() as broken:
        broken.setattr("embedtrack.looks.measure.measure", full)
        code, said = again("--measure")
    assert code == 1
    assert "expected space, got none" in said
    assert again("--measure")[0] == 0
    assert len(tracked) == 1
    assert rows(tmp_path / "out" / "summary.csv")[0]["state"] == "done"


@pytest.mark.parametrize("within", ["", "results", "a/b"])
def test_no_place_within_a_movie_is_taken(tmp_path: Path, again: Call, tracked: list[str], within: str):
    movie = tmp_path / "toy" / "01"
    before = sorted(movie.rglob("*"))
    code, said = again("--out-dir", movie / within)
    assert (code, said.count("\n"), tracked) == (2, 1, [])
    assert "expected a place apart from the movies, got one within" in said
    assert sorted(movie.rglob("*")) == before


def test_a_damaged_outcome_costs_its_movie_alone(tmp_path: Path, again: Call, tracked: list[str], run: Call):
    write_movie(dividing(), tmp_path / "toy", "02")
    both = (tmp_path / "toy" / "02",)
    assert again(*both)[0] == 0
    damaged = outcome.place_of(tmp_path / "out", "01")
    damaged.write_text(damaged.read_text()[:-9])
    code, said = run("summary", tmp_path / "out")
    assert (code, said.count("\n")) == (2, 1)
    assert f"{damaged}: expected an outcome as a batch writes it" in said
    assert "give the command of infer again" in said
    damaged.write_text("{\n")
    assert again(*both)[0] == 0
    assert [Path(path).name for path in tracked] == ["01", "02", "01"]
    assert json.loads(damaged.read_text())["state"] == "done"
