"""report on the command line: what goes well, and one clear line for what does not."""

import os
import sys
from pathlib import Path

import pytest

from embedtrack.__main__ import main
from embedtrack.challenge.tracked import open_tracked, write_tracked
from tests.drawings import dividing, write_movie


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_movie(dividing(), tmp_path)
    write_tracked(open_tracked(tmp_path / "01_GT"), tmp_path / "01_RES")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["embedtrack", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_a_page_is_written(data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    words = ("report", data / "01_RES", "--raw", data / "01", "--truth", data / "01_GT", "--out", data / "x.html")
    assert run(monkeypatch, *words, "--pixel-size", 0.5, "--interval", "20min") == 0
    said, text = capfd.readouterr().err, (data / "x.html").read_text()
    assert "x.html" in said
    assert "6/6" in said
    assert f"<h1>{data.name}/01_RES</h1>" in text
    assert "0 points lost" in text
    assert "µm/min" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{}/01_RES", "--out", "{}/x.pdf"), "expected a name that ends in .html"),
        (("{}/01", "--out", "{}/x.html"), "expected a result"),
        (("{}/01_RES", "--truth", "{}/02_GT", "--out", "{}/x.html"), "02_GT: expected a result"),
        (("{}/01_RES", "--raw", "{}/02", "--out", "{}/x.html"), "02: expected"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
):
    before = sorted(os.listdir(data))
    assert run(monkeypatch, "report", *(word.format(data) for word in words)) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert said in lines[0]
    assert sorted(os.listdir(data)) == before
