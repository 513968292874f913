"""show and measure on the command line: what goes well, and one clear line for what does not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drawings import dividing, write_movie

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_movie(dividing(), tmp_path)
    return tmp_path


def test_a_movie_is_drawn(run: Run, data: Path):
    words = ("show", data / "01_GT", "--raw", data / "01", "--truth", data / "01_GT", "--out", data / "x.mp4")
    code, said = run(*words, "--interval", "20min", "--pixel-size", 0.5, "--frames", "1:4", "--zoom", 2, "--no-numbers")
    assert code == 0
    assert "x.mp4" in said
    assert "4/4" in said
    assert (data / "x.mp4").stat().st_size > 1000


def test_tables_are_written(run: Run, data: Path):
    code, said = run(
        "measure", data / "01_GT", "--raw", data / "01", "--out", data / "t" / "x.csv", "--interval", "5min"
    )
    assert code == 0
    assert "x_tracks.csv" in said
    assert sorted(os.listdir(data / "t")) == ["x.csv", "x_tracks.csv"]
    assert (data / "t" / "x.csv").read_text().startswith("frame,label,track,parent,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "{}/01_GT", "--out", "{}/x.avi"), "expected a name that ends in .mp4"),
        (("show", "{}/01", "--out", "{}/x.mp4"), "expected a result"),
        (("show", "{}/01_GT", "--raw", "{}/02", "--out", "{}/x.mp4"), "02: expected a movie"),
        (("show", "{}/01_GT", "--truth", "{}/02_GT", "--out", "{}/x.mp4"), "02_GT: expected a result"),
        (("show", "{}/01_GT", "--frames", "4:9", "--out", "{}/x.mp4"), "expected frames from 0 to 5"),
        (("show", "{}/01_GT", "--frames", "4-5", "--out", "{}/x.mp4"), "expected --frames FIRST:LAST"),
        (("show", "{}/01_GT", "--interval", "soon", "--out", "{}/x.mp4"), "expected --interval as 29min"),
        (("show", "{}/01_GT", "--pixel-size", "-1", "--out", "{}/x.mp4"), "--pixel-size"),
        (("show", "{}/01_GT", "--out", "{}/01/t000.tif/x.mp4"), "t000.tif where a folder belongs"),
        (("measure", "{}/01_GT", "--out", "{}/x.xls"), "expected a name that ends in .csv or .parquet"),
        (("measure", "{}/none", "--out", "{}/x.csv"), "none: expected a result"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(run: Run, data: Path, words: tuple[str, ...], said: str):
    before = sorted(os.listdir(data))
    code, err = run(*(word.format(data) for word in words))
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2
    assert len(lines) == 1
    assert said in lines[0]
    assert "Traceback" not in err
    assert sorted(os.listdir(data)) == before
