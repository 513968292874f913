from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.plain import plain_cluster, plain_links, plain_maps
from benchmarks.plot import Line, draw
from benchmarks.speed import exponent, operations, rate
from embedtrack.checkpoint import Model
from embedtrack.config import Clustering, ModelConfig
from embedtrack.data.tiles import plan
from embedtrack.instances.cluster import cluster
from embedtrack.networks.branched import BranchedERFNet
from embedtrack.networks.predict import Predictor
from embedtrack.tracks.link import link
from tests.drawings import ALL, STEP, Toy, perfect_maps


@pytest.fixture
def network() -> BranchedERFNet:
    torch.manual_seed(0)
    network = BranchedERFNet()
    for part in (network.segmentation, network.seediness, network.tracking):
        nn.init.normal_(part[-1].weight, std=0.1)
    return network.eval()


def test_in_a_single_crop_the_plain_method_predicts_what_ours_does(network: BranchedERFNet):
    """Eight views of a pair at once and apart, frame by frame; vectors and axes are turned back by another code."""
    frames = np.random.default_rng(0).normal(0, 1, (2, 256, 256)).astype(np.float32)
    predictor = Predictor(network, plan((256, 256), 256))
    predictor(frames[0])
    for ours, plain in zip(predictor(frames[1]), plain_maps(network, frames[1], frames[0]), strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 300), (257, 256)])
def test_crops_cover_frames_of_any_size(shape: tuple[int, int], network: BranchedERFNet):
    maps = plain_maps(network, *np.zeros((2, *shape), np.float32))
    assert maps.seediness.shape == shape
    assert np.isfinite(maps.offset).all()


@pytest.mark.parametrize("toy", [draw() for draw in ALL], ids=[draw.__name__ for draw in ALL])
def test_it_finds_the_same_cells_and_links(toy: Toy):
    before = np.zeros_like(toy.labels[0])
    old = before
    settings = Clustering(min_cell_size=5)
    for labels in toy.labels:
        maps = perfect_maps(labels, before, {track.label: track.parent for track in toy.tracks})
        ours, plain = cluster(maps, settings, STEP), plain_cluster(maps, settings, STEP)
        assert len(np.unique(np.stack([ours, plain]).reshape(2, -1), axis=1).T) == len(np.unique(ours))  # one to one
        assert plain_links(ours, maps.shift, old, STEP) == link(ours, maps.shift, old, STEP)
        before, old = labels, ours


def test_growth_is_the_slope_of_logarithms():
    assert exponent({10: 5.0, 100: 50.0, 1000: 500.0}) == pytest.approx(1)
    assert exponent({256: 2.0, 512: 8.0}) == pytest.approx(2)


def test_operations_grow_with_pixels_and_shrink_with_the_scale(network: BranchedERFNet):
    whole = operations(Model(network, ModelConfig()), (256, 256))
    assert whole == pytest.approx(9.2e9, rel=0.02)
    assert operations(Model(network, ModelConfig()), (512, 256)) == 2 * whole
    assert operations(Model(network, ModelConfig(scale=0.5)), (512, 512)) == whole
    assert rate(torch.device("cpu"), torch.float32) > 1e8


def test_a_plot_holds_its_lines(tmp_path: Path):
    draw(tmp_path / "docs" / "plot.svg", [Line("a", {1.0: 2.0, 10.0: 30.0})], across="x", up="y")
    text = (tmp_path / "docs" / "plot.svg").read_text()
    assert text.count("<circle") == 2
    assert ">a</text>" in text
