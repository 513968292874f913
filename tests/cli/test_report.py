"""report on the command line: what goes well, and one clear line for what does not."""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from embedtrack.__main__ import main
from embedtrack.challenge.evaluate import evaluate
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


def test_every_mask_is_decoded_once(data: Path, monkeypatch: pytest.MonkeyPatch):
    """Scores, errors, outlines, hints and the test of the labels come of one look at each image."""
    read: Counter[str] = Counter()
    decode = tifffile.imread

    def counted(path: Path) -> Any:
        read[Path(path).relative_to(data).as_posix()] += 1
        return decode(path)

    monkeypatch.setattr(tifffile, "imread", counted)
    images = [path.relative_to(data).as_posix() for path in data.glob("01_[GR]*/**/*.tif")]
    assert len(images) > 12
    assert run(monkeypatch, "report", data / "01_RES", "--truth", data / "01_GT", "--out", data / "x.html") == 0
    assert dict(read) == dict.fromkeys(images, 1)
    read.clear()
    evaluate(data / "01_GT", data / "01_RES")
    assert dict(read) == dict.fromkeys(images, 1)


def test_a_wrong_label_is_told_with_all_faults(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """It shows when its frame's turn comes; nothing is written then."""
    for name in ("mask001.tif", "mask004.tif"):
        tifffile.imwrite(data / "01_RES" / name, np.full((48, 64), 9, np.uint16))
    assert run(monkeypatch, "report", data / "01_RES", "--truth", data / "01_GT", "--out", data / "x.html") == 2
    assert "got label 9 in frame 1, 4" in capfd.readouterr().err
    assert not (data / "x.html").exists()


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
