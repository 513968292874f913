"""The face: a model in memory."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

import embedtrack
from embedtrack import Model, Options, checkpoint
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.challenge.layout import read_labels
from embedtrack.config import ModelConfig
from embedtrack.inference.model_choice import Fit
from embedtrack.inference.track import track
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.movies.movie import Movie
from embedtrack.movies.selection import Choice
from embedtrack.types import Track
from tests.drawings import Toy, dividing, write_movie

ONE = Options(views=1, device="cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """An untrained network that says something."""
    torch.manual_seed(0)
    network = BranchedERFNet()
    network.start_at(6, 1 / 255)
    torch.nn.init.normal_(network.seediness[-1].weight, std=0.5)
    folder = tmp_path_factory.mktemp("models") / "untrained"
    method = EmbedTrackConfig(clustering=Clustering(min_cell_size=5))
    checkpoint.save(folder, network, ModelConfig(method=method, cell_diameter=30))
    return Model.load(folder)


@pytest.fixture(scope="module")
def toy() -> Toy:
    return dividing()


def test_memory_gives_what_files_give(model: Model, toy: Toy, tmp_path: Path):
    sequence = write_movie(toy, tmp_path / "toy")
    assert model.folder is not None
    track(sequence, model.folder, tmp_path / "files_RES", ONE)
    tracked = model.track(toy.frames(), ONE)
    tracked.save(tmp_path / "memory_RES")
    for path in (tmp_path / "files_RES").iterdir():
        assert path.read_bytes() == (tmp_path / "memory_RES" / path.name).read_bytes()
    np.testing.assert_array_equal(tracked.masks[2], read_labels(tmp_path / "files_RES" / "mask002.tif"))
    opened = model.track(sequence, ONE)
    assert opened.tracks == tracked.tracks


@pytest.mark.parametrize("kind", ["list", "generator", "dask", "path", "int64"])
def test_a_movie_is_whatever_gives_frames(model: Model, toy: Toy, kind: str, tmp_path: Path):
    frames = toy.frames()
    movie: object = {
        "list": lambda: list(frames),
        "generator": lambda: (frame for frame in frames),
        "dask": lambda: pytest.importorskip("dask.array").from_array(frames, chunks=(1, 24, 64)),
        "path": lambda: str(write_movie(toy, tmp_path / "toy")),
        "int64": lambda: frames.astype(np.float32),
    }[kind]()
    expected = model.track(frames, ONE)
    found = model.track(movie, ONE)
    assert found.tracks == expected.tracks
    np.testing.assert_array_equal(np.stack(list(found.masks)), np.stack(list(expected.masks)))


def test_frames_are_asked_for_one_by_one(model: Model, toy: Toy):
    """A few are read ahead, never the whole movie."""
    asked = 0
    told: list[tuple[int, int | None]] = []

    def frames() -> Iterator[np.ndarray]:
        nonlocal asked
        for frame in np.tile(toy.frames(), (5, 1, 1)):
            asked += 1
            yield frame

    def on_frame(done: int, total: int | None) -> None:
        told.append((done, total))
        if done == 3:
            assert asked < 25
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.track(frames(), ONE, on_frame=on_frame)
    assert told == [(0, None), (1, None), (2, None), (3, None)]
    assert not [thread for thread in threading.enumerate() if thread.name == "stage"]


def test_a_frame_of_another_size_is_refused(model: Model, toy: Toy):
    """A list of frames, and one frame after the other."""
    frames = [*toy.frames()[:2], toy.frames()[2][:40, :50]]
    for movie in (frames, iter(frames)):
        with pytest.raises(ValueError, match="frame 2: expected 48 x 64 pixels as in the first one, got 40 x 50; crop"):
            model.track(movie, ONE)


def test_images_of_any_sizes(model: Model, toy: Toy):
    frame = toy.frames()[0]
    whole, part = model.segment_all([frame, frame[:40, :50]], ONE)
    assert (whole.shape, part.shape) == ((48, 64), (40, 50))
    np.testing.assert_array_equal(model.segment(frame, ONE), whole)


@pytest.mark.parametrize(
    ("movie", "message"),
    [
        (np.zeros((4, 5)), "expected a movie of the axes T, Y, X, got one image: Model.segment takes it"),
        (np.zeros((2, 3, 4, 5)), "expected a movie of the axes T, Y, X, got 4 axes; choose one channel and one plane"),
        (np.zeros((0, 4, 5)), "at least one frame, got none"),
        (iter(()), "at least one frame, got none"),
        ([np.zeros((4, 5, 3))], "frame 0: expected the axes Y, X, got 3 axes"),
        ([np.full((4, 5), np.nan)], "frame 0: expected finite grey values"),
        (np.zeros((2, 0, 5)), "frame 0: expected pixels, got an image of 0 x 5"),
        (np.ma.masked_equal(np.eye(16)[None], 1), "frame 0: expected a value for each pixel, got a masked array"),
        ("nowhere", "got nothing of this name"),
    ],
)
def test_what_is_no_movie(model: Model, movie: object, message: str):
    with pytest.raises(ValueError, match=message):
        model.track(movie, ONE)


def test_a_model_that_is_not_there(tmp_path: Path):
    with pytest.raises(ValueError, match="or the name of one in"):
        Model.load(tmp_path / "none")
    with pytest.raises(ValueError, match="expected the movie that the model has to fit"):
        Model.load("auto")


@pytest.mark.parametrize("kind", ["array", "list", "path"])
def test_a_model_is_chosen_for_whatever_is_a_movie(
    model: Model, toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
):
    movies = {"array": toy.frames(), "list": list(toy.frames()), "path": write_movie(toy, tmp_path / "toy")}

    def chosen(movie: Movie) -> Fit:
        np.testing.assert_array_equal(movie.frames[2], toy.frames()[2])
        assert (len(movie), movie.shape) == (len(toy.labels), toy.labels[0].shape)
        assert model.folder
        return Fit(model.folder, 0.9, "it fits", True)

    monkeypatch.setattr("embedtrack.inference.model_choice.choose", chosen)
    assert Model.load("auto", movies[kind]).folder == model.folder
    monkeypatch.setattr("embedtrack.inference.model_choice.choose", lambda movie: chosen(movie)._replace(diameter=60.0))
    learnt, brought = model.config, Model.load("auto", movies[kind]).config
    assert (brought.cell_diameter, brought.scale) == (60, learnt.scale * (learnt.cell_diameter or 0) / 60)
    with pytest.raises(ValueError, match="more than once, got a generator; make a list of them"):
        Model.load("auto", iter(toy.frames()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": 3}, "expected --views 1, 2, 4, 8, got 3"),
        ({"precision": "half"}, "expected --precision auto, float32, bfloat16, int8, got half"),
        ({"compiling": "yes"}, "expected --compile auto, off, got yes"),
        ({"border": -1}, "expected --border 0 to 65536 pixels, got -1"),
        ({"max_gap": 3}, "expected --gap 0 to 2 frames, got 3"),
        ({"max_gap": 1.5}, "expected --gap to be a whole number, got 1.5"),
        ({"border": 2.5}, "expected --border to be a whole number, got 2.5"),
        ({"border": True}, "expected --border to be a whole number, got True"),
        ({"views": True}, "expected --views 1, 2, 4, 8, got True"),
        ({"crumbs": "no"}, "expected --crumbs to be True or False, got no"),
        ({"diameter": "3"}, "expected --diameter auto, or above 0 pixels, got 3"),
    ],
)
def test_options_are_valid_or_do_not_exist(options: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        Options(**options)


def test_a_notebook_shows_them_in_a_line(model: Model, toy: Toy):
    result = embedtrack.Tracked(list(toy.labels), toy.tracks, (48, 64))
    assert repr(result) == f"<Tracked: frames {len(toy.labels)}, pixels 48 x 64, tracks {len(toy.tracks)}>"
    assert repr(replace(model, folder=None, config=ModelConfig(cell_diameter=26))) == (
        "<Model in memory: embedtrack, cells of 26 pixels>"
    )


def test_a_result_as_graph_and_table(toy: Toy):
    result = embedtrack.Tracked(list(toy.labels), toy.tracks, (48, 64))
    assert sorted(result.graph.successors((2, 1))) == [(3, 2), (3, 3)]
    assert result.graph.nodes[3, 2] == {"t": 3, "label": 2}
    assert list(result.measure()["area"][:3]) == [(toy.labels[0] == 1).sum()] * 3
    assert "mean_intensity" in result.measure(raw=toy.frames()).columns


def test_grey_values_are_those_of_the_frames_that_were_tracked(toy: Toy, tmp_path: Path):
    (tmp_path / "later").mkdir()
    for number, path in enumerate(sorted(write_movie(toy, tmp_path).iterdir()), start=5):
        shutil.copy(path, tmp_path / "later" / f"t{number:03d}.tif")
    result = embedtrack.Tracked(list(toy.labels), toy.tracks, (48, 64), first=5)
    expected = result.measure(raw=toy.frames())["mean_intensity"]
    assert result.measure(raw=tmp_path / "later")["mean_intensity"].equals(expected)
    wrong = "expected the movie of the result, "
    with pytest.raises(ValueError, match=wrong + "frames 5 to 10 of 48 x 64, got 0 to 5"):
        result.measure(raw=tmp_path / "01")
    with pytest.raises(ValueError, match=wrong + "6 frames of 48 x 64, got 7 of 48 x 64"):
        result.measure(raw=[*toy.frames(), toy.frames()[0]])
    with pytest.raises(ValueError, match=wrong + "6 frames of 48 x 64, got 6 of 48 x 60"):
        result.export("trackmate", tmp_path / "out", toy.frames()[..., :60])
    assert not (tmp_path / "out").exists()


def test_a_result_s_own_channel_is_measured(toy: Toy, tmp_path: Path):
    both = np.stack([toy.frames(), 2 * toy.frames()], axis=1)
    tifffile.imwrite(tmp_path / "two.ome.tif", both, metadata={"axes": "TCYX"})
    shown = embedtrack.Tracked(list(toy.labels), toy.tracks, (48, 64), movie=Choice(channel="2"))
    assert shown.measure(raw=tmp_path / "two.ome.tif")["mean_intensity"].equals(
        shown.measure(raw=2 * toy.frames())["mean_intensity"]
    )


def test_the_package_is_imported_without_what_is_heavy():
    code = "import sys, embedtrack.__main__; sys.exit(any(name in sys.modules for name in ('torch', 'cv2')))"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = embedtrack.nothing


def test_a_thousand_frames_and_more_are_saved(tmp_path: Path):
    """Four digits are needed then, whoever made the result."""
    masks = [np.ones((1, 1), np.int32)] * 1001
    tracked = embedtrack.Tracked(masks, [Track(1, 0, 1000, 0)], (1, 1))
    assert (tracked.digits, tracked.spell(7)) == (4, "0007")
    tracked.save(tmp_path / "RES")
    assert (tmp_path / "RES" / "mask1000.tif").exists()
    assert embedtrack.Tracked([], [], (1, 1)).digits == 3
