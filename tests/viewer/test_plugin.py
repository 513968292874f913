"""What the manifest offers to napari."""

import importlib.util
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embedtrack.challenge.check import check
from embedtrack.challenge.convention import REPOSITORY, models
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.exchange.graph import links_of
from embedtrack.model import Model
from embedtrack.options import Options
from embedtrack.tracked import Tracked
from embedtrack.viewer import segment
from embedtrack.viewer.plugin import reader, writer
from tests.drawings import dividing, write_movie
from tests.exchange.hard import bare, hard, pixels

MANIFEST = REPOSITORY / "embedtrack" / "napari.yaml"
needs_napari = pytest.mark.skipif(
    importlib.util.find_spec("napari") is None, reason="needs the extra: pip install '.[napari]'"
)
pytestmark = pytest.mark.filterwarnings("default")


def read(folder: Path) -> list[Any]:
    found = reader(str(folder))
    assert found is not None
    return found(str(folder))


@pytest.mark.parametrize("movie", [hard(first=7, digits=4), bare()], ids=["hard", "bare"])
def test_what_is_read_is_written_again(movie, tmp_path):
    write_tracked(movie, tmp_path / "01_RES")
    layers = read(tmp_path / "01_RES")
    assert writer(str(tmp_path / "again"), layers) == [str(tmp_path / "again")]
    again = open_tracked(tmp_path / "again")
    assert (again.first, again.digits) == (movie.first, movie.digits)
    assert np.array_equal(pixels(again), pixels(movie))
    assert links_of(again.tracks) == links_of(movie.tracks)


def test_truth_is_read_and_other_folders_are_left_to_others(tmp_path):
    sequence = write_movie(dividing(), tmp_path)
    assert [layer[2] for layer in read(tmp_path / "01_GT")] == ["labels", "tracks"]
    assert reader(str(tmp_path)) is None
    assert reader(str(sequence / "t000.tif")) is None
    assert reader([str(sequence), str(sequence)]) is None


def test_masks_without_tracks_are_one_track_a_label(tmp_path):
    toy = dividing()
    writer(str(tmp_path / "out"), [(toy.labels, {}, "labels")])
    assert check(tmp_path / "out") == []
    assert len(open_tracked(tmp_path / "out").tracks) == 3


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ValueError, match="got 2 axes"):
        writer(str(tmp_path / "out"), [(np.zeros((4, 4), int), {}, "labels")])
    rows = np.array([[1, 0, 1, 1], [2, 0, 3, 3], [3, 1, 2, 2]], float)
    layers = [(np.zeros((2, 5, 5), int), {}, "labels"), (rows, {"graph": {3: [1, 2]}}, "tracks")]
    with pytest.raises(ValueError, match="no merging"):
        writer(str(tmp_path / "out"), layers)


@needs_napari
def test_the_movie_is_read_frame_by_frame(tmp_path):
    toy = dividing()
    [(data, options, kind)] = read(write_movie(toy, tmp_path))
    assert (kind, options["name"], data.shape) == ("image", "01", toy.labels.shape)
    assert np.array_equal(np.asarray(data[2]), toy.frames()[2])


@needs_napari
def test_the_manifest_is_valid():
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert len(manifest.contributions.readers) == len(manifest.contributions.writers) == 1
    assert [widget.display_name for widget in manifest.contributions.widgets] == ["Segment and track"]


@needs_napari
def test_napari_opens_and_saves_by_the_manifest(tmp_path):
    npe2 = pytest.importorskip("npe2")
    write_tracked(hard(), tmp_path / "01_RES")
    manager = npe2.PluginManager()
    manager.register(npe2.PluginManifest.from_file(MANIFEST))
    [found] = manager.iter_compatible_readers(str(tmp_path / "01_RES"))
    assert found.command == "embedtrack.read"
    assert list(manager.iter_compatible_readers("cells.tif")) == []
    [saver] = manager.iter_compatible_writers(["labels", "tracks"])
    assert saver.command == "embedtrack.write"
    assert list(manager.iter_compatible_writers(["labels"])) == []


def test_a_movie_of_the_window_goes_through_a_model(monkeypatch, tmp_path):
    """The frames reach the model as they are, and nothing is written."""
    toy, seen = dividing(), []

    def track(model: str, frames: np.ndarray, options: Options, *, on_frame: Any) -> Tracked:
        seen.append((model, options.views, frames))
        on_frame(6, 6)
        return Tracked(list(toy.labels), toy.tracks, (48, 64))

    monkeypatch.setattr(Model, "load", lambda name: SimpleNamespace(track=partial(track, name)))
    calls: list[tuple[int, int]] = []
    layers = segment.run(toy.frames(), tmp_path, 8, lambda *now: calls.append(now), first=998)
    model, views, frames = seen[0]
    assert (model, views, calls) == (tmp_path, 8, [(6, 6)])
    np.testing.assert_array_equal(frames, toy.frames())
    assert np.array_equal(layers[0][0], toy.labels)
    assert layers[0][1]["metadata"] == {"first": 998, "digits": 4}
    with pytest.raises(ValueError, match="got 2 axes"):
        segment.run(toy.frames()[0], tmp_path, 8, lambda *now: None)


def test_the_models_at_hand():
    assert segment.shipped().keys() == {path.parent.name for path in models().glob("*/weights.safetensors")}


def wait_for(done: Any) -> None:
    """Let Qt work until something is so, for two minutes at most."""
    from qtpy.QtCore import QElapsedTimer
    from qtpy.QtWidgets import QApplication

    clock = QElapsedTimer()
    clock.start()
    while not done() and clock.elapsed() < 120_000:
        QApplication.processEvents()
    assert done()


@needs_napari
def test_the_widget_segments_shows_how_far_it_is_and_can_be_ended(viewer):
    """Two frames of the demo, by the weights that are shipped."""
    from embedtrack.challenge.layout import open_frame_folder, read_frame

    paths = open_frame_folder(REPOSITORY / "demo" / "01").paths[:2]
    viewer.add_image(np.stack([read_frame(path) for path in paths]), name="demo")
    container = segment.segment_and_track(viewer)
    viewer.window.add_dock_widget(container, name="Segment and track")
    widget = container.segmentation
    widget.model.value = "Fluo-N2DH-SIM+"
    shown = []
    show = widget._show
    widget._show = lambda done, total: (shown.append((done, total)), show(done, total))
    widget.start.native.click()
    assert not widget.start.enabled
    assert widget.cancel.enabled
    wait_for(lambda: widget.start.enabled)
    assert widget.said.value == "done"
    assert shown[-1] == (2, 2)
    assert [layer.name for layer in viewer.layers] == ["demo", "cells", "tracks"]
    assert len(np.unique(viewer.layers["cells"].data)) > 20

    widget._show = lambda done, total: widget.stop.set()
    widget.start.native.click()
    wait_for(lambda: widget.start.enabled)
    assert widget.said.value == "cancelled"
    assert len(viewer.layers) == 3


@needs_napari
def test_what_the_widget_cannot_do_it_says(viewer, tmp_path):
    container = segment.segment_and_track(viewer)
    widget = container.segmentation
    widget.start.native.click()
    assert widget.said.value == "open a movie first"
    viewer.add_image(np.zeros((2, 30, 30), np.uint8))
    viewer.window.add_dock_widget(container, name="Segment and track")
    widget.model.value, widget.folder.value = "other", tmp_path
    widget.start.native.click()
    wait_for(lambda: widget.start.enabled)
    assert widget.said.value.startswith("expected config.json and weights.safetensors")
