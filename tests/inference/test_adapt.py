from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label

from embedtrack import checkpoint
from embedtrack.challenge.aogm import quality
from embedtrack.challenge.convention import job
from embedtrack.challenge.layout import read_frame
from embedtrack.config import ModelConfig
from embedtrack.inference import adapt as adapting
from embedtrack.inference.adapt import adapt, at_diameter, find_diameter, middle
from embedtrack.inference.symmetry import Symmetry
from embedtrack.inference.track import prepare
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.model import Model
from embedtrack.movies.settings import Normalisation
from embedtrack.options import Options
from embedtrack.types import Cells
from tests.drawings import draw, seen

SPECIAL = ModelConfig(
    method=EmbedTrackConfig(clustering=Clustering(min_cell_size=90)), cell_diameter=48, scale=2.0,
    normalisation=Normalisation(method="asinh"),
)  # fmt: skip
ALL_CELLS = ModelConfig(method=EmbedTrackConfig(clustering=Clustering(min_cell_size=90)), working_diameter=30)
LABELS = draw((200, 260), {1: ((50, 60), 30), 2: ((120, 180), 30), 3: ((150, 60), 30)})
IMAGE = np.where(LABELS > 0, 900, 100).astype(np.uint16) + np.arange(260, dtype=np.uint16) % 7


def test_sizes_follow_the_diameter():
    config = at_diameter(ALL_CELLS, 60, [IMAGE])
    assert (config.scale, config.cell_diameter, config.working_diameter) == (0.5, 60, None)
    assert config.method.clustering.min_cell_size == 360
    assert config.normalisation.method == "asinh"  # bright on dark
    assert config.normalisation.noise == ALL_CELLS.normalisation.noise  # as it was trained
    assert at_diameter(ALL_CELLS, 60, [1000 - IMAGE]).normalisation.method == "percentile"
    assert at_diameter(ALL_CELLS, 2, [IMAGE]).scale == 4


def test_a_model_of_one_data_set_stays_as_it_is_unless_a_diameter_is_said(network: BranchedERFNet):
    model = Model(network, SPECIAL)
    assert adapt(model, [IMAGE], Options()) is model
    assert at_diameter(SPECIAL, 48, []) == SPECIAL
    larger = adapt(model, [], Options(diameter=96)).config  # no frame is needed
    assert (larger.scale, larger.cell_diameter, larger.normalisation) == (1, 96, SPECIAL.normalisation)
    assert larger.method.clustering.min_cell_size == 360
    assert at_diameter(larger, 48, []) == SPECIAL
    assert at_diameter(SPECIAL, 1, []).scale == 4
    for size in (5, 2000):  # sizes that no scale comes near
        with pytest.raises(ValueError, match=f"--diameter 16 to 1152 pixels .* learnt cells of 48, got {size};"):
            adapt(model, [], Options(diameter=size))
    with pytest.raises(ValueError, match="expected --diameter with a model that says how large"):
        adapt(Model(network, ModelConfig()), [IMAGE], Options(diameter=20))
    with pytest.raises(ValueError, match="--diameter auto, or above 0"):
        Options(diameter=0)


def test_a_frame_twice_as_large_is_seen_as_the_frame_itself():
    """The network sees the same working pixels, and the cells are twice as large."""
    frames, folder, _ = job("demo", "01")
    image = read_frame(frames / "t000.tif")[:256, :256]
    model = Model.load(folder)
    found = model.segment(image, Options(views=1, device="cpu"))
    twice = image.repeat(2, axis=0).repeat(2, axis=1)
    assert model.config.cell_diameter
    same = model.segment(twice, Options(views=1, device="cpu", diameter=2 * model.config.cell_diameter))
    assert found.max() > 5
    assert quality(same[::2, ::2], found) > 0.9
    alone = model.segment(twice, Options(views=1, device="cpu"))
    assert quality(alone[::2, ::2], found) < 0.8


def test_a_person_may_say_the_diameter(network: BranchedERFNet):
    model = adapt(Model(network, ALL_CELLS), [IMAGE] * 9, Options(diameter=15))
    assert (model.config.scale, model.config.cell_diameter) == (2, 15)


class Seer:
    """Sees cells of 20 to 45 working pixels, others half, and then something else in each view."""

    def __init__(self, model: Model, options: Options) -> None:
        self.scale = model.config.scale

    def in_views(self, image: np.ndarray, views: Sequence[Symmetry]) -> tuple[Cells, list[Cells]]:
        labels = label(image > 500)[0].astype(np.int32)
        right = 20 < 60 * self.scale < 45
        other = labels if right else np.roll(labels, 40, axis=1)
        whole, *single = (seen(one, np.zeros((2, *one.shape), np.float32)) for one in (labels, labels, other))
        return whole, single


def test_the_diameter_is_found(network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adapting, "Segmenter", Seer)
    model = Model(network, ALL_CELLS)
    assert find_diameter(model, [IMAGE, IMAGE], Options()).diameter == pytest.approx(60, abs=1)
    assert find_diameter(model, [np.zeros_like(IMAGE)], Options()) == (0, 30)  # nothing: taken as it is
    assert adapt(model, [IMAGE], Options()).config.scale == pytest.approx(0.5, abs=0.01)
    special = Model(network, ModelConfig(cell_diameter=30))
    assert adapt(special, [IMAGE], Options(diameter="auto")).config.cell_diameter == pytest.approx(60, abs=1)
    alike = Model(network, ModelConfig(cell_diameter=57, scale=0.5))
    assert adapt(alike, [IMAGE], Options(diameter="auto")).config == alike.config  # no pixel is mixed for so little


def test_fragments_of_the_very_size_do_not_beat_cells_between_two_steps(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch
):
    """At one scale it finds cells of 60 pixels, of which 68 would be right, then cores of 48 as is right."""
    cores = draw((200, 260), {1: ((50, 60), 24), 2: ((120, 180), 24), 3: ((150, 60), 24)})

    class Between(Seer):
        def in_views(self, image: np.ndarray, views: Sequence[Symmetry]) -> tuple[Cells, list[Cells]]:
            labels = {0.5: LABELS, 0.7: cores}.get(round(self.scale, 2), np.zeros_like(LABELS))
            other = np.roll(labels, round(self.scale > 0.6), axis=1)  # cores are not quite the same in both views
            whole, *single = (seen(one, np.zeros((2, *one.shape), np.float32)) for one in (labels, labels, other))
            return whole, single

    monkeypatch.setattr(adapting, "Segmenter", Between)
    model = Model(network, ModelConfig(cell_diameter=34))
    assert find_diameter(model, [IMAGE], Options()).diameter == pytest.approx(60, abs=1)


def test_texture_is_no_cell(network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch):
    """Grains of seven pixels, found alike in both views, are not what a model is brought to."""
    grains = draw((200, 260), {1: ((50, 60), 3.5), 2: ((120, 180), 3.5)})

    class Enlarging(Seer):
        def in_views(self, image: np.ndarray, views: Sequence[Symmetry]) -> tuple[Cells, list[Cells]]:
            whole, *single = (seen(one, np.zeros((2, *one.shape), np.float32)) for one in (grains, grains, grains))
            return whole, single

    monkeypatch.setattr(adapting, "Segmenter", Enlarging)
    assert find_diameter(Model(network, ModelConfig(cell_diameter=20)), [IMAGE], Options()).diameter == 20


def test_what_is_wider_than_half_of_the_frame_is_ground(network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adapting, "Segmenter", Seer)
    monkeypatch.setattr(adapting, "HALF", 0.25)
    assert find_diameter(Model(network, ModelConfig(cell_diameter=30)), [IMAGE], Options()).diameter < 50


def test_frames_that_leave_doubt_are_not_the_last_ones(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(adapting, "Segmenter", Seer)
    model, found = Model(network, ModelConfig(cell_diameter=30)), Options(diameter="auto")
    blank = np.zeros_like(IMAGE)
    with caplog.at_level("INFO"):
        config = adapt(model, [IMAGE, blank, IMAGE], found).config
    assert config.cell_diameter == pytest.approx(60, abs=1)
    assert caplog.messages == ["model: cells of 60 pixels, which it found, seen at 0.50 of their size"]
    caplog.clear()
    assert adapt(model, [blank] * 3, found).config.cell_diameter == 30
    assert "finds no cells of any size" in caplog.text
    assert caplog.records[-1].levelname == "WARNING"
    monkeypatch.setattr(adapting, "DOUBTFUL", 1.1)
    adapt(model, [IMAGE] * 3, found)
    assert caplog.messages[-1].startswith("model: the diameter is not sure (score 1.00)")


def test_small_parts():
    assert middle(IMAGE, 100).shape == (100, 100)
    assert middle(IMAGE, 220).shape == (200, 220)


def test_a_recording_needs_a_model_with_a_scale(network: BranchedERFNet, tmp_path: Path):
    checkpoint.save(tmp_path / "model", network, ALL_CELLS)
    with pytest.raises(ValueError, match="known before the first frame is there: a model of one data set"):
        prepare(tmp_path, tmp_path / "model", Options(device="cpu"))
    checkpoint.save(tmp_path / "one", network, SPECIAL)
    with pytest.raises(ValueError, match=r"with --diameter PIXELS where .* got .*one and auto"):
        prepare(tmp_path, tmp_path / "one", Options(device="cpu", diameter="auto"))
    segmenter, _ = prepare(tmp_path, tmp_path / "one", Options(device="cpu", diameter=96))
    assert segmenter.model.config.scale == 1
