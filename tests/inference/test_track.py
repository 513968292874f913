import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.evaluate import evaluate
from embedtrack.config import ModelConfig
from embedtrack.inference import segmenter
from embedtrack.inference import track as tracking
from embedtrack.inference.segmenter import Segmented
from embedtrack.inference.track import summarise, track
from embedtrack.methods.embedtrack import cells, predict
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.options import Options
from embedtrack.types import Track
from tests import drawings
from tests.drawings import Known, Toy, perfect_maps, write_movie

CONFIG = ModelConfig(method=EmbedTrackConfig(clustering=Clustering(min_cell_size=5)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained weights that see cells nearly everywhere."""
    torch.manual_seed(0)
    network = BranchedERFNet()
    network.start_at(6, ModelConfig().method.pixel_size)
    torch.nn.init.normal_(network.seediness[-1].weight, std=0.5)
    folder = tmp_path_factory.mktemp("models") / "untrained"
    checkpoint.save(folder, network, CONFIG)
    return folder


def oracle(toy: Toy) -> Callable[..., Iterator[Segmented]]:
    """``Segmenter.movie`` of a perfect network."""
    parents = {line.label: line.parent for line in toy.tracks}

    def movie(*_: object) -> Iterator[Segmented]:
        before = np.zeros_like(toy.labels[0])
        for labels in toy.labels:
            known = Known(perfect_maps(labels, before, parents))
            yield Segmented(known.cells(CONFIG), known.state)
            before = labels

    return movie


@pytest.mark.parametrize("draw", drawings.ALL)
def test_perfect_maps_of_a_movie_score_one(
    draw: Callable[[], Toy], tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    toy = draw()
    folder = write_movie(toy, tmp_path / "toy")
    monkeypatch.setattr(segmenter.Segmenter, "movie", oracle(toy))
    summary = track(folder, model, tmp_path / "toy" / "01_RES", Options(device="cpu"))
    scores = evaluate(tmp_path / "toy" / "01_GT", tmp_path / "toy" / "01_RES")
    assert (scores["SEG"], scores["DET"], scores["TRA"]) == (1, 1, 1)
    assert summary.tracks == len(toy.tracks)
    assert summary.divisions == (draw is drawings.dividing)


def movie(folder: Path, frames: np.ndarray, digits: int = 3) -> Path:
    folder.mkdir(parents=True)
    for t, frame in enumerate(frames):
        tifffile.imwrite(folder / f"t{t:0{digits}d}.tif", frame)
    return folder


NOISE = np.random.default_rng(0).integers(0, 255, (3, 40, 52), np.uint8)
MOVIES = {
    "one frame": NOISE[:1],
    "constant frames": np.full((2, 40, 52), 7, np.uint16),
    "odd sides": NOISE[:, :33, :47],
    "sides of a few pixels": NOISE[:, :5, :3],
    "one pixel": NOISE[:, :1, :1],
    "last frame empty": np.concatenate([NOISE, np.zeros((1, 40, 52), np.uint8)]),
    "16 bit": NOISE.astype(np.uint16) * 200,
    "floating point": NOISE.astype(np.float32) / 7,
}


@pytest.mark.parametrize("views", [1, 8])
@pytest.mark.parametrize("name", MOVIES)
def test_every_movie_gives_a_valid_result(name: str, views: int, tmp_path: Path, model: Path):
    folder = movie(tmp_path / "data" / "01", MOVIES[name])
    summary = track(folder, model, tmp_path / "out", Options(views=views, device="cpu"))
    assert layout.check(tmp_path / "out", layout.open_frame_folder(folder)) == []
    assert summary.frames == len(MOVIES[name])
    if name == "constant frames":
        assert layout.read_labels(tmp_path / "out" / "mask000.tif").shape == (40, 52)


def test_names_and_shapes_are_those_of_the_input(tmp_path: Path, model: Path):
    folder = movie(tmp_path / "data" / "07", NOISE, digits=4)
    track(folder, model, tmp_path / "07_RES", Options(views=1, device="cpu"))
    assert sorted(p.name for p in (tmp_path / "07_RES").iterdir()) == [
        "mask0000.tif",
        "mask0001.tif",
        "mask0002.tif",
        "res_track.txt",
    ]
    assert tifffile.imread(tmp_path / "07_RES" / "mask0000.tif").dtype == np.uint16


def test_equal_runs_give_equal_bytes(tmp_path: Path, model: Path):
    folder = movie(tmp_path / "data" / "01", NOISE)
    for name in ("first", "second"):
        track(folder, model, tmp_path / name, Options(device="cpu"))
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_helpers_change_no_byte(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch):
    """As beside a GPU: several frames are read and clustered at a time."""
    folder = movie(tmp_path / "data" / "01", np.concatenate([NOISE, NOISE[::-1], NOISE]))
    track(folder, model, tmp_path / "one", Options(views=1, device="cpu"))
    monkeypatch.setattr(segmenter.device, "helpers", lambda where: 3)
    track(folder, model, tmp_path / "three", Options(views=1, device="cpu", compiling="off"))
    assert len(list((tmp_path / "one").iterdir())) == 10
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "three" / path.name).read_bytes()


def test_an_unknown_way_to_compile_is_refused_before_any_work(tmp_path: Path, model: Path):
    folder = movie(tmp_path / "data" / "01", NOISE)
    with pytest.raises(ValueError, match="expected --compile auto, off, got yes"):
        track(folder, model, tmp_path / "out", Options(device="cpu", compiling="yes"))


def test_the_border_of_the_data_set_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path):
    shape = (160, 160)
    frame = drawings.draw(shape, {1: ((20, 80), 10), 2: ((80, 80), 10)})
    toy = Toy(np.stack([frame] * 2), [Track(1, 0, 1, 0), Track(2, 0, 1, 0)])
    folder = write_movie(toy, tmp_path / "DIC-C2DH-HeLa")
    monkeypatch.setattr(segmenter.Segmenter, "movie", oracle(toy))
    assert track(folder, model, tmp_path / "with_RES").tracks == 1
    assert track(folder, model, tmp_path / "without_RES", Options(border=0)).tracks == 2


def test_progress_is_told(tmp_path: Path, model: Path):
    told: list[tuple[int, int]] = []
    folder = movie(tmp_path / "data" / "01", NOISE)
    track(folder, model, tmp_path / "out", Options(views=1, device="cpu"), on_frame=lambda *n: told.append(n))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_counts_of_a_result():
    tracks = [Track(1, 0, 4, 0), Track(2, 5, 9, 1), Track(3, 5, 7, 1), Track(4, 9, 9, 3)]
    assert summarise(tracks, 10, 2.0)[:6] == (10, 5 + 5 + 3 + 1, 3, 4, 1, 2.0)


def test_a_killed_run_leaves_the_older_result(tmp_path: Path, model: Path):
    """At three moments, with SIGKILL: the older result is untouched each time, and the next run succeeds."""
    frames = np.random.default_rng(1).integers(0, 255, (12, 160, 208), np.uint8)
    folder, out = movie(tmp_path / "data" / "01", frames), tmp_path / "data" / "01_RES"
    track(folder, model, out, Options(views=1, device="cpu"))
    older = {path.name: path.read_bytes() for path in out.iterdir()}
    command = [sys.executable, "-m", "embedtrack", "infer", str(folder), "--model", str(model), "--out", str(out)]
    for there in (1, 6, 11):
        process = subprocess.Popen(
            [*command, "--device", "cpu", "--views", "1"], stderr=subprocess.DEVNULL, env=dict(os.environ)
        )
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            hidden = [
                files for new in out.parent.glob(".*") for _, _, files in os.walk(new)
            ]  # walk bears their vanishing
            if sum(map(len, hidden)) >= there:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert {path.name: path.read_bytes() for path in out.iterdir()} == older
    track(folder, model, out, Options(views=1, device="cpu"))
    assert sorted(path.name for path in out.parent.iterdir()) == ["01", "01_RES", "01_RES.json", "01_RES.log"]


def test_ctrl_c_ends_all_stages_at_once_with_one_line(tmp_path: Path, model: Path):
    frames = np.random.default_rng(1).integers(0, 255, (40, 160, 208), np.uint8)
    folder, out = movie(tmp_path / "data" / "01", frames), tmp_path / "data" / "01_RES"
    command = [sys.executable, "-m", "embedtrack", "infer", str(folder), "--model", str(model), "--out", str(out)]
    process = subprocess.Popen([*command, "--device", "cpu"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(out.parent.glob(".*/new/mask001.tif")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.endswith("\ninterrupted\n")
    assert "Traceback" not in error
    assert sorted(path.name for path in out.parent.iterdir()) == ["01"]


def test_a_failing_stage_is_one_error_and_no_thread_stays(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch):
    """Wherever it fails: while reading, in the network for want of memory, while clustering or writing."""
    folder = movie(tmp_path / "data" / "01", np.concatenate([NOISE, NOISE]))
    failing: list[tuple[object, str, Exception, type[Exception]]] = [
        (segmenter, "as_frame", ValueError("t003.tif: no"), ValueError),
        (predict.Predictor, "_run", torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError),
        (cells, "cluster", ValueError("no"), ValueError),
        (tracking.ResultWriter, "write", OSError(28, "No space left"), OSError),
    ]
    for place, name, error, seen in failing:
        calls = itertools.count()

        def fails(
            *words: object, error: Exception = error, calls: Iterator[int] = calls, right: object = getattr(place, name)
        ) -> object:
            if next(calls) >= 3:
                raise error
            return right(*words)

        with monkeypatch.context() as patch:
            patch.setattr(place, name, fails)
            with pytest.raises(seen, match=str(error.args[-1])):
                track(folder, model, tmp_path / "out", Options(views=1, device="cpu"))
            assert not [thread for thread in threading.enumerate() if thread.name == "stage"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
