"""Each output before the validator of its format, or a reader of others."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge.aogm import edges
from embedtrack.exchange.formats import export
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import CONFIDENCE, Track
from tests.exchange.hard import hard, pixels

UNITS = Units(0.5, 120)
CELLS = sum(track.end - track.begin + 1 for track in hard().tracks)


def test_geff_is_valid_and_its_masks_lie_under_its_cells(tmp_path: Path):
    geff = pytest.importorskip("geff")
    import zarr
    from geff.core_io import read_to_memory
    from geff.validate.data import ValidationConfig
    from geff.validate.segmentation import (
        axes_match_seg_dims,
        has_seg_ids_at_coords,
        has_seg_ids_at_time_points,
        has_valid_seg_id,
    )

    export(hard(UNITS), "geff", tmp_path / "out")
    path = tmp_path / "out" / "tracks.geff"
    geff.validate_structure(path)
    memory = read_to_memory(path, data_validation=ValidationConfig(graph=True, lineage=True, tracklet=True))
    masks = zarr.open_array(path / memory["metadata"].related_objects[0].path, mode="r")[:]
    columns = {name: column["values"] for name, column in memory["node_props"].items()}
    coordinates = np.stack([columns[axis.name] for axis in memory["metadata"].axes], axis=1)
    assert [axis.unit for axis in memory["metadata"].axes] == ["frame", "pixel", "pixel"]
    assert [axis.scale for axis in memory["metadata"].axes] == [120, 0.5, 0.5]
    for passed, faults in (
        has_valid_seg_id(memory),
        axes_match_seg_dims(memory, masks),
        has_seg_ids_at_time_points(masks, columns["t"], columns["seg_id"], memory["metadata"]),
        has_seg_ids_at_coords(masks, coordinates, columns["seg_id"]),
    ):
        assert passed, faults
    assert len(memory["node_ids"]) == CELLS
    assert len(memory["edge_ids"]) == len(edges(hard().tracks))


def test_geff_is_read_by_networkx(tmp_path: Path):
    geff = pytest.importorskip("geff")
    export(hard(), "geff", tmp_path / "out")
    graph, _ = geff.read(tmp_path / "out" / "tracks.geff")
    node = {(data["t"], data["seg_id"]): name for name, data in graph.nodes(data=True)}
    assert set(graph.edges) == {(node[start], node[end]) for start, end in edges(hard().tracks)}


def sure() -> Tracked:
    """The hard case, of which two cells are known to be sure."""
    return replace(hard(), confidence=np.array([(1, 1, 0.75, 0.5), (2, 7, 0.25, 1)], CONFIDENCE))


def test_geff_says_how_sure_cells_and_links_are(tmp_path: Path):
    geff = pytest.importorskip("geff")
    export(sure(), "geff", tmp_path / "out")
    graph, _ = geff.read(tmp_path / "out" / "tracks.geff")
    told = {
        (data["t"], data["seg_id"]): data["confidence"] for _, data in graph.nodes(data=True) if "confidence" in data
    }
    assert told == {(1, 1): 0.75, (2, 7): 0.25}
    assert [link["confidence"] for *_, link in graph.edges(data=True) if "confidence" in link] == [0.5]


def test_trackmate_has_it_as_quality_and_cost(tmp_path: Path):
    export(sure(), "trackmate", tmp_path / "out")
    root = ET.parse(tmp_path / "out" / "tracks.xml").getroot()
    quality = {(spot.get("FRAME"), spot.get("name")): float(spot.get("QUALITY", -1)) for spot in root.iter("Spot")}
    assert (quality["1", "1"], quality["2", "7"], quality["0", "1"]) == (0.75, 0.25, 1)
    costs = [float(edge.get("LINK_COST", -1)) for edge in root.iter("Edge")]
    assert sorted(costs)[-2:] == pytest.approx([0, np.log(2)], abs=1e-4)


@pytest.mark.parametrize("with_raw", [False, True])
def test_ome_zarr_is_valid(tmp_path: Path, with_raw: bool):
    models = pytest.importorskip("ome_zarr_models.v05")
    import zarr

    raw = [np.zeros((60, 80), np.uint16)] * 8
    export(hard(UNITS), "ome-zarr", tmp_path / "out", raw if with_raw else None)
    root = zarr.open_group(tmp_path / "out", mode="r")
    label = models.ImageLabel.from_zarr(root["labels/cells"])
    assert len(label.ome_attributes.image_label.properties) == len(hard().tracks)
    assert models.Labels.from_zarr(root["labels"]).ome_attributes.labels == ["cells"]
    scale = label.ome_attributes.multiscales[0].datasets[0].coordinateTransformations[0]
    assert scale.scale == [120, 0.5, 0.5]
    if with_raw:
        image = models.Image.from_zarr(root)
        assert [axis.unit for axis in image.ome_attributes.multiscales[0].axes] == [
            "second",
            "micrometer",
            "micrometer",
        ]


def test_large_frames_have_levels(tmp_path: Path):
    models = pytest.importorskip("ome_zarr_models.v05")
    import zarr

    labels = np.zeros((1030, 601), np.int32)
    labels[100:201, 300:] = 1
    big = Tracked([labels], [Track(1, 0, 0, 0)], labels.shape)
    export(big, "ome-zarr", tmp_path / "out", [labels.astype(np.float32)])
    root = zarr.open_group(tmp_path / "out", mode="r")
    models.Image.from_zarr(root)
    models.ImageLabel.from_zarr(root["labels/cells"])
    assert [root[f"labels/cells/{i}"].shape for i in range(3)] == [(1, 1030, 601), (1, 515, 301), (1, 258, 151)]
    assert np.array_equal(root["labels/cells/2"][0], labels[::4, ::4])
    assert root["1"][0, 75, 200] == 1
    assert root["1"][0, 100, 200] == 0.5
    datasets = root.attrs["ome"]["multiscales"][0]["datasets"]
    shifts = [one["coordinateTransformations"][1:] for one in datasets]  # a block's middle lies between its pixels
    assert shifts == [[], *([{"type": "translation", "translation": [0, s, s]}] for s in (0.5, 1.5))]


@pytest.mark.parametrize("shape", [(260, 4200), (300, 9000), (9000, 300)])
def test_long_frames_have_levels_of_whole_blocks(shape: tuple[int, int], tmp_path: Path):
    """The short side, rounded up at each level, no longer tells by how much the long one has shrunk."""
    zarr = pytest.importorskip("zarr")
    labels = np.zeros(shape, np.int32)
    labels[:, ::7], labels[::5] = 1, 2
    long = Tracked([labels], [Track(1, 0, 0, 0), Track(2, 0, 0, 0)], shape)
    export(long, "ome-zarr", tmp_path / "out", [labels.astype(np.float32)])
    root = zarr.open_group(tmp_path / "out", mode="r")
    for level in range(1, len(root.attrs["ome"]["multiscales"][0]["datasets"])):
        step = 2**level
        small = root[f"{level}"][0]
        assert np.array_equal(root[f"labels/cells/{level}"][0], labels[::step, ::step])
        assert small.shape == labels[::step, ::step].shape
        assert small[1, 2] == pytest.approx(labels[step : 2 * step, 2 * step : 3 * step].mean())
    assert max(small.shape) <= 512


@pytest.mark.filterwarnings("ignore")
def test_trackmate_is_read_by_geff(tmp_path: Path):
    pytest.importorskip("geff")
    from geff import read
    from geff.convert import from_trackmate_xml_to_geff

    export(hard(UNITS), "trackmate", tmp_path / "out")
    from_trackmate_xml_to_geff(tmp_path / "out" / "tracks.xml", tmp_path / "tm.geff")
    graph, metadata = read(tmp_path / "tm.geff")
    node = {(data["FRAME"], int(data["name"])): name for name, data in graph.nodes(data=True)}
    assert len(node) == CELLS
    assert set(graph.edges) == {(node[start], node[end]) for start, end in edges(hard().tracks)}
    ring = graph.nodes[node[1, 8]]
    assert ring["POSITION_T"] == 120
    assert {axis.unit for axis in metadata.axes} >= {"micron", "sec"} or metadata.axes[0].unit


def test_trackmate_is_read_by_pycellin(tmp_path: Path):
    pycellin = pytest.importorskip("pycellin", reason="pycellin is not installed (one of its dependencies is GPL)")
    export(hard(UNITS), "trackmate", tmp_path / "out")
    model = pycellin.load_TrackMate_XML(str(tmp_path / "out" / "tracks.xml"))
    lineages = model.get_cell_lineages()
    assert sum(len(lineage.nodes) for lineage in lineages) == CELLS - 1  # it leaves out spots without any link
    assert sum(len(lineage.edges) for lineage in lineages) == len(edges(hard().tracks))
    assert sum(len(lineage.get_divisions()) for lineage in lineages) == 2


def test_trackmates_spots_are_where_the_cells_are(tmp_path: Path):
    export(hard(UNITS), "trackmate", tmp_path / "out")
    root = ET.parse(tmp_path / "out" / "tracks.xml").getroot()
    spots = {(int(s.attrib["FRAME"]), s.attrib["name"]): s for s in root.iter("Spot")}
    spot = spots[0, "1"]
    assert float(spot.attrib["POSITION_X"]) == float(spot.attrib["POSITION_Y"]) == 5
    assert float(spot.attrib["AREA"]) == (pixels(hard())[0] == 1).sum() / 4
    outline = np.array(spot.text.split(), float).reshape(-1, 2)
    assert len(outline) == int(spot.attrib["ROI_N_POINTS"])
    assert np.abs(np.hypot(*outline.T) - 5 * 0.5).max() < 0.5
    declared = {feature.attrib["feature"] for feature in root.iter("Feature")}
    used = {key for one in root.iter("Spot") for key in one.attrib} - {"ID", "name", "ROI_N_POINTS"}
    assert used <= declared


def test_napari_takes_the_layers(tmp_path: Path):
    layers = pytest.importorskip("napari.layers", reason="napari is not installed")
    from embedtrack.exchange.napari import layers as ours

    (stack, about, _), (data, options, _) = ours(hard(UNITS))
    labels = layers.Labels(stack, **about)
    tracks = layers.Tracks(data, **options)
    assert labels.data.shape == (8, 60, 80)
    assert tracks.graph == {9: [1], 4: [9], 2: [4], 3: [4], 300: [4], 40: [6], 41: [6]}
    assert len(tracks.data) == CELLS


def test_the_layers_hold_what_napari_wants():
    from embedtrack.exchange.napari import layers

    (stack, about, kind), (data, options, other) = layers(hard(UNITS))
    assert (kind, other) == ("labels", "tracks")
    assert np.array_equal(stack, pixels(hard()))
    assert about["scale"] == [1, 0.5, 0.5]
    assert (np.diff(data[:, 0]) >= 0).all()
    assert data[data[:, 0] == 9].tolist() == [[9, 3, 16, 16]]
    assert options["features"]["cell"][data[:, 0] == 9].tolist() == [1]
    assert options["graph"][3] == [4]


def test_the_page_of_formats_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("geff")
    root = Path(__file__).parents[2]
    code = (root / "docs" / "formats.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").symlink_to(root / "demo")
    exec(code, {})
    assert (tmp_path / "demo.geff" / "tracks.geff").exists()
