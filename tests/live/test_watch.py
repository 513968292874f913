import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.record import known_of, read
from embedtrack.challenge.writer import write_mask
from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.track import track
from embedtrack.live import arrivals, watch
from embedtrack.live.run import STATE, Run
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.model import Model
from embedtrack.options import Options
from tests.drawings import STEP

FRAMES = 14


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained weights that see cells nearly everywhere, and other ones in the next frame."""
    torch.manual_seed(0)
    network = BranchedERFNet()
    network.start_at(6, STEP)
    torch.nn.init.normal_(network.seediness[-1].weight, std=0.5)
    torch.nn.init.normal_(network.tracking[-1].weight, std=0.02)
    folder = tmp_path_factory.mktemp("models") / "untrained"
    checkpoint.save(folder, network, ModelConfig(method=EmbedTrackConfig(clustering=Clustering(min_cell_size=5))))
    return folder


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coarse noise that drifts and changes, with empty frames: tracks begin, end, divide and have gaps."""
    folder = tmp_path_factory.mktemp("data") / "01"
    folder.mkdir()
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (12, 16)).astype(np.float64)
    for t in range(FRAMES):
        coarse = np.roll(coarse, t % 3 == 2, axis=1) * 0.9 + rng.integers(0, 20, coarse.shape)
        frame = np.kron(coarse, np.ones((8, 8))) + rng.normal(0, 4, (96, 128))
        tifffile.imwrite(folder / f"t{t:03d}.tif", (frame * (t != 9)).clip(0, 255).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def expected(movie: Path, model: Path) -> dict[str, bytes]:
    """What ``infer`` makes of the finished movie."""
    out = movie.with_name("01_RES")
    summary = track(movie, model, out, Options(views=1, device="cpu"))
    assert summary.tracks > 30
    assert summary.divisions > 0
    return content(out)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "SETTLE", 0.05)
    monkeypatch.setattr(arrivals, "LOOK", 0.05)
    monkeypatch.setattr(arrivals, "POLL", 0.01)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def follow(folder: Path, model: Path, **options: object) -> dict[str, bytes]:
    known = {name: options.pop(name) for name in ("views", "border") if name in options}
    run = Options(**{"views": 1, "device": "cpu"} | known)
    watch.watch(folder, model, folder.with_name("live"), run, **{"ended": lambda: True} | options)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "live", "live.json", "live.log"}
    return content(folder.with_name("live"))


def part(movie: Path, folder: Path, *numbers: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        shutil.copy(movie / f"t{number:03d}.tif", folder)
    return folder


def faults(out: Path) -> list[str]:
    """Those of the result as it is now, of the frames so far: a link to each file, so that none is exchanged while
    it is read."""
    handle = os.open(out, os.O_RDONLY)
    try:
        copy = out.with_name("copy")
        shutil.copytree(f"/proc/self/fd/{handle}", copy)
        names = sorted(path.name for path in copy.glob("mask*.tif"))
        paths = tuple(Path(name.replace("mask", "t")) for name in names)
        shape = tifffile.imread(copy / names[0]).shape
        found = layout.check(copy, layout.FrameFolder(copy, paths, int(names[0][4:7]), 3, (shape[0], shape[1])))
        shutil.rmtree(copy)
        return found
    finally:
        os.close(handle)


WRITER = """
import os, pathlib, random, sys, time
source, target = map(pathlib.Path, sys.argv[1:])
random.seed(1)
frames = sorted(source.iterdir())
for i in range(2, len(frames) - 1, 4):
    frames[i], frames[i + 1] = frames[i + 1], frames[i]
for number, frame in enumerate(frames):
    data = frame.read_bytes()
    with open(target / frame.name, "wb", buffering=0) as file:
        if number % 3 == 0:
            os.truncate(file.fileno(), len(data))  # room for all pixels before they are there
        for begin in range(0, len(data), 4096):
            file.write(data[begin : begin + 4096])
            time.sleep(random.choice([0, 0.01, 0.05]))
    time.sleep(random.choice([0, 0.1, 0.6]))
(target / "end").touch()
"""


def test_a_slow_writer_and_two_kills_give_the_bytes_of_infer(
    movie: Path, model: Path, expected: dict[str, bytes], tmp_path: Path
):
    folder, out = tmp_path / "01", tmp_path / "01_RES"
    folder.mkdir()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(movie), str(folder)])
    command = [sys.executable, "-m", "embedtrack", "watch", str(folder), "--model", str(model), "--out", str(out)]
    heard = b""
    for moment in (3, 8, None):
        process = subprocess.Popen([*command, "--views", "1", "--device", "cpu"], stderr=subprocess.PIPE)
        try:
            while moment is None or not out.exists() or len(list(out.glob("mask*.tif"))) < moment:
                if process.poll() is not None:
                    break
                time.sleep(0.1)
                if out.exists():
                    assert faults(out) == []
        finally:
            process.send_signal(signal.SIGKILL)
            _, error = process.communicate()
            heard += error
        assert process.returncode == (0 if moment is None else -signal.SIGKILL), error.decode()
        assert faults(out) == []
    assert writer.wait() == 0
    assert content(out) == expected
    assert heard.count(b"going on after") == 2
    assert heard.count(b"s after it was there") >= FRAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01", "01_RES", "01_RES.json", "01_RES.log"]


def test_a_finished_movie_gives_the_bytes_of_infer(
    movie: Path, model: Path, expected: dict[str, bytes], tmp_path: Path
):
    assert follow(part(movie, tmp_path / "01", *range(FRAMES)), model) == expected


@pytest.mark.parametrize("frames", [1, 2, 3, 10])
def test_the_result_is_valid_after_every_frame(frames: int, movie: Path, model: Path, tmp_path: Path):
    """And it is the one of a movie that ends there."""
    folder = part(movie, tmp_path / "01", *range(frames))
    live = follow(folder, model)
    assert faults(tmp_path / "live") == []
    track(folder, model, tmp_path / "all", Options(views=1, device="cpu"))
    assert live == content(tmp_path / "all")


class Killed(Exception):  # noqa: N818
    """Stands for a SIGKILL after a frame was published and kept."""


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the next run end after so many frames."""
    save = Run._save

    def after(frames: int) -> None:
        def dying(run: Run, count: int, finished: int, predictor: object) -> None:
            run._save_after = 0
            save(run, count, finished, predictor)
            if count == frames:
                monkeypatch.setattr(Run, "_save", save)
                raise Killed

        monkeypatch.setattr(Run, "_save", dying)

    return after


def killed(folder: Path, model: Path) -> None:
    with pytest.raises(Killed):
        follow(folder, model)


@pytest.mark.parametrize("moment", [1, 3, FRAMES])
def test_it_goes_on_where_it_was_killed(
    moment: int, movie: Path, model: Path, expected: dict[str, bytes], tmp_path: Path,
    kill: Callable[[int], None], caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    folder = part(movie, tmp_path / "01", *range(FRAMES))
    kill(moment)
    killed(folder, model)
    caplog.set_level("INFO")
    caplog.clear()  # of the killed run, where another test has set the level
    assert follow(folder, model) == expected
    assert f"going on after {moment} frames" in caplog.text
    assert sum("after it was there" in line for line in caplog.messages) == FRAMES - moment


def test_its_record_says_what_that_of_infer_does(movie: Path, model: Path, tmp_path: Path, kill: Callable[[int], None]):
    folder, options = part(movie, tmp_path / "01", *range(FRAMES)), {"views": 1, "border": 8}
    track(folder, model, tmp_path / "infer" / "01_RES", Options(**options, device="cpu"))
    expected, (_, confidence) = known_of(tmp_path / "infer" / "01_RES"), read(tmp_path / "infer" / "01_RES")
    shutil.rmtree(tmp_path / "infer")
    kill(FRAMES)  # no frame is left for the next run to see
    with pytest.raises(Killed):
        follow(folder, model, **options)
    follow(folder, model, **options)
    known, (_, sure) = known_of(tmp_path / "live"), read(tmp_path / "live")
    for one in (known, expected):
        one["used"].pop("peak_memory_mb")
        assert one["used"].pop("cut_short", None) is None
    assert known["used"] == expected["used"]
    assert known["used"]["cells_removed_by_border"] > 0
    assert known["used"]["frames_without_image"] == [9]
    assert {"tiles", "normalisation", "scale"} <= known["used"].keys()
    np.testing.assert_array_equal(sure, confidence)
    assert "used.border: 8" in (tmp_path / "live.log").read_text()


def spoil_a_frame(folder: Path) -> None:
    path = folder / "t002.tif"
    tifffile.imwrite(path, 255 - tifffile.imread(path))


def spoil_a_mask(folder: Path) -> None:
    path = folder.with_name("live") / "mask001.tif"
    write_mask(path, tifffile.imread(path) * 0)


def spoil_the_state(folder: Path) -> None:
    path = folder.with_name(".live.watch") / STATE
    path.write_bytes(path.read_bytes()[:-100])


def remove_the_result(folder: Path) -> None:
    shutil.rmtree(folder.with_name("live"))


def empty_the_folder(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("spoil", [spoil_a_frame, spoil_a_mask, spoil_the_state, remove_the_result, empty_the_folder])
def test_it_starts_anew_when_what_it_knew_is_no_longer_true(
    spoil: Callable[[Path], None], movie: Path, model: Path, tmp_path: Path,
    kill: Callable[[int], None], caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    frames = 8
    folder = part(movie, tmp_path / "01", *range(frames))
    kill(frames - 2)
    killed(folder, model)
    spoil(folder)
    caplog.set_level("INFO")

    def ended() -> bool:
        if not any(folder.iterdir()):
            part(movie, folder, *range(frames))
        return True

    live = follow(folder, model, ended=ended)
    assert ("going on" in caplog.text) == (spoil is spoil_a_mask)  # no mask is final so early: all are written anew
    track(folder, model, tmp_path / "all", Options(views=1, device="cpu"))
    assert live == content(tmp_path / "all")


def test_whatever_changes_masks_makes_another_run(movie: Path, model: Path):
    ways = [
        {},
        {"views": 2},
        {"precision": "bfloat16"},
        {"border": 20},
        {"max_gap": 1},
        {"crumbs": True},
        {"tile": 256},
    ]
    runs = [Segmenter(Model.load(model), Options(**({"views": 1, "device": "cpu"} | way))) for way in ways]
    assert len({watch._identity(movie, model, segmenter) for segmenter in runs}) == len(ways)


def test_other_options_do_not_go_on_with_what_others_began(
    movie: Path, model: Path, tmp_path: Path, kill: Callable[[int], None], caplog: pytest.LogCaptureFixture
):
    folder = part(movie, tmp_path / "01", *range(4))
    kill(3)
    killed(folder, model)
    caplog.set_level("INFO")
    live = follow(folder, model, border=20)
    assert "going on" not in caplog.text
    track(folder, model, tmp_path / "all", Options(views=1, device="cpu", border=20))
    assert live == content(tmp_path / "all")


def test_a_frame_that_changes_after_it_was_tracked_is_tracked_again(movie: Path, model: Path, tmp_path: Path):
    folder = part(movie, tmp_path / "01", *range(6))

    def ended() -> bool:
        if len(list(tmp_path.glob("live/mask*.tif"))) == 6 and ended.__dict__.setdefault("first", True):
            ended.__dict__["first"] = False
            spoil_a_frame(folder)
        return not ended.__dict__.get("first", True)

    live = follow(folder, model, ended=ended)
    track(folder, model, tmp_path / "all", Options(views=1, device="cpu"))
    assert live == content(tmp_path / "all")


def test_a_first_frame_that_comes_late(movie: Path, model: Path, expected: dict[str, bytes], tmp_path: Path):
    folder, done = part(movie, tmp_path / "01", 2, 3), threading.Event()

    def write_on() -> None:
        while not (tmp_path / "live").exists():
            time.sleep(0.01)
        part(movie, folder, 0, *range(4, FRAMES))
        time.sleep(0.2)
        part(movie, folder, 1)
        done.set()

    threading.Thread(target=write_on).start()
    assert follow(folder, model, ended=done.is_set) == expected


def test_a_hole_at_the_end_is_told_and_the_frames_before_it_stand(movie: Path, model: Path, tmp_path: Path):
    folder = part(movie, tmp_path / "01", 0, 1, 2, 5)
    with pytest.raises(ValueError, match="none numbered 3 to 4"):
        follow(folder, model)
    assert faults(tmp_path / "live") == []
    assert len(list((tmp_path / "live").glob("mask*.tif"))) == 3


def test_frames_that_come_after_the_end_do_not_count(
    movie: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, real, runs = part(movie, tmp_path / "01", 0, 1, 2), watch.Run.follow, []

    def follow_and_go_on(run: watch.Run, arrivals: object) -> None:
        real(run, arrivals)
        runs.append(run)
        part(movie, folder, 3)

    monkeypatch.setattr(watch.Run, "follow", follow_and_go_on)
    assert sorted(name for name in follow(folder, model) if name.startswith("mask")) == [
        "mask000.tif", "mask001.tif", "mask002.tif",
    ]  # fmt: skip
    assert len(runs) == 1


def test_what_cannot_be_is_refused(movie: Path, model: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="make it"):
        follow(tmp_path / "nowhere", model)
    folder = part(movie, tmp_path / "01")
    with pytest.raises(ValueError, match="expected frames"):
        follow(folder, model)
    with watch._memory(tmp_path / "live") as memory:
        with pytest.raises(ValueError, match="another watch"):
            follow(folder, model)
        assert memory.is_dir()  # the first one's, though still empty
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"thesis\.txt"):
        follow(part(movie, folder, 0), model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01", "live"]


def test_the_first_ctrl_c_says_that_the_recording_has_ended(
    movie: Path, model: Path, expected: dict[str, bytes], tmp_path: Path
):
    folder = part(movie, tmp_path / "01", *range(FRAMES))

    def press() -> None:
        while not (tmp_path / "live").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with watch.told_by_ctrl_c() as told:
        assert follow(folder, model, ended=told) == expected
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
