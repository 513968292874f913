import os
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.links import Views, link
from benchmarks.plain import plain_cluster, plain_links, plain_maps
from benchmarks.plain_tracks import linked, tra
from benchmarks.plot import Line, Panel, draw
from benchmarks.speed import by_cores, default_way, exponent, gold_of, operations, rate, ways
from benchmarks.speed_report import plot, section, table
from embedtrack.config import ModelConfig
from embedtrack.inference.tiles import plan
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.predict import Predictor, Prepared
from embedtrack.model import Model
from tests.drawings import ALL, STEP, Toy, moving, perfect_maps, write_movie


def test_in_a_single_crop_the_plain_method_predicts_what_ours_does(network: BranchedERFNet):
    """Eight views of a pair at once and apart, frame by frame; vectors and axes are turned back by another code."""
    frames = np.random.default_rng(0).normal(0, 1, (2, 256, 256)).astype(np.float32)
    predictor, views = (
        Predictor(Prepared(network), plan((256, 256), 256)),
        Views(Model(network, ModelConfig()), "float32"),
    )
    ours, apart = [(predictor(frame), views(frame)) for frame in frames][-1]
    shift = np.mean([maps.shift for maps in apart.values()], axis=0)  # the plain method's is that of all views
    for found, plain in zip(ours._replace(shift=shift), plain_maps(network, frames[1], frames[0]), strict=True):
        np.testing.assert_allclose(found, plain, atol=1e-5)


def test_crops_cover_frames_of_any_size(network: BranchedERFNet):
    """One side is smaller than a crop, the other one a pixel larger."""
    maps = plain_maps(network, *np.zeros((2, 40, 257), np.float32))
    assert maps.seediness.shape == (40, 257)
    assert np.isfinite(maps.offset).all()


@pytest.mark.parametrize("toy", [draw() for draw in ALL], ids=[draw.__name__ for draw in ALL])
def test_it_finds_the_same_cells_and_links(toy: Toy):
    before = np.zeros_like(toy.labels[0])
    old = before
    settings = Clustering(min_cell_size=5)
    for labels in toy.labels:
        maps = perfect_maps(labels, before, {track.label: track.parent for track in toy.tracks})
        ours, plain = cluster(maps, settings, STEP), plain_cluster(maps, settings, STEP)
        assert len(np.unique(plain)) == len(np.unique(labels))  # perfect maps: no cell more, none less
        pairs = np.unique(np.stack([ours, plain]).reshape(2, -1), axis=1).T
        assert len(pairs) == len(np.unique(ours)) == len(np.unique(plain))  # one to one, background to background
        assert [0, 0] in pairs.tolist()
        assert plain_links(ours, maps.shift, old, STEP) == link(ours, maps.shift, old, STEP)
        before, old = labels, ours


def test_growth_is_the_slope_of_logarithms():
    assert exponent({10: 5.0, 100: 50.0, 1000: 500.0}) == pytest.approx(1)
    assert exponent({256: 2.0, 512: 8.0}) == pytest.approx(2)


def test_operations_grow_with_pixels_and_shrink_with_the_scale(network: BranchedERFNet):
    whole = operations(Model(network, ModelConfig()), (256, 256), 1)
    assert whole == pytest.approx(9.2e9, rel=0.02)
    assert operations(Model(network, ModelConfig()), (256, 256), 8) == pytest.approx(8 * whole - 7 * 1.4e9, rel=0.02)
    assert operations(Model(network, ModelConfig()), (512, 256), 1) == 2 * whole
    assert operations(Model(network, ModelConfig(scale=0.5)), (512, 512), 1) == whole
    assert rate(torch.device("cpu"), torch.float32) > 1e8


def test_a_plot_holds_its_lines(tmp_path: Path):
    panels = [Panel([Line("a", {1.0: 2.0, 10.0: 30.0})], "x", "y"), Panel([Line("b", {1.0: 2.0})], "x", "y")]
    draw(tmp_path / "docs" / "plot.svg", panels)
    text = (tmp_path / "docs" / "plot.svg").read_text()
    assert text.count("<circle") == 3
    assert ">a</text>" in text
    assert ">b</text>" in text


def test_cores_are_given_back(network: BranchedERFNet, tmp_path: Path):
    write_movie(moving(), tmp_path / "film")
    paths, before = sorted((tmp_path / "film/01").glob("*.tif"))[:3], os.sched_getaffinity(0)
    found = by_cores(Model(network, ModelConfig()), paths, 1, "float32", tmp_path / "mask.tif", 1)
    assert min(found) == 1
    assert max(found) == len(before)
    assert min(found.values()) > 0
    assert os.sched_getaffinity(0) == before


def test_table_and_section_hold_what_was_measured(tmp_path: Path):
    known = ways(Model(BranchedERFNet(), ModelConfig()))
    found = {
        "movie": "toy/01", "shape": (690, 628), "scale": 1.0, "device": "cpu", "threads": 2,
        "seconds": {"plain": 30.0} | dict.fromkeys(known, 2.0),
        "spread": {name: [1.5, 2.5] for name in ("plain", *known)},
        "attainable": dict.fromkeys(known, 1.6), "ratio_network": dict.fromkeys(known, 1.1),
        "stages": {name: {"network": 1.8, "link": 0.005} for name in known},
        "agreement": {"plain": 0.9, "bfloat16": 0.99}, "seg": {"plain": 0.875, "float32, 8 views": 0.885},
        "tra": {"plain": 0.9}, "default": "float32, 8 views", "peak_bytes_plain": 2000 * 2**20,
        "seconds_by_size": {256: 0.1, 512: 0.4}, "growth_with_pixels": 1.0,
        "seconds_by_cells": {10: {"cluster": 0.02, "link": 0.004}, 1000: {"cluster": 0.04, "link": 0.007}},
        "seconds_by_cores": {1: 3.0, 2: 1.75},
        "growth_with_cells": {"cluster": 0.1, "link": 0.1}, "peak_bytes_one_view": 500 * 2**20,
    }  # fmt: skip
    text = section(found, "docs/speed.svg")
    assert "| plain | 30.000 | 1.500 to 2.500 | 1.0 |  |  | 0.875 | 0.900 |" in text
    assert "| float32, 8 views (default) | 2.000 | 1.500 to 2.500 | 15.0 | 1.10 | 1.25 | 0.885 |  |" in text
    assert "clustering 40 ms, linking and lineage 7 ms" in text
    assert "On 1 core the default takes 3.00 s. On 2 cores the default takes 1.75 s. Peak" in text
    assert "500 MB (one view), plain 2000 MB" in text
    assert "](docs/speed.svg)" in text
    assert [len(part.rows) for part in table(found)] == [1 + len(known), 2, 2, 2, 2]
    plot(found, tmp_path / "speed.svg")
    assert (tmp_path / "speed.svg").read_text().count("<circle") == 6


def test_plain_tracks_follow_votes(tmp_path: Path):
    """A cell goes on, one divides, one is voted for by three, one has no past."""
    first, second = (np.arange(n + 1, dtype=np.int32)[None].repeat(2, 0) for n in (3, 7))
    frames, parents = linked([(first, {}), (second, {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 3})])
    assert frames[1][0].tolist() == [0, 1, 4, 5, 6, 7, 8, 9]
    assert parents == {1: 0, 2: 0, 3: 0, 4: 2, 5: 2, 6: 0, 7: 0, 8: 0, 9: 0}


def test_tra_of_a_movie_in_memory(tmp_path: Path):
    toy = moving()
    folder = write_movie(toy, tmp_path / "toy")
    parents = {line.label: line.parent for line in toy.tracks}
    digits = len(next(folder.glob("t*.tif")).stem) - 1
    assert tra(folder.with_name("01_GT"), 0, digits, toy.labels[:3], parents) == 1


def test_the_default_is_one_of_the_ways(network: BranchedERFNet):
    assert default_way(Model(network, ModelConfig())) == ("float32", 4)
    swift = Model(network, ModelConfig(precision="auto", views=2, ranges={"encoder.2": (1.0, 1.0, 1.0, 1.0)}))
    assert default_way(swift) in ways(swift).values()
    assert default_way(Model(network, ModelConfig(views=1))) == ("float32", 1)


def test_truth_is_found_beside_a_movie(tmp_path: Path):
    toy = moving()
    paths = sorted(write_movie(toy, tmp_path / "toy").glob("*.tif"))[:3]
    gold = gold_of(paths)
    assert gold.keys() == {0, 1, 2}
    np.testing.assert_array_equal(gold[2], toy.labels[2])
    (tmp_path / "toy" / "01_GT").rename(tmp_path / "toy" / "away")
    assert gold_of(paths) == {}
