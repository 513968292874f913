"""From each format to each other and back: masks, links, divisions and gaps stay."""

import os
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge.tracked import open_tracked, require_valid
from embedtrack.exchange.formats import FORMATS, export, load, recognise
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from tests.drawings import ALL
from tests.exchange.hard import bare, hard, same

ROOT = Path(__file__).parents[2]
NEEDS = {"geff": ("geff", "zarr"), "ome-zarr": ("zarr",)}


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest):
    for value in getattr(request.node, "callspec", None).params.values() if hasattr(request.node, "callspec") else ():
        for package in NEEDS.get(value, ()) if isinstance(value, str) else ():
            pytest.importorskip(package)


def test_the_hard_case_is_valid():
    require_valid(hard(), "hard")


@pytest.mark.parametrize(("first", "second"), list(permutations(FORMATS, 2)))
def test_there_and_on_and_back(tmp_path: Path, first: str, second: str):
    export(hard(), first, tmp_path / "a")
    export(load(tmp_path / "a"), second, tmp_path / "b")
    assert same(load(tmp_path / "b"), hard())


@pytest.mark.parametrize("kind", FORMATS)
def test_the_demo_comes_back(tmp_path: Path, kind: str):
    demo = open_tracked(ROOT / "demo" / "01_GT")
    export(demo, kind, tmp_path / "out")
    assert same(load(tmp_path / "out"), demo)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("toy", ALL, ids=lambda toy: toy.__name__)
def test_drawn_movies_come_back(tmp_path: Path, kind: str, toy):
    labels, tracks = toy()
    height, width = labels.shape[1:]
    drawn = Tracked(list(labels), tracks, (height, width))
    export(drawn, kind, tmp_path / "out")
    assert same(load(tmp_path / "out"), drawn)


@pytest.mark.filterwarnings("ignore:Object at .* is not recognized as a component:UserWarning")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_movie_without_cells_comes_back(tmp_path: Path, kind: str):
    export(bare(), kind, tmp_path / "out")
    assert same(load(tmp_path / "out"), bare())


@pytest.mark.parametrize("kind", FORMATS)
def test_units_come_back(tmp_path: Path, kind: str):
    export(hard(Units(0.645, 300)), kind, tmp_path / "out")
    assert load(tmp_path / "out").units == pytest.approx((0.645, 300))
    assert same(load(tmp_path / "out"), hard())
    export(hard(), kind, tmp_path / "out")
    assert load(tmp_path / "out").units == (None, None)


@pytest.mark.parametrize("kind", ["geff", "napari", "ome-zarr", "isbi"])
def test_frame_numbers_come_back(tmp_path: Path, kind: str):
    export(hard(first=7, digits=4), kind, tmp_path / "out")
    assert same(load(tmp_path / "out"), hard(first=7, digits=4))


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_are_recognised_and_replace_only_their_own(tmp_path: Path, kind: str):
    for _ in range(2):
        export(hard(), kind, tmp_path / "out")
    assert recognise(tmp_path / "out") == kind
    assert os.listdir(tmp_path) == ["out"]
    (tmp_path / "out" / "thesis.doc").touch()
    with pytest.raises(ValueError, match=r"thesis\.doc"):
        export(hard(), kind, tmp_path / "out")


@pytest.mark.parametrize("kind", ["geff", "trackmate", "napari", "ome-zarr"])
def test_what_fails_leaves_nothing(tmp_path: Path, kind: str):
    class Broken(list):
        def __iter__(self):
            yield self[0]
            raise ValueError("damaged frame")

    with pytest.raises(ValueError, match="damaged frame"):
        export(replace(hard(), masks=Broken(hard().masks)), kind, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_unknown_formats_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="expected --to geff, trackmate, napari, ome-zarr, isbi, got xls"):
        export(hard(), "xls", tmp_path / "out")
    with pytest.raises(ValueError, match="got nothing of this name"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="expected --from"):
        load(tmp_path, "xls")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="got nothing of these"):
        load(tmp_path)


@pytest.mark.parametrize(("kind", "package"), [("geff", "geff"), ("geff", "zarr"), ("ome-zarr", "zarr")])
def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ValueError, match=rf"expected the package {package}, got none; .*pip install '\.\[exchange\]'"):
        export(hard(), kind, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_the_movie_goes_along(tmp_path: Path):
    zarr = pytest.importorskip("zarr")
    tifffile = pytest.importorskip("tifffile")
    raw = [np.full((60, 80), 30 * t, np.uint8) for t in range(8)]
    export(hard(), "ome-zarr", tmp_path / "zarr", raw)
    assert np.array_equal(zarr.open_array(tmp_path / "zarr" / "0", mode="r")[:], raw)
    export(hard(), "trackmate", tmp_path / "trackmate", raw)
    with tifffile.TiffFile(tmp_path / "trackmate" / "movie.tif") as file:
        assert file.is_imagej
        assert file.series[0].axes == "TCYX"
        assert np.array_equal(file.asarray()[:, 0], raw)
    for kind in ("zarr", "trackmate"):
        assert same(load(tmp_path / kind), hard())
    export(hard(), "trackmate", tmp_path / "float", [image.astype(np.float32) / 7 for image in raw])
    assert same(load(tmp_path / "float"), hard())
