"""Own files on the command line: the same movie gives the same bytes from any kind of file."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.convention import job
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from tests.drawings import dividing, moving, write_movie
from tests.sources import INTERVAL, KINDS, PIXEL, UNITS

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def demo() -> np.ndarray:
    """A corner of some frames of the demo: uint16[3, 128, 160]."""
    sequence, _, _ = job("demo", "01")
    return np.stack([layout.read_frame(path)[:128, :160] for path in layout.open_frame_folder(sequence).paths[:3]])


def write_challenge(folder: Path, movie: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for t, image in enumerate(movie):
        tifffile.imwrite(folder / f"t{t:03d}.tif", image)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_kind_gives_the_bytes_of_the_challenges_folder(demo: np.ndarray, tmp_path: Path, run: Run):
    words = ("--model", "Fluo-N2DH-SIM+", "--views", 1, "--device", "cpu")
    assert run("infer", write_challenge(tmp_path / "01", demo), *words)[0] == 0
    expected = contents(tmp_path / "01_RES")
    assert sorted(expected) == ["mask000.tif", "mask001.tif", "mask002.tif", "res_track.txt"]
    assert expected["res_track.txt"].count(b"\n") > 3
    for kind, convert in KINDS.items():
        (tmp_path / kind).mkdir()
        out = tmp_path / kind / "result"
        code, said = run("infer", convert(tmp_path / kind, demo), *words, "--out", out)
        assert code == 0, said
        assert contents(out) == expected, kind
        noted = json.loads(out.with_name("result.json").read_text())["known"]["movie"]
        units = (noted["pixel_size_um"], noted["interval_s"])
        assert units == ((PIXEL, INTERVAL) if kind in UNITS else (None, None))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    checkpoint.save(
        tmp_path / "model",
        BranchedERFNet(),
        ModelConfig(method=EmbedTrackConfig(clustering=Clustering(min_cell_size=5))),
    )
    return tmp_path / "model"


def test_units_and_channel_go_from_infer_to_the_tables(model: Path, tmp_path: Path, run: Run):
    two = np.stack([dividing().frames(), dividing().frames() * 2], axis=1)
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, two, imagej=True, metadata={"axes": "TCYX", "finterval": 60.0})
    words = ("--model", model, "--views", 1, "--channel", 2, "--pixel-size", 0.25)
    code, said = run("infer", path, *words)
    assert code == 0, said
    result = tmp_path / "cells_c2_RES"  # beside the movie, named after it and its channel
    assert layout.check(result) == []
    noted = json.loads((tmp_path / "cells_c2_RES.json").read_text())["known"]["movie"]
    assert {name: value for name, value in noted.items() if value is not None} == {
        "channel": "2", "pixel_size_um": 0.25, "interval_s": 60.0,
    }  # fmt: skip
    assert run("measure", result, "--raw", path, "--out", tmp_path / "cells.csv")[0] == 0
    columns = (tmp_path / "cells.csv").read_text().splitlines()[0].split(",")
    assert {"area_um2", "time_min", "mean_intensity_1", "mean_intensity_2"} <= set(columns)
    assert run("measure", result, "--raw", path, "--out", tmp_path / "one.csv", "--channel", 1)[0] == 0
    assert "mean_intensity," in (tmp_path / "one.csv").read_text().replace("\n", ",")
    assert run("show", result, "--raw", path, "--out", tmp_path / "cells.png")[0] == 0  # the channel is remembered
    assert run("check", result)[0] == 0


def test_tables_of_a_truth_take_the_units_of_its_movie(tmp_path: Path, run: Run):
    write_movie(dividing(), tmp_path)
    path = KINDS["imagej"](tmp_path, dividing().frames())
    assert run("measure", tmp_path / "01_GT", "--raw", path, "--out", tmp_path / "x.csv")[0] == 0
    header, first = (line.split(",") for line in (tmp_path / "x.csv").read_text().splitlines()[:2])
    row = dict(zip(header, first, strict=True))
    assert float(row["area_um2"]) == int(row["area"]) * PIXEL**2
    assert run("measure", tmp_path / "01_GT", "--raw", path, "--out", tmp_path / "x.csv", "--pixel-size", 2)[0] == 0
    assert ",area_um2," in (tmp_path / "x.csv").read_text()


def two_channels(path: Path) -> Path:
    stack = np.stack([moving().frames()] * 2, axis=1)
    tifffile.imwrite(path / "two.tif", stack, imagej=True, metadata={"axes": "TCYX"})
    return path / "two.tif"


@pytest.mark.parametrize(
    ("make", "words", "said"),
    [
        (lambda p: p / "none.tif", (), "expected a movie, got nothing of this name"),
        (two_channels, (), "expected one channel, got 2; choose with --channel"),
        (two_channels, ("--channel", "GFP"), "expected --channel to be one of"),
        (two_channels, ("--channel", "1", "--time-axis", "Z"), "expected --time-axis to be an axis of the movie"),
        (two_channels, ("--channel", "1", "--interval", "soon"), "expected --interval as 29min"),
        (two_channels, ("--channel", "1", "--pixel-size", "0"), "--pixel-size"),
        (lambda p: p, (), "name one of the folders in it"),
        (lambda p: (p / "a.nd2").write_text("x") and p / "a.nd2", (), "a.nd2: expected"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # bioio brings many packages that warn
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    make: Callable[[Path], Path], words: tuple[str, ...], said: str, model: Path, tmp_path: Path, run: Run
):
    path = make(tmp_path)
    before = sorted(os.listdir(tmp_path))
    code, err = run("infer", path, "--model", model, *words)
    lines = [line for line in err.splitlines() if line.strip() and not line.startswith("device auto")]
    assert code == 2
    assert len(lines) == 1
    assert said in lines[0]
    assert sorted(os.listdir(tmp_path)) == before
