"""What other programs write, and what is damaged."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.tracked import open_tracked
from embedtrack.exchange import napari as naparis
from embedtrack.exchange.formats import export, load
from embedtrack.movies.units import Units
from embedtrack.types import Track
from tests.drawings import dividing, write_movie
from tests.exchange.hard import hard, pixels, same

SPOT = '<Spot ID="{}" name="ID{}" FRAME="{}" POSITION_X="{}" POSITION_Y="{}" POSITION_Z="0" RADIUS="4" {}</Spot>'
TRACKMATE = """<?xml version="1.0" encoding="UTF-8"?>
<TrackMate version="7.11.1"><Log>hello</Log><Model spatialunits="micron" timeunits="sec">
<AllSpots nspots="4"><SpotsInFrame frame="0">{}</SpotsInFrame><SpotsInFrame frame="1">{}</SpotsInFrame>
<SpotsInFrame frame="3">{}</SpotsInFrame></AllSpots>
<AllTracks><Track name="a" TRACK_ID="3"><Edge SPOT_SOURCE_ID="7" SPOT_TARGET_ID="2" />
<Edge SPOT_SOURCE_ID="9" SPOT_TARGET_ID="7" /></Track>
<Track name="b" TRACK_ID="4"><Edge SPOT_SOURCE_ID="2" SPOT_TARGET_ID="5" /></Track></AllTracks>
<FilteredTracks><TrackID TRACK_ID="3" /></FilteredTracks></Model>
<Settings><ImageData filename="x.tif" folder="/data" width="50" height="40" nframes="5" pixelwidth="0.5"
pixelheight="0.5" timeinterval="60.0" /></Settings></TrackMate>"""


def trackmate(path: Path, **changed: str) -> Path:
    square = 'VISIBILITY="1" ROI_N_POINTS="4">-2.25 -1.25 2.25 -1.25 2.25 1.25 -2.25 1.25'
    spots = [
        SPOT.format(2, 2, 0, 10, 10, square),
        SPOT.format(7, 7, 1, 11, 10, 'VISIBILITY="1">') + SPOT.format(5, 5, 1, 20, 5, 'VISIBILITY="1">'),
        SPOT.format(9, 9, 3, 12, 10, 'VISIBILITY="1">') + SPOT.format(8, 8, 3, 3, 3, 'VISIBILITY="0">'),
    ]
    text = TRACKMATE.format(*spots)
    for old, new in changed.items():
        text = text.replace(old, new)
    path.write_text(text)
    return path


def test_trackmates_own_file_is_drawn(tmp_path: Path):
    result = load(trackmate(tmp_path / "movie.xml"))
    assert result.tracks == [Track(1, 0, 1, 0), Track(2, 1, 1, 0), Track(3, 3, 3, 1)]  # the link to 5 is filtered out
    assert (len(result), result.shape, result.units) == (5, (40, 50), (0.5, 60))
    first = np.argwhere(result.masks[0] == 1)
    assert (first.min(0).tolist(), first.max(0).tolist(), len(first)) == ([18, 16], [22, 24], 45)
    disc = np.argwhere(result.masks[3] == 3)
    assert disc.mean(0).tolist() == [20, 24]
    assert abs(len(disc) - np.pi * 8**2) < 15


def test_a_movie_of_others_beside_trackmates_file_is_no_mask(tmp_path: Path):
    path = trackmate(tmp_path / "cells.xml")
    alone = load(path)
    planes = np.zeros((5, 2, 40, 50), np.uint16)
    tifffile.imwrite(tmp_path / "movie.tif", planes, photometric="minisblack", metadata={"axes": "TZYX"})
    assert same(load(path), alone)


def test_trackmates_pixels_that_are_not_square_have_a_place_and_a_form_but_no_size(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """The pixel's sides are 1 and 0.5: what lies at x 12, y 10 is that of row 10, column 24."""
    result = load(trackmate(tmp_path / "movie.xml", **{'pixelheight="0.5"': 'pixelheight="1.0"'}))
    first, disc = np.argwhere(result.masks[0] == 1), np.argwhere(result.masks[3] == 3)
    assert (first.min(0).tolist(), first.max(0).tolist()) == ([9, 16], [11, 24])
    assert disc.mean(0).tolist() == [10, 24]
    assert (np.ptp(disc, axis=0) + 1).tolist() == [7, 15]  # of the radius 4, within the outline
    assert result.units == (None, 60)
    assert "pixels of 1 x 0.5 micrometres are not square; the pixel size is left out" in caplog.text


def test_trackmate_in_3d_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected TrackMate's tracks in 2D, got spots of POSITION_Z from 0 to 8"):
        load(trackmate(tmp_path / "movie.xml", **{'POSITION_X="12" POSITION_Y="10" POSITION_Z="0"':
                                                  'POSITION_X="12" POSITION_Y="10" POSITION_Z="8"'}))  # fmt: skip
    flat = trackmate(tmp_path / "flat.xml", **{'POSITION_Z="0"': 'POSITION_Z="3"', "nframes": 'nslices="9" nframes'})
    assert same(load(flat), load(trackmate(tmp_path / "movie.xml")))


def added(path: Path, *spots: str, edges: str = "") -> Path:
    """What we wrote, with spots and a track that somebody added in Fiji."""
    text = path.read_text()
    text = text.replace("</AllSpots>", f'<SpotsInFrame frame="0">{"".join(spots)}</SpotsInFrame></AllSpots>')
    text = text.replace("</AllTracks>", f'<Track TRACK_ID="99">{edges}</Track></AllTracks>')
    path.write_text(text.replace("</FilteredTracks>", '<TrackID TRACK_ID="99" /></FilteredTracks>'))
    return path


def test_a_spot_that_was_added_changes_no_other_mask(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    export(hard(), "trackmate", tmp_path / "out")
    path = added(tmp_path / "out" / "tracks.xml", SPOT.format(999, 999, 2, 60, 40, 'VISIBILITY="1">'))
    result, true = load(path), pixels(hard())
    (new,) = set(result.tracks) - set(hard().tracks)
    assert len(result.tracks) == len(hard().tracks) + 1
    assert (new.begin, new.end, new.parent) == (2, 2, 0)
    drawn = pixels(result) == new.label
    assert np.array_equal(np.where(drawn, 0, pixels(result)), true)
    assert np.argwhere(drawn[2]).mean(0).tolist() == [40, 60]
    assert "1 of 22 spots lie on no mask of their name in movie.tif" in caplog.text


def test_spots_that_were_added_go_on_with_the_track_that_they_are_linked_to(tmp_path: Path):
    """7 is of one frame, alone; two spots follow it, and the second lies half below 40 of the next frame."""
    export(hard(), "trackmate", tmp_path / "out")
    path = tmp_path / "out" / "tracks.xml"
    text = path.read_text()
    seven = text.rindex('ID="', 0, text.index('name="7"'))
    seven = text[seven + 4 : text.index('"', seven + 4)]
    spots = [SPOT.format(901, 901, 3, 40, 12, 'VISIBILITY="1">'), SPOT.format(902, 902, 4, 52, 38, 'VISIBILITY="1">')]
    edges = f'<Edge SPOT_SOURCE_ID="{seven}" SPOT_TARGET_ID="901" /><Edge SPOT_SOURCE_ID="902" SPOT_TARGET_ID="901" />'
    result = load(added(path, *spots, edges=edges))
    true = hard()
    assert sorted(result.tracks) == sorted(
        track._replace(end=4) if track.label == 7 else track for track in true.tracks
    )
    assert np.array_equal(np.where(pixels(true) > 0, pixels(result), 0), pixels(true))


def test_a_spot_that_was_moved_takes_its_outline_along(tmp_path: Path):
    export(hard(), "trackmate", tmp_path / "out")
    path = tmp_path / "out" / "tracks.xml"
    assert path.read_text().count('POSITION_X="40" POSITION_Y="12"') == 1  # 7, three pixels a side
    path.write_text(path.read_text().replace('POSITION_X="40" POSITION_Y="12"', 'POSITION_X="60" POSITION_Y="12"'))
    moved, true = pixels(load(path)), pixels(hard())
    seven = true == 7
    assert np.array_equal(moved > 0, (true > 0) & ~seven | np.roll(seven, 20, axis=2))


def test_a_damaged_hyperstack_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    export(hard(), "trackmate", tmp_path / "out")
    (tmp_path / "out" / "movie.tif").write_text("no image")
    load(tmp_path / "out")
    assert "21 of 21 spots lie on no mask of their name in movie.tif; they are drawn" in caplog.text


@pytest.mark.parametrize(("old", "new", "said"), [
    ('POSITION_X="12"', 'POSITION_X="-12"', r"ID 9 in frame 3 at pixel x -24.0, y 20.0: there is no pixel within it"),
    ('ID="8" name="ID8" FRAME="3" POSITION_X="3" POSITION_Y="3" POSITION_Z="0" RADIUS="4" VISIBILITY="0"',
     'ID="8" name="ID8" FRAME="3" POSITION_X="12" POSITION_Y="10" POSITION_Z="0" RADIUS="5" VISIBILITY="1"',
     r"ID 9 in frame 3 at pixel x 24.0, y 20.0: it is covered by other cells; move, enlarge or remove it"),
])  # fmt: skip
def test_a_spot_without_a_pixel_is_named(tmp_path: Path, old: str, new: str, said: str):
    with pytest.raises(ValueError, match=rf"movie\.xml: expected pixels of the image \(50 x 40\) .*{said}"):
        load(trackmate(tmp_path / "movie.xml", **{old: new}))


def test_trackmates_outline_is_the_mask_where_it_can_be(tmp_path: Path):
    export(hard(), "trackmate", tmp_path / "out")
    (tmp_path / "out" / "movie.tif").unlink()
    drawn, true = pixels(load(tmp_path / "out")), pixels(hard())
    for t, label in ((0, 1), (2, 7), (5, 300), (4, 40)):
        mask = true[t] == label
        assert np.array_equal(drawn[t] == drawn[t][mask][0], mask)


def test_a_spot_that_was_taken_away_takes_its_mask_along(tmp_path: Path):
    export(hard(), "trackmate", tmp_path / "out")
    path = tmp_path / "out" / "tracks.xml"
    text = path.read_text()
    start = text.index("<Spot", text.index('frame="2"'))  # cell 7 or one of the others in frame 2
    spot = text[start : text.index("</Spot>", start) + 7]
    assert 'name="5"' in spot
    path.write_text(text.replace(spot, ""))
    result = load(path)
    assert len(result.tracks) == len(hard().tracks)  # 5 is cut in two, and 9 and 4 are joined, for all are renamed
    assert (pixels(result) > 0).sum() == (pixels(hard()) > 0).sum() - (pixels(hard())[2] == 5).sum()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<Model", "<Modell", "expected TrackMate's XML"),
        ('FRAME="1"', 'FRAME="x"', "'x' where a number belongs"),
        ('ID="9"', 'ID="5"', "spots with the ID of another one"),
        ('width="50"', 'width="0"', "expected the size of the image"),
        ('<Edge SPOT_SOURCE_ID="9" SPOT_TARGET_ID="7" />',
         '<Edge SPOT_SOURCE_ID="9" SPOT_TARGET_ID="7" /><Edge SPOT_SOURCE_ID="5" SPOT_TARGET_ID="9" />', "no merging"),
    ],
)  # fmt: skip
def test_damaged_trackmate_is_refused(tmp_path: Path, old: str, new: str, said: str):
    path = trackmate(tmp_path / "movie.xml")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=said):
        load(path)


def napari(folder: Path, rows: str, labels: np.ndarray, graph: object = None) -> Path:
    folder.mkdir()
    (folder / "tracks.csv").write_text(rows)
    tifffile.imwrite(folder / "labels.tif", labels, photometric="minisblack")
    if graph is not None:
        (folder / "graph.json").write_text(json.dumps(graph))
    return folder


def test_naparis_tracks_over_other_labels(tmp_path: Path):
    labels = np.zeros((4, 20, 30), np.uint8)
    labels[0, 5:8, 5:8] = 90
    labels[1, 5:8, 6:9] = 80
    labels[3, 5:8, 8:11] = 70
    labels[3, 15:18, 8:11] = 60
    rows = "ID,T,Y,X\n1,0,6,6\n1,1,6.2,7\n2,3,6,9\n5,3,16,9\n"
    result = load(napari(tmp_path / "a", rows, labels, {"2": 1, "5": [1]}))
    assert result.tracks == [Track(1, 0, 1, 0), Track(2, 3, 3, 1), Track(3, 3, 3, 1)]
    assert np.array_equal(pixels(result) > 0, labels > 0)
    assert len(load(napari(tmp_path / "b", rows, labels)).tracks) == 3


def test_a_track_of_napari_is_the_mask_that_it_lies_on(tmp_path: Path):
    """Its number may be another mask's value."""
    labels = np.zeros((2, 20, 30), np.uint8)
    labels[:, 2:5, 2:5], labels[:, 11:14, 11:14] = 2, 1
    result = load(napari(tmp_path / "a", "ID,T,Y,X\n1,0,3,3\n1,1,3,3\n2,0,12,12\n2,1,12,12\n", labels))
    first, second = sorted(result.tracks)
    assert (first[1:], second[1:]) == ((0, 1, 0), (0, 1, 0))
    assert all(len(np.unique(mask[2:5, 2:5])) == len(np.unique(mask[11:14, 11:14])) == 1 for mask in pixels(result))
    assert len({int(mask[3, 3]) for mask in pixels(result)}) == 1


def test_masks_without_a_row_of_napari_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    labels = np.zeros((3, 20, 30), np.uint8)
    labels[:, 2:5, 2:5], labels[1:, 11:14, 11:14] = 1, 2
    result = load(napari(tmp_path / "a", "ID,T,Y,X\n1,0,3,3\n1,1,3,3\n", labels))
    assert result.tracks == [Track(1, 0, 1, 0)]
    assert "3 masks of labels.tif have no row in tracks.csv and are left out" in caplog.text


@pytest.mark.parametrize(
    ("rows", "graph", "said"),
    [
        ("ID,T,Y\n1,0,6\n", None, "expected the columns ID, T, Y, X"),
        ("", None, "expected the columns ID, T, Y, X"),
        ("ID,T,Y,X\n", None, "expected a row for each cell of labels.tif, got none"),
        ("ID,T,Y,X\n1,0,6,a\n", None, "expected the columns ID, T, Y, X"),
        ("ID,T,Y,X\n1,0,1,1\n", None, "expected a mask below every track, got none for track 1 in frame 0"),
        ("ID,T,Y,X\n1,9,6,6\n", None, "expected frames from 0 to 1"),
        ("ID,T,Y,X\n1,0,6,6\n", {"1": [7]}, "expected IDs of tracks.csv, got 7"),
        ("ID,T,Y,X\n1,0,6,6\n", [1, 2], "expected a JSON object"),
        ("ID,T,Y,X\n1,0,6,6\n2,0,6,6\n", None, "expected each cell once a frame"),
    ],
)
def test_damaged_napari_is_refused(tmp_path: Path, rows: str, graph: object, said: str):
    labels = np.zeros((2, 20, 30), np.uint8)
    labels[0, 5:8, 5:8] = 90
    with pytest.raises(ValueError, match=said):
        load(napari(tmp_path / "a", rows, labels, graph))


@pytest.mark.parametrize(("spoil", "said"), [
    (lambda path: tifffile.imwrite(path, np.full((2, 20, 30), 0.5, np.float32)), "frame 0: expected whole numbers"),
    (lambda path: path.write_bytes(path.read_bytes()[:-40]), "expected a whole stack of masks"),
])  # fmt: skip
def test_labels_that_are_none_are_named(tmp_path: Path, spoil: Callable[[Path], object], said: str):
    folder = napari(tmp_path / "a", "ID,T,Y,X\n1,0,6,6\n", np.ones((2, 20, 30), np.uint8))
    tifffile.imwrite(folder / "labels.tif", np.ones((2, 20, 30), np.uint16), compression="zlib")
    spoil(folder / "labels.tif")
    with pytest.raises(ValueError, match=rf"labels\.tif.*{said}"):
        pixels(load(folder))


def test_missing_files_of_napari_are_named(tmp_path: Path):
    export(hard(), "napari", tmp_path / "out")
    (tmp_path / "out" / "labels.tif").write_text("no image")
    with pytest.raises(ValueError, match=r"labels\.tif: expected a TIFF"):
        load(tmp_path / "out")
    (tmp_path / "out" / "labels.tif").unlink()
    with pytest.raises(ValueError, match=r"labels\.tif: expected a stack of masks"):
        load(tmp_path / "out")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_without_lineage(tmp_path: Path, version: str):
    """The step in time is where most programs write it: beside the levels."""
    zarr = pytest.importorskip("zarr")
    units = {"t": "minute", "y": "nanometer", "x": "nanometer"}
    masks = np.zeros((4, 1, 1, 20, 30), np.uint8)
    masks[:2, 0, 0, 3:6, 3:6] = 5
    masks[3, 0, 0, 3:6, 3:6] = 5
    zarr_format = 2 if version == "0.4" else 3
    group = zarr.open_group(tmp_path / "x.zarr" / "labels" / "nuclei", mode="w", zarr_format=zarr_format)
    group.create_array("full", data=masks)
    scales = [{
        "axes": [{"name": name, **({"unit": units[name]} if name in units else {})} for name in "tczyx"],
        "coordinateTransformations": [{"type": "scale", "scale": [5, 1, 1, 1, 1]}],
        "datasets": [{"path": "full", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1, 500, 500]}]}],
    }]  # fmt: skip
    above = zarr.open_group(tmp_path / "x.zarr" / "labels", mode="a", zarr_format=zarr_format)
    zarr.open_group(tmp_path / "x.zarr", mode="a", zarr_format=zarr_format)
    if version == "0.4":
        group.attrs.update({"multiscales": scales, "image-label": {"version": "0.4"}})
        above.attrs["labels"] = ["nuclei"]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": scales, "image-label": {}}
        above.attrs["ome"] = {"version": "0.5", "labels": ["nuclei"]}
    for path in (tmp_path / "x.zarr", tmp_path / "x.zarr" / "labels", tmp_path / "x.zarr" / "labels" / "nuclei"):
        result = load(path)
        assert result.tracks == [Track(1, 0, 1, 0), Track(2, 3, 3, 1)]
        assert result.units == (0.5, 300)
        assert np.array_equal(pixels(result) > 0, masks[:, 0, 0] > 0)


@pytest.mark.parametrize("lost", ["some", "all"])
def test_ome_zarr_of_ours_without_its_lineage_is_refused(tmp_path: Path, lost: str):
    zarr = pytest.importorskip("zarr")
    export(hard(), "ome-zarr", tmp_path / "out")
    group = zarr.open_group(tmp_path / "out" / "labels" / "cells", mode="a")
    about = dict(group.attrs["ome"])
    for one in about["image-label"]["properties"][2 if lost == "some" else 0 :]:
        del one["parent"]
    group.attrs["ome"] = about
    label = about["image-label"]["properties"][2 if lost == "some" else 0]["label-value"]
    said = f"expected begin, end and parent in the properties of each label, got none of parent for label {label};"
    with pytest.raises(ValueError, match=said):
        load(tmp_path / "out")
    if lost == "all":  # as other programs have them, which know no lineage
        group.attrs["embedtrack"] = {}
        assert {track.parent for track in load(tmp_path / "out").tracks} == {0}


def test_damaged_ome_zarr_is_refused(tmp_path: Path):
    zarr = pytest.importorskip("zarr")
    export(hard(), "ome-zarr", tmp_path / "out")
    group = zarr.open_group(tmp_path / "out" / "labels" / "cells", mode="a")
    about = dict(group.attrs["ome"])
    about["image-label"]["properties"][0]["parent"] = 77
    group.attrs["ome"] = about
    with pytest.raises(ValueError, match="expected a listed label or 0 as parent of label 1, got 77"):
        load(tmp_path / "out")
    about["multiscales"][0]["axes"][0] = {"name": "c", "type": "channel"}
    group.attrs["ome"] = about
    with pytest.raises(ValueError, match="expected labels of the axes t, y, x"):
        load(tmp_path / "out")
    del group.attrs["ome"]
    with pytest.raises(ValueError, match="expected an OME-Zarr with labels"):
        load(tmp_path / "out")


def test_geff_of_others(tmp_path: Path):
    """Positions in micrometres, x before y, the masks in another place with another value in every frame."""
    pytest.importorskip("geff")
    import geff
    import networkx as nx
    import zarr
    from geff_spec import Axis, GeffMetadata

    masks = np.zeros((3, 1, 20, 30), np.uint16)
    for t, value in enumerate((30, 20, 10)):
        masks[t, 0, 5:9, 4 + t : 8 + t] = value
    zarr.open_group(tmp_path / "their.zarr", mode="w", zarr_format=2)
    zarr.create_array(tmp_path / "their.zarr" / "seg", data=masks, zarr_format=2)
    graph = nx.DiGraph()
    for node, (t, value) in {11: (0, 30), 7: (1, 20), 3: (2, 10)}.items():
        graph.add_node(node, time=t, x=3.0 + t, y=3.5, mask=value)
    graph.add_edges_from([(11, 7), (7, 3)])
    metadata = GeffMetadata(
        directed=True, node_props_metadata={}, edge_props_metadata={},
        axes=[Axis(name="time", type="time"), Axis(name="x", type="space", unit="micrometer"),
              Axis(name="y", type="space", unit="micrometer")],
        related_objects=[{"type": "labels", "path": "../seg", "node_prop": "mask"}],
    )  # fmt: skip
    geff.write(graph, tmp_path / "their.zarr" / "graph", metadata)
    result = load(tmp_path / "their.zarr" / "graph")
    assert result.tracks == [Track(1, 0, 2, 0)]
    assert np.array_equal(pixels(result), masks[:, 0] > 0)


def test_damaged_geff_is_refused(tmp_path: Path):
    pytest.importorskip("geff")
    import shutil

    import zarr

    export(hard(), "geff", tmp_path / "out")
    group = zarr.open_group(tmp_path / "out" / "tracks.geff", mode="a")
    about = dict(group.attrs["geff"])
    group.attrs["geff"] = about | {"related_objects": None}
    with pytest.raises(ValueError, match="0 related labels; export it with its segmentation"):
        load(tmp_path / "out")
    group.attrs["geff"] = about
    assert same(load(tmp_path / "out"), hard())
    seen = group["nodes/props/seg_id"].create_array("missing", data=np.arange(group["nodes/ids"].shape[0]) == 2)
    with pytest.raises(ValueError, match="expected a mask's value in seg_id for each cell, got none for 1"):
        load(tmp_path / "out")
    seen[:] = False
    assert same(load(tmp_path / "out"), hard())
    shutil.rmtree(tmp_path / "out" / "segmentation")
    with pytest.raises(ValueError, match="expected the graph's segmentation"):
        load(tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "tracks.geff" / "edges")
    with pytest.raises(ValueError, match="expected a valid GEFF"):
        load(tmp_path / "out")


@pytest.mark.parametrize("value", [-1.0, 0.0, float("nan"), float("inf"), "x", None, [1]])
def test_units_that_make_no_sense_are_left_out_aloud(
    tmp_path: Path, value: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    whole = naparis.read(_exported(tmp_path))
    monkeypatch.setattr(naparis, "read", lambda path: replace(whole, units=Units(value, 60.0)))
    found = load(tmp_path / "napari", "napari")
    assert found.units == Units(None, 60.0)
    assert ("makes no sense" in caplog.text) == (value is not None)


def test_masks_beside_a_graph_are_looked_at_before_they_are_opened(tmp_path: Path):
    export(open_tracked(write_movie(dividing(), tmp_path).with_name("01_GT")), "geff", tmp_path / "g")
    chunk = next(path for path in (tmp_path / "g" / "segmentation").iterdir() if path.name[0].isdigit())
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(ValueError, match="expected a file, got a device or a queue"):
        load(tmp_path / "g" / "tracks.geff")


def _exported(place: Path) -> Path:
    export(open_tracked(write_movie(dividing(), place).with_name("01_GT")), "napari", place / "napari")
    return place / "napari"
