import threading
from typing import Any

import numpy as np
import pytest
import torch

from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.settled import settled
from embedtrack.inference.symmetry import SYMMETRIES
from embedtrack.machine import device
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.predict import Predictor, Prepared
from embedtrack.model import Model
from embedtrack.options import Options

CPU = torch.device("cpu")
WITH = ModelConfig(precision="auto", ranges={"encoder.2": (1, 1, 1, 1)})


@pytest.mark.parametrize(
    ("floats", "integers", "config", "expected"),
    [
        ("bfloat16", True, WITH, "bfloat16"),
        ("float32", True, WITH, "int8"),
        ("float32", True, ModelConfig(), "float32"),
        ("float32", False, WITH, "float32"),
    ],
)
def test_what_auto_means(
    monkeypatch: pytest.MonkeyPatch, floats: str, integers: bool, config: ModelConfig, expected: str
):
    monkeypatch.setattr(device, "fast_precision", lambda where: floats)
    monkeypatch.setattr(device, "has_int8", lambda where: integers)
    assert settled(Options(precision="auto"), config, CPU).precision == expected


def test_the_model_says_what_is_taken_where_nobody_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device, "has_int8", lambda where: True)
    assert settled(Options(precision="int8"), WITH, CPU).precision == "int8"
    assert settled(Options(precision="float32"), WITH, CPU).precision == "float32"
    assert settled(Options(), WITH, CPU).precision == settled(Options(precision="auto"), WITH, CPU).precision
    assert settled(Options(), ModelConfig(ranges=WITH.ranges), CPU).precision == "float32"


def test_int8_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="with this model, got int8: it has no ranges for it"):
        settled(Options(precision="int8"), ModelConfig(), CPU)
    with pytest.raises(ValueError, match="on this cuda, got int8, for which torch wants a processor with AVX2"):
        settled(Options(precision="int8"), WITH, torch.device("cuda"))
    monkeypatch.setattr(device, "has_int8", lambda where: False)
    with pytest.raises(ValueError, match="on this cpu, got int8"):
        settled(Options(precision="int8"), WITH, CPU)


@pytest.mark.parametrize("shape", [(1, 1), (1, 12), (9, 1)])
def test_a_side_of_one_pixel_is_seen_in_views(network: BranchedERFNet, shape: tuple[int, int]):
    image = np.full(shape, 7, np.uint16)
    whole, single = Segmenter(Model(network, ModelConfig()), Options(device="cpu")).in_views(image, SYMMETRIES)
    assert {one.labels.shape for one in (whole, *single)} == {shape}


def test_images_share_a_network_that_is_prepared_once(network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch):
    """No image knows of the one before, equal in size or not, and its origins are those of a first frame."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 4000, shape).astype(np.uint16) for shape in ((40, 56), (40, 56), (33, 70), (40, 56))]
    model, options = Model(network, ModelConfig()), Options(views=1, device="cpu")
    expected = [Segmenter(model, options).image(image) for image in images]
    made = list[Prepared]()

    def counted(*args: Any) -> Prepared:
        made.append(Prepared(*args))
        return made[-1]

    monkeypatch.setattr("embedtrack.methods.embedtrack.movie.Prepared", counted)
    segmenter = Segmenter(model, options)
    for image, cells in zip(images, expected, strict=True):
        for found, right in zip(segmenter.image(image), cells, strict=True):
            np.testing.assert_array_equal(found, right)
    assert len(made) == 1
    segmenter.model = Model(network, ModelConfig(scale=0.5))
    assert segmenter.image(images[0]).labels.shape == (40, 56)
    assert len(made) == 2


def test_a_movie_seen_side_by_side_has_the_bytes_of_one_that_is_not(
    network: BranchedERFNet, four_threads: None, monkeypatch: pytest.MonkeyPatch
):
    """Frames of a sequence, on threads; those that arrive one by one are seen one by one, as ``watch`` does."""
    movie = list(np.random.default_rng(1).integers(0, 4000, (7, 40, 56)).astype(np.uint16))
    threads, together = list[int](), threading.Barrier(2, timeout=60)
    look = Predictor._launch

    def counted(*args: Any, aside: bool = False) -> Any:
        threads.append(torch.get_num_threads())
        if aside:
            together.wait()  # two at least are at work
        return look(*args, aside=aside)

    monkeypatch.setattr(Predictor, "_launch", counted)
    segmenter = Segmenter(Model(network, ModelConfig(tile=256)), Options(views=2, device="cpu"))
    beside = list(segmenter.movie(movie))
    assert threads == [4] + 6 * [1]
    alone = list(segmenter.movie(iter(movie)))
    assert threads[7:] == 7 * [4]
    for one, other in zip(beside, alone, strict=True):
        for found, right in zip(one.cells, other.cells, strict=True):
            np.testing.assert_array_equal(found, right)
        for name, kept in other.state().items():
            np.testing.assert_array_equal(one.state()[name], kept)


@pytest.mark.usefixtures("four_threads")
def test_as_many_frames_side_by_side_as_memory_has_room_for(network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch):
    predictor = Segmenter(Model(network, ModelConfig(tile=512)), Options(device="cpu")).predictor()
    assert predictor.side_by_side((512, 512)) == 4
    monkeypatch.setattr("embedtrack.machine.workers.memory", lambda device: 10**9)
    assert predictor.side_by_side((512, 512)) == 2  # 250 MB for 119 MB each
    monkeypatch.setattr("embedtrack.machine.workers.memory", lambda device: 10**8)
    assert predictor.side_by_side((512, 512)) == 1
