"""The command line, run as a user runs it: what goes well, and every kind of bad input."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from safetensors.torch import load_file, save_file
from typer.main import get_command

from embedtrack import __version__, checkpoint
from embedtrack.__main__ import app
from embedtrack.challenge.revision import revision
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.cli.panels import PANELS
from embedtrack.config import ModelConfig
from embedtrack.inference.model_choice import Fit
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from tests.drawings import moving, write_movie

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """DATA/toy with 01 and 01_GT, DATA/model with untrained weights."""
    write_movie(moving(), tmp_path / "toy")
    checkpoint.save(tmp_path / "model", BranchedERFNet(), ModelConfig(cell_diameter=20))
    return tmp_path


def infer_words(data: Path, **changed: object) -> list[object]:
    words: dict[str, object] = {"model": data / "model", "out": data / "toy" / "01_RES", "views": 1, "device": "cpu"}
    words |= changed
    folder = words.pop("folder", data / "toy" / "01")
    return ["infer", folder, *(part for name, value in words.items() for part in (f"--{name}", value))]


def frame(data: Path, number: int = 2) -> Path:
    return data / "toy" / "01" / f"t{number:03d}.tif"


def rewrite(path: Path, image: np.ndarray, **options: object) -> None:
    tifffile.imwrite(path, image, **options)


def other_weights(data: Path) -> None:
    path = data / "model" / checkpoint.WEIGHTS
    save_file({f"x{name}": value for name, value in load_file(path).items()}, path)


BAD: dict[str, tuple[Callable[[Path], object], dict[str, object], str]] = {
    "missing sequence": (lambda d: None, {"folder": "nowhere/01"}, "nowhere/01"),
    "empty folder": (lambda d: [p.unlink() for p in (d / "toy" / "01").iterdir()], {}, "t000.tif"),
    "hole in the numbers": (lambda d: frame(d).unlink(), {}, "2"),
    "truncated image": (lambda d: frame(d).write_bytes(frame(d).read_bytes()[:3000]), {}, "t002.tif"),
    "no TIFF": (lambda d: frame(d).write_text("hello"), {}, "t002.tif"),
    "another shape": (lambda d: rewrite(frame(d), np.zeros((9, 9), np.uint16)), {}, "t002.tif"),
    "RGB": (lambda d: rewrite(frame(d), np.zeros((48, 80, 3), np.uint8), photometric="rgb"), {}, "t002.tif"),
    "3D": (lambda d: rewrite(frame(d), np.zeros((5, 48, 80), np.uint16), photometric="minisblack"), {}, "t002.tif"),
    "missing weights": (lambda d: (d / "model" / checkpoint.WEIGHTS).unlink(), {}, "weights.safetensors"),
    "missing model": (lambda d: None, {"model": "nowhere"}, "nowhere"),
    "damaged weights": (lambda d: (d / "model" / checkpoint.WEIGHTS).write_bytes(b"12345678910"), {}, "damaged"),
    "weights of another network": (other_weights, {}, "another network"),
    "damaged config": (lambda d: (d / "model" / checkpoint.CONFIG).write_text("{"), {}, "config.json"),
    "output is a file": (lambda d: (d / "toy" / "01_RES").write_text("mine"), {}, "01_RES"),
    "output holds other files": (lambda d: shutil.copytree(d / "toy" / "01", d / "toy" / "01_RES"), {}, "t000.tif"),
    "no such device": (lambda d: None, {"device": "abacus"}, "abacus"),
    "a device that is not there": (lambda d: None, {"device": "cuda:7"}, "cuda:7"),
    "three views": (lambda d: None, {"views": 3}, "expected 1, 2, 4, 8, got 3"),
    "views that are no number": (lambda d: None, {"views": "many"}, "many"),
    "unknown precision": (lambda d: None, {"precision": "float8"}, "float8"),
    "negative border": (lambda d: None, {"border": -1}, "border"),
}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_clear_line_and_changes_nothing(kind: str, data: Path, run_whole: Run):
    spoil, words, named = BAD[kind]
    spoil(data)
    before = tree(data)
    code, out, error = run_whole(*infer_words(data, **words))
    assert code == 2
    assert out == ""
    assert named in error
    assert "Traceback" not in error
    lines = [line for line in error.splitlines() if line.strip() and "━" not in line]
    assert len([line for line in lines if not line.startswith("device auto")]) == 1, error
    assert tree(data) == before


def test_frames_with_nan(data: Path, run_whole: Run):
    for path in (data / "toy" / "01").iterdir():
        image = tifffile.imread(path).astype(np.float32)
        image[3, 4] = np.nan
        rewrite(path, image)
    code, _, error = run_whole(*infer_words(data))
    assert code == 2
    assert "NaN" in error


@pytest.mark.parametrize("words", [["infer"], ["run", "demo"], ["evaluate", "x"], ["unknown"], ["train", "x"], ["--x"]])
def test_missing_arguments_and_unknown_commands(words: list[str], run_whole: Run):
    code, _, error = run_whole(*words)
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_unknown_data_set_names_the_nearest(data: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_ROOT", str(data))
    code, _, error = run_whole("run", "tou", "01")
    assert code == 2
    assert "did you mean toy?" in error
    code, _, error = run_whole("run", "toy", "07")
    assert code == 2
    assert "there are: 01" in error
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(data))
    code, _, error = run_whole("run", "toy", "01")
    assert code == 2
    assert "expected weights for toy" in error
    monkeypatch.setenv("DATA_ROOT", str(data / "nowhere"))
    code, _, error = run_whole("run", "toy", "01")
    assert code == 2
    assert "DATA_ROOT" in error


def test_bad_truth(data: Path, run_whole: Run):
    result = data / "toy" / "01_RES"
    assert run_whole(*infer_words(data))[0] == 0
    tracks = data / "toy" / "01_GT" / "TRA" / "man_track.txt"
    text = tracks.read_text()
    tracks.write_text(text + "1 two 3\n")
    code, _, error = run_whole("evaluate", tracks.parent.parent, result)
    assert code == 2
    assert "man_track.txt" in error
    code, _, error = run_whole("train", data / "toy", "--out", data / "new", "--epochs", 1)
    assert code == 2
    assert "man_track.txt" in error
    assert not (data / "new").exists()
    shutil.rmtree(data / "toy" / "01_GT")
    code, _, error = run_whole("evaluate", data / "toy" / "01_GT", result)
    assert code == 2
    assert "01_GT" in error
    code, _, error = run_whole("train", data / "toy", "--out", data / "new", "--epochs", 1)
    assert code == 2
    assert "annotated sequences" in error


def test_an_invalid_result_is_refused_with_its_faults(data: Path, run_whole: Run):
    result = data / "toy" / "01_RES"
    assert run_whole(*infer_words(data))[0] == 0
    assert run_whole("check", result)[0] == 0
    (result / "mask003.tif").unlink()
    (result / "res_track.txt").write_text("1 0 9 5\n")
    for words in (["check", result], ["evaluate", data / "toy" / "01_GT", result]):
        code, _, error = run_whole(*words)
        assert code == 2
        assert "mask003.tif" in error
        assert "parent" in error


def test_a_result_is_checked_by_its_movie_of_any_kind(data: Path, run_whole: Run):
    """Without its movie nothing tells that the last frame has no mask."""
    movie = data / "cells.ome.tif"
    tifffile.imwrite(movie, moving().frames(), photometric="minisblack", metadata={"axes": "TYX"})
    assert run_whole(*infer_words(data, folder=movie, out=data / "cells_RES"))[0] == 0
    assert run_whole("check", data / "cells_RES")[2].endswith("cells_RES: valid for cells.ome.tif\n")
    masks = data / "cells_RES" / "mask005.tif"
    masks.unlink()
    (data / "cells_RES" / "res_track.txt").write_text("")
    for path in (data / "cells_RES").glob("*.tif"):
        rewrite(path, np.zeros((48, 80), np.uint16))
    code, _, error = run_whole("check", data / "cells_RES")
    assert code == 2
    assert "mask005.tif" in error
    movie.rename(data / "moved.tif")
    code, _, error = run_whole("check", data / "cells_RES", "--raw", data / "moved.tif")
    assert code == 2
    assert "mask005.tif" in error
    code, _, error = run_whole("check", data / "cells_RES")
    assert code == 0
    assert "valid; whether it has all frames of its movie cannot be said" in error


def test_truth_is_checked_too(data: Path, run_whole: Run):
    code, _, error = run_whole("check", data / "toy" / "01_GT")
    assert code == 0
    assert "valid truth of 6 frames" in error
    code, _, error = run_whole("check", data / "toy" / "01_GT", "--raw", data / "toy" / "01")
    assert code == 2
    assert "expected --raw beside a result" in error
    (data / "toy" / "01_GT" / "TRA" / "man_track.txt").write_text("1 0 2 0\n")
    code, _, error = run_whole("check", data / "toy" / "01_GT")
    assert code == 2
    assert "expected label" in error


def test_a_movie_in_which_nothing_is_found(data: Path, run_whole: Run):
    for path in (data / "toy" / "01").iterdir():
        rewrite(path, np.zeros((48, 80), np.uint16))
    code, _, error = run_whole(*infer_words(data))
    assert code == 0
    assert "no cell was found in any frame" in error


def test_scores_as_json_and_as_a_table(data: Path, run_whole: Run):
    truth, result = data / "toy" / "01_GT", data / "toy" / "01_RES"
    result.mkdir()
    for path in (truth / "TRA").glob("*.tif"):
        shutil.copy(path, result / path.name.replace("man_track", "mask"))
    shutil.copy(truth / "TRA" / "man_track.txt", result / "res_track.txt")
    code, out, _ = run_whole("evaluate", truth, result, "--json")
    assert code == 0
    assert json.loads(out)["TRA"] == json.loads(out)["SEG"] == 1
    code, out, error = run_whole("evaluate", truth, result, "--frames", "2:4")
    assert code == 0
    assert "SEG" in out
    assert "-: this truth has nothing to measure BC, CCA by" in error
    code, _, error = run_whole("evaluate", truth, result, "--frames", "4-2")
    assert code == 2
    assert "--frames" in error


def test_help_and_simulate(tmp_path: Path, run_whole: Run):
    code, out, _ = run_whole("--help")
    assert code == 0
    assert all(command in out for command in ("run", "infer", "train", "evaluate", "check", "simulate"))
    folder = tmp_path / "made"
    words = ["simulate", folder, "--frames", 2, "--size", 64, 80, "--cells", 2]
    assert run_whole(*words)[0] == 0
    assert len(list((folder / "01").iterdir())) == 2
    code, _, error = run_whole(*words)
    assert code == 2
    assert "01" in error


def test_help_is_grouped_like_the_work():
    """A command without a panel would stand before all others, in one of its own."""
    commands = get_command(app).commands
    assert {command.rich_help_panel for command in commands.values()} == set(PANELS)
    order = list(get_command(app).list_commands(None))
    assert [order.index(name) for name in ("train", "infer", "evaluate", "show", "export")] == sorted(
        order.index(name) for name in ("train", "infer", "evaluate", "show", "export")
    )


def test_a_shipped_model_is_found_by_its_name(data: Path, run_whole: Run):
    assert run_whole(*infer_words(data, model="DIC-C2DH-HeLa"))[0] == 0
    code, _, error = run_whole(*infer_words(data, model="dic-hela"))
    assert code == 2
    assert "did you mean DIC-C2DH-HeLa?" in error


def test_version_and_completion(run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    assert run_whole("--version") == (0, f"embedtrack {__version__} ({revision()})\n", "")
    words = {
        "_EMBEDTRACK_COMPLETE": "complete_bash",
        "COMP_WORDS": "embedtrack infer --model Fluo-N2DH-S",
        "COMP_CWORD": "3",
    }
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    assert run_whole()[1].split() == ["Fluo-N2DH-SIM+"]


NETWORK = ("torch", "numba", "embedtrack.inference", "embedtrack.model")
FOR_OTHERS = ("pandas", "matplotlib", "scipy.stats", "scipy.signal", "torch._dynamo", "torch._inductor",
              "embedtrack.training", "embedtrack.looks", "embedtrack.exchange")  # fmt: skip
"""What a frame does not wait for before its mask is there."""


@pytest.mark.parametrize(
    ("words", "needless"),
    [
        (["--help"], NETWORK),
        (["evaluate", "{}/toy/01_GT", "{}/toy/01_RES", "--json"], NETWORK),
        (["infer", "{}/toy/01", "--model", "{}/model", "--views", "1", "--device", "cpu"], FOR_OTHERS),
    ],
)
def test_a_command_waits_for_nothing_that_it_does_not_need(data: Path, words: list[str], needless: tuple[str, ...]):
    """Neither torch nor what stands on it for a score: it is there in a second, and where torch is broken."""
    write_tracked(open_tracked(data / "toy" / "01_GT"), data / "toy" / "01_RES")
    argv = ["embedtrack", *(word.format(data) for word in words)]
    code = f"""
import runpy, sys
sys.argv = {argv}
try:
    runpy.run_module("embedtrack", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
sys.exit([name for name in {needless} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    told = done.stderr.splitlines()
    assert (told if needless is NETWORK else told[-1:]) == ["[]"]  # infer says more before


def test_an_installation_without_a_package_says_which(data: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.delitem(sys.modules, "embedtrack.looks.measure", raising=False)
    code, _, error = run_whole("measure", data / "toy" / "01_GT", "--out", data / "cells.csv")
    assert code == 2
    assert error.startswith("error: expected the package pandas, got none")
    assert error.count("\n") == 1


def test_device_auto_says_what_it_took(data: Path, run_whole: Run):
    code, _, error = run_whole(*infer_words(data, device="auto"))
    assert code == 0
    assert "device auto: " + ("cuda" if torch.cuda.is_available() else "") in error
    assert "6 frames" in error


def test_without_a_model_the_one_that_fits_is_taken(data: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch):
    fit = Fit(data / "model", 0.6, "it fits, but not well", False, diameter=20)
    monkeypatch.setattr("embedtrack.inference.model_choice.choose", lambda *args, **kwargs: fit)
    words = ["infer", data / "toy" / "01", "--out", data / "toy" / "01_RES", "--views", 1, "--device", "cpu"]
    code, _, error = run_whole(*words, "--min-agreement", 0.7)
    assert code == 4
    assert "expected a model that fits to 0.7, got it fits, but not well" in error
    assert not (data / "toy" / "01_RES").exists()
    code, _, error = run_whole(*words, "--min-agreement", 0.6)
    assert code == 0, error
    assert "the model is doubtful: it fits, but not well" in error
    told = (data / "toy" / "01_RES.log").read_text()
    assert "used.model_choice: it fits, but not well" in told
    assert "options.diameter: 20" in told
    assert str(data / "model") in told


def test_link_chooses_among_models_at_the_size_of_the_masks(
    data: Path, run_whole: Run, monkeypatch: pytest.MonkeyPatch
):
    asked: list[float] = []

    def chosen(movie: object, device: str, *, diameter: float) -> Fit:
        asked.append(diameter)
        return Fit(data / "model", 0.9, "it fits", True, diameter=diameter)

    monkeypatch.setattr("embedtrack.inference.model_choice.choose", chosen)
    words = ["link", data / "toy" / "01_GT" / "TRA", "--raw", data / "toy" / "01", "--out", data / "linked"]
    code, _, error = run_whole(*words, "--diameter", "auto", "--device", "cpu")
    assert code == 0, error
    assert asked == [pytest.approx(14, abs=3)]
