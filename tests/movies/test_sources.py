"""Any kind of movie is the same movie; what is not clear is one line that says how to choose."""

import json
import logging
import re
import shutil
import sys
import tracemalloc
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile
import zarr

from embedtrack.challenge import record
from embedtrack.challenge.pair import movie_of, open_pair, result_of
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.files.beside import beside
from embedtrack.movies import omezarr
from embedtrack.movies.images import natural
from embedtrack.movies.microscope import _units, open_foreign
from embedtrack.movies.movie import record as as_recording
from embedtrack.movies.open import open_frames, open_movie
from embedtrack.movies.selection import Choice
from embedtrack.movies.settings import Normalisation
from embedtrack.movies.stack import Stack
from embedtrack.movies.units import Units, micrometres, parse_length, seconds
from embedtrack.truth.reading import read_annotated
from embedtrack.truth.sequences import sequences
from tests.drawings import dividing, moving, write_movie
from tests.sources import INTERVAL, KINDS, PIXEL, UNITS, lif, ome_zarr, write_series

MOVIE = moving().frames()  # [6, 48, 80]
TWO = np.stack([MOVIE, MOVIE[::-1] + 1], axis=1)  # [6, 2, 48, 80]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_the_same_movie(kind: str, tmp_path: Path):
    movie = open_movie(KINDS[kind](tmp_path, MOVIE))
    assert (len(movie), movie.shape, movie.first, movie.digits) == (6, (48, 80), 0, 3)
    assert [frame.dtype for frame in movie.frames] == [np.uint16] * 6
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE)
    assert np.array_equal(movie.frames[4], MOVIE[4])  # in any order
    assert np.array_equal(movie.frames[1], MOVIE[1])
    assert movie.units == (Units(PIXEL, INTERVAL) if kind in UNITS else Units())


def test_the_challenges_frames_keep_their_numbers(tmp_path: Path):
    folder = write_movie(moving(), tmp_path, digits=4)
    (folder / "t0000.tif").unlink()
    movie = open_movie(folder)
    assert (len(movie), movie.first, movie.last, movie.digits) == (5, 1, 5, 4)
    assert np.array_equal(movie.frames[0], MOVIE[1])


def test_names_sort_as_people_count():
    names = ["a10.tif", "a9.tif", "B1.tif", "a9b2.tif", "a9b10.tif", "10.tif", "9.tif"]
    assert sorted(names, key=natural) == ["9.tif", "10.tif", "a9.tif", "a9b2.tif", "a9b10.tif", "a10.tif", "B1.tif"]


def test_a_thousand_frames_need_four_digits(tmp_path: Path):
    tifffile.imwrite(tmp_path / "long.tif", np.zeros((1001, 4, 4), np.uint8), photometric="minisblack")
    movie = open_movie(tmp_path / "long.tif")
    assert (movie.digits, movie.last) == (4, 1000)


@pytest.mark.parametrize("how", ["imagej", "ome", "zarr"])
def test_a_channel_is_chosen_by_number_or_name(how: str, tmp_path: Path):
    if how == "imagej":
        tifffile.imwrite(tmp_path / "a.tif", TWO, imagej=True, metadata={"axes": "TCYX"})
        path, name = tmp_path / "a.tif", None
    elif how == "ome":
        tifffile.imwrite(tmp_path / "a.tif", TWO, ome=True, metadata={"axes": "TCYX", "Channel": {"Name": ["R", "G"]}})
        path, name = tmp_path / "a.tif", "G"
    else:
        path, name = ome_zarr(tmp_path, MOVIE), "G"
        group = zarr.open_group(path)
        group.create_array("two", data=TWO[:, :, None], chunks=(3, 1, 1, 48, 80))
        about = dict(group.attrs["ome"])
        about["multiscales"][0]["datasets"][0]["path"] = "two"
        group.attrs["ome"] = {**about, "omero": {"channels": [{"label": "R"}, {"label": "G"}]}}
    for channel in ("2", name or "2"):
        assert np.array_equal(np.stack(list(open_movie(path, Choice(channel=channel)).frames)), TWO[:, 1])
    assert np.array_equal(open_movie(path, channels=True).frames[3], np.moveaxis(TWO[3], 0, -1))
    with pytest.raises(ValueError, match="expected one channel, got 2; choose with --channel: 1"):
        open_movie(path)
    with pytest.raises(ValueError, match=r"expected --channel to be one of 1.*, 2.*; got 3"):
        open_movie(path, Choice(channel="3"))


def test_samples_of_a_picture_are_channels_red_first(tmp_path: Path):
    for t in range(2):
        cv2.imwrite(
            str(tmp_path / f"{t}.png"), np.dstack([MOVIE[t] % 256, MOVIE[t] % 7, MOVIE[t] % 5]).astype(np.uint8)
        )
    with pytest.raises(ValueError, match="expected one channel, got 3"):
        open_movie(tmp_path)
    assert np.array_equal(open_movie(tmp_path, Choice(channel="1")).frames[1], MOVIE[1] % 5)
    assert np.array_equal(open_movie(tmp_path, Choice(channel="3")).frames[1], MOVIE[1] % 256)


def test_the_axis_of_time_is_overridden(tmp_path: Path):
    path = tmp_path / "z.ome.tif"
    tifffile.imwrite(path, MOVIE, metadata={"axes": "ZYX"})
    with pytest.raises(ValueError, match=re.escape("got Z 6, Y 48, X 80; keep one plane of Z")):
        open_movie(path)
    assert np.array_equal(open_movie(path, Choice(time_axis="z")).frames[5], MOVIE[5])
    tifffile.imwrite(path, MOVIE, metadata={"axes": "CYX"})
    assert len(open_movie(path, Choice(time_axis="C"))) == 6
    with pytest.raises(ValueError, match="expected --time-axis to be an axis of the movie, got T; there are: C"):
        open_movie(path, Choice(time_axis="T"))


def test_units_are_overridden_one_by_one(tmp_path: Path):
    path = KINDS["imagej"](tmp_path, MOVIE)
    assert open_movie(path, Choice(units=Units(0.25))).units == Units(0.25, INTERVAL)
    assert open_movie(path, Choice(units=Units(None, 7))).units == Units(PIXEL, 7)


@pytest.mark.parametrize(
    ("value", "unit", "length"),
    [(650, "nm", 0.65), (0.5, "µm", 0.5), (0.5, "\\u00B5m", 0.5), (2, "microns", 2), (1, "pixel", None),
     (0, "um", None), (None, "um", None), (1, None, None), (1, "Micrometers", 1)],
)  # fmt: skip
def test_lengths_in_micrometres(value: object, unit: str | None, length: float | None):
    assert micrometres(value, unit) == length


def test_the_size_of_a_pixel_as_people_write_it():
    assert [parse_length(text) for text in ("0.5", "0.5um", "500 nm", "0.002mm")] == [0.5, 0.5, 0.5, 2]
    for text in ("0", "-1", "half", "2 parsecs"):
        with pytest.raises(ValueError, match=f"--pixel-size as 0.5um, 500nm .*, got {text}"):
            parse_length(text)


def test_times_in_seconds():
    assert [seconds(v, u) for v, u in ((500, "ms"), (1.5, "min"), (2, "h"), ("nan", "s"))] == [0.5, 90, 7200, None]


def test_ome_tells_the_interval_by_its_planes(tmp_path: Path):
    path = tmp_path / "a.ome.tif"
    delta = [30.0 * t for t in range(6)]
    tifffile.imwrite(path, MOVIE, metadata={"axes": "TYX", "Plane": {"DeltaT": delta, "DeltaTUnit": ["s"] * 6}})
    assert open_movie(path).units == Units(None, 30)


def test_scenes(tmp_path: Path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(MOVIE, metadata={"axes": "TYX", "Name": "left", "PhysicalSizeX": 1.0})
        file.write(MOVIE[:4, :40] + 1, metadata={"axes": "TYX", "Name": "right", "PhysicalSizeX": 2.0})
    with pytest.raises(ValueError, match="expected one movie, got 2; choose with --scene: 1 left, 2 right"):
        open_movie(path)
    for scene in ("2", "right"):
        movie = open_movie(path, Choice(scene=scene))
        assert (len(movie), movie.shape, movie.units.pixel) == (4, (40, 80), 2)
        assert np.array_equal(movie.frames[3], MOVIE[3, :40] + 1)
    with pytest.raises(ValueError, match="expected --scene to be one of 1 left, 2 right; got 3"):
        open_movie(path, Choice(scene="3"))
    series = write_series(tmp_path / "raw.zarr", [MOVIE, MOVIE + 1])
    assert np.array_equal(open_movie(series, Choice(scene="2")).frames[0], MOVIE[0] + 1)
    with pytest.raises(ValueError, match="expected one movie, got 2"):
        open_movie(series)


@pytest.mark.parametrize("kind", ["multipage", "contiguous", "ome"])
def test_the_whole_beginning_of_a_cut_file_can_be_used(kind: str, tmp_path: Path):
    path = cut(KINDS[kind](tmp_path, MOVIE), 0.6)
    with pytest.raises(ValueError, match="--until") as caught:
        open_movie(path)
    last = int(str(caught.value).rsplit(" ", 1)[1])
    movie = open_movie(path, Choice(until=last))
    assert len(movie) == last + 1 >= 2
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE[: last + 1])


def test_a_movie_ends_where_the_user_says(tmp_path: Path):
    for place in (KINDS["ome_zarr"](tmp_path, MOVIE), KINDS["pictures"](tmp_path, MOVIE)):
        assert np.array_equal(np.stack(list(open_movie(place, Choice(until=2)).frames)), MOVIE[:3])
    folder = write_movie(moving(), tmp_path)
    for t in (0, 4):
        (folder / f"t{t:03d}.tif").unlink()
    movie = open_movie(folder, Choice(until=3))
    assert (movie.first, movie.last) == (1, 3)
    with pytest.raises(ValueError, match="expected --until to be a frame from 0 to 5, got 6"):
        open_movie(KINDS["imagej"](tmp_path, MOVIE), Choice(until=6))


def test_time_along_the_channels_gives_each_frame(tmp_path: Path):
    tifffile.imwrite(tmp_path / "c.tif", MOVIE, imagej=True, metadata={"axes": "CYX"})
    movie = open_movie(tmp_path / "c.tif", Choice(time_axis="C"))
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE)


def test_many_channels_may_be_frames(tmp_path: Path):
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((50, 8, 8), np.uint8), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(ValueError, match="20 and 30 more; if these are frames, name the axis of time: --time-axis C"):
        open_movie(tmp_path / "c.tif")


def test_colours_one_after_the_other_may_be_frames(tmp_path: Path):
    tifffile.imwrite(tmp_path / "s.tif", MOVIE[:3].astype(np.uint16), photometric="rgb", planarconfig="separate")
    with pytest.raises(ValueError, match="if these are frames, name the axis of time: --time-axis S"):
        open_movie(tmp_path / "s.tif")
    movie = open_movie(tmp_path / "s.tif", Choice(time_axis="S"))
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE[:3])


def test_a_plane_or_the_brightest_of_all(tmp_path: Path):
    deep = np.stack([MOVIE, MOVIE[::-1], MOVIE // 2], axis=1)  # [T, Z, Y, X]
    tifffile.imwrite(tmp_path / "a.tif", deep, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ValueError, match=re.escape("keep one plane of Z (or its projection) with --z 1 or --z max")):
        open_movie(tmp_path / "a.tif")
    assert np.array_equal(open_movie(tmp_path / "a.tif", Choice(plane="2")).frames[1], MOVIE[4])
    assert np.array_equal(open_movie(tmp_path / "a.tif", Choice(plane="max")).frames[1], deep[1].max(axis=0))
    with pytest.raises(ValueError, match="expected --z to be one of 1, 2, 3; got 4"):
        open_movie(tmp_path / "a.tif", Choice(plane="4"))


@pytest.mark.parametrize("kind", ["challenge", "imagej", "multipage"])
def test_a_scene_of_what_has_none_is_refused(kind: str, tmp_path: Path):
    path = write_movie(moving(), tmp_path) if kind == "challenge" else KINDS[kind](tmp_path, MOVIE)
    assert len(open_movie(path, Choice(scene="1"))) == 6
    for scene in ("2", "9" * 5000, "²"):
        with pytest.raises(ValueError, match="expected --scene to be one of 1") as caught:
            open_movie(path, Choice(scene=scene))
        assert len(str(caught.value)) < 500


def test_more_frames_than_can_be_meant_are_refused_at_once(tmp_path: Path):
    place = ome_zarr(tmp_path, MOVIE)
    about = json.loads((place / "0" / "zarr.json").read_text())
    about["shape"][0] = 10**9
    (place / "0" / "zarr.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="expected 4000000000 chunks of the image, got 24"):
        open_movie(place)


def test_a_pattern_of_a_file_is_refused(tmp_path: Path):
    path = KINDS["imagej"](tmp_path, MOVIE)
    with pytest.raises(ValueError, match="expected --pattern with a folder of images, got a"):
        open_movie(path, Choice(pattern="a*"))


def test_numbers_too_large_for_single_precision_are_refused(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", MOVIE * 1e300, photometric="minisblack")
    with pytest.raises(ValueError, match="expected finite grey values"):
        open_movie(tmp_path / "a.tif").frames[0]


def test_positions_along_an_axis_are_scenes():
    both = np.stack([MOVIE, MOVIE + 1], axis=1)
    stack = Stack("TRYX", both.shape, both.dtype, lambda place: both[place["T"], place["R"]])
    assert np.array_equal(as_recording(Path("mm.tif"), stack, Choice(scene="2")).frames[3], MOVIE[3] + 1)
    with pytest.raises(ValueError, match=r"mm.tif: expected one movie, got 2; choose with --scene: 1, 2"):
        as_recording(Path("mm.tif"), stack, Choice())


def test_only_the_chosen_images_must_be_whole():
    """Frame 4 is missing in the second channel alone."""

    def fault(place: Mapping[str, int]) -> str | None:
        return "gone" if (place["T"], place["C"]) == (4, 1) else None

    stack = Stack("TCYX", TWO.shape, TWO.dtype, lambda place: TWO[place["T"], place["C"]], fault=fault)
    assert len(as_recording(Path("a"), stack, Choice(channel="1"))) == 6
    assert len(as_recording(Path("a"), stack, Choice(channel="2", until=3))) == 4
    with pytest.raises(ValueError, match=r"got a fault at frame 4: gone; .* --until 3"):
        as_recording(Path("a"), stack, Choice(channel="2"))


def test_a_hyperstack_that_tells_too_few_images(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = KINDS["imagej"](tmp_path, MOVIE[:3])
    with tifffile.TiffFile(path) as file:
        told = file.imagej_metadata
    tifffile.imwrite(
        path, MOVIE, description=f"ImageJ=1.53t\nimages=2\nframes=2\nfinterval={told['finterval']}\n", metadata=None,
        photometric="minisblack",
    )  # fmt: skip
    movie = open_movie(path)
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE)
    assert movie.units.interval == INTERVAL
    assert "its text speaks of 2 images, but there are 6" in caplog.text


def test_white_as_zero_is_turned_round_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    tifffile.imwrite(tmp_path / "w.tif", 65535 - MOVIE, photometric="miniswhite")
    assert np.array_equal(np.stack(list(open_movie(tmp_path / "w.tif").frames)), MOVIE)
    assert "white is zero in this file" in caplog.text


def test_the_challenges_names_take_what_any_other_name_does(tmp_path: Path):
    for dtype in ("int16", "uint32", "float64"):
        folder = tmp_path / dtype
        folder.mkdir()
        for t, image in enumerate(MOVIE):
            tifffile.imwrite(folder / f"t{t:03d}.tif", image.astype(dtype))
        for movie in (open_movie(folder).frames, [read() for read in open_frames(folder).values()]):
            assert np.array_equal(np.stack(list(movie)), MOVIE)
    folder = tmp_path / "rgb"
    folder.mkdir()
    for t in range(3):
        tifffile.imwrite(folder / f"t{t:03d}.tif", np.dstack([MOVIE[t], MOVIE[t] + 1, MOVIE[t] + 2]), photometric="rgb")
    assert np.array_equal(open_movie(folder, Choice(channel="2")).frames[2], MOVIE[2] + 1)
    with pytest.raises(ValueError, match="expected one channel, got 3; choose with --channel: 1, 2, 3"):
        open_movie(folder)


def test_images_of_several_files_are_read_without_a_word(tmp_path: Path):
    """An OME-TIFF over several files; a warning would be an error."""
    names = [f"p_T{t}.ome.tif" for t in range(3)]
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{t}" for t in range(3)]
    blocks = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID></TiffData>'
        for t, (name, uuid) in enumerate(zip(names, uuids, strict=True))
    )
    for t, (name, uuid) in enumerate(zip(names, uuids, strict=True)):
        xml = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="80" SizeY="48" '
            f'SizeC="1" SizeZ="1" SizeT="3">{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / name, MOVIE[t], description=xml, metadata=None, compression="zlib")
    movie = open_movie(tmp_path / names[0])
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE[:3])


def test_other_numbers_become_ours(tmp_path: Path):
    for dtype, ours in (("int16", "float32"), ("float64", "float32"), ("uint32", "float32"), ("bool", "uint8")):
        tifffile.imwrite(tmp_path / "a.tif", MOVIE.astype(dtype), photometric="minisblack")
        frame = open_movie(tmp_path / "a.tif").frames[2]
        assert frame.dtype == ours
        assert np.array_equal(frame, MOVIE[2].astype(dtype))
    bad = MOVIE.astype(np.float32)
    bad[3, 0, 0] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", bad, photometric="minisblack")
    movie = open_movie(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a.tif, frame 3: expected finite grey values"):
        list(movie.frames)


def test_chunks_of_many_frames_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    movie = open_movie(ome_zarr(tmp_path, MOVIE, chunk=3))
    read, asked = omezarr._Reader._read, []
    monkeypatch.setattr(omezarr._Reader, "_read", lambda self, where: asked.append(where[0]) or read(self, where))
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE)
    assert asked == [slice(0, 3), slice(3, 6)]
    monkeypatch.setattr(omezarr, "AT_ONCE", 2 * MOVIE[0].nbytes)
    movie = open_movie(ome_zarr(tmp_path, MOVIE, chunk=6))
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE)
    assert asked[2:] == [slice(0, 2), slice(2, 4), slice(4, 6)]


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def text(path: Path) -> Path:
    path.write_text("hello")
    return path


def mixed(path: Path) -> Path:
    folder = KINDS["narrow"](path, MOVIE)
    tifffile.imwrite(folder / "t12.tif", MOVIE[0, :9])
    text(folder / "t13.tif")
    return folder


def kinds(path: Path) -> Path:
    folder = KINDS["narrow"](path, MOVIE)
    cv2.imwrite(str(folder / "overview.png"), MOVIE[0])
    return folder


def stacks(path: Path) -> Path:
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(path / name, MOVIE, photometric="minisblack")
    return path


def folders(path: Path) -> Path:
    write_movie(moving(), path)
    return path


def two_shapes(path: Path) -> Path:
    for name, height in (("a", 48), ("b", 9)):
        tifffile.imwrite(path / f"{name}.tif", np.ones((height, 80), np.uint16))
    return path


def without_axes(path: Path) -> Path:
    tifffile.imwrite(path / "a.tif", np.ones((3, 48, 80), np.uint16), imagej=True)
    return path / "a.tif"


def volume(path: Path) -> Path:
    tifffile.imwrite(path / "a.tif", np.zeros((3, 4, 9, 9), np.uint16), imagej=True, metadata={"axes": "TZYX"})
    return path / "a.tif"


def bare(path: Path) -> Path:
    zarr.create_array(path / "a.zarr", shape=(3, 9, 9), dtype="u2")
    return path / "a.zarr"


def chunk(path: Path) -> Path:
    place = ome_zarr(path, MOVIE)
    next(p for p in place.rglob("c/*/*/*/*/*") if p.is_file()).write_bytes(b"damaged")
    return place


FAULTS = {
    "nothing": (lambda p: p / "none.tif", "none.tif: expected a movie, got nothing of this name"),
    "no TIFF": (lambda p: text(p / "a.tif"), "a.tif: expected a whole TIFF file"),
    "cut in its pages": (
        lambda p: cut(KINDS["multipage"](p, MOVIE), 0.6),
        "the file is truncated; copy or save it again; or use the frames before: --until 2",
    ),
    "cut in its pixels": (lambda p: cut(KINDS["contiguous"](p, MOVIE), 0.6), "stack.tiff: expected"),
    "cut OME": (lambda p: cut(KINDS["ome"](p, MOVIE), 0.6), "cells.ome.tif: expected"),
    "cut hyperstack": (lambda p: cut(KINDS["imagej"](p, MOVIE), 0.6), "fiji.tif: expected"),
    "images of other shapes": (mixed, "t12.tif: expected 48 x 80 uint16 as most images have, got 9 x 80 uint16"),
    "two images of two shapes": (
        two_shapes,
        "b.tif: expected 48 x 80 uint16 as a.tif has, got 9 x 80 uint16; convert it",
    ),
    "a movie without axes": (
        without_axes,
        "expected one channel, got 3; choose with --channel: 1, 2, 3; if these are frames, name the axis",
    ),
    "images of other kinds": (kinds, "narrow: expected images of one kind, got 6 .tif and 1 .png"),
    "several stacks": (stacks, "expected an image per file, got Q 6, Y 48, X 80 in each; name one of the files"),
    "a data set": (folders, "got none; name one of the folders in it: 01, 01_GT"),
    "truth for a movie": (
        lambda p: folders(p) / "01_GT" / "TRA",
        "TRA: expected a movie, got the masks of truth; perhaps",
    ),
    "masks for a movie": (
        lambda p: folders(p) / "01_GT" / "SEG",
        "SEG: expected a movie, got the masks of truth; perhaps",
    ),
    "a volume": (volume, "expected a movie in 2D, got T 3, Z 4, Y 9, X 9; keep one plane of Z"),
    "a bare zarr": (bare, "a.zarr: expected an OME-Zarr image, got zarr without OME's metadata"),
    "another file": (lambda p: text(p / "a.docx"), "a.docx: expected a TIFF, an OME-Zarr, a folder of images"),
    "czi": (lambda p: text(p / "a.czi"), "pip install bioio-czi (its licence is the GPL"),
    "a damaged nd2": (lambda p: text(p / "a.nd2"), "a.nd2: expected a whole .nd2 file"),
    "a damaged lif": (lambda p: text(p / "a.lif"), "a.lif: expected a whole .lif file"),
    "a device": (lambda p: Path("/dev/zero"), "/dev/zero: expected a file, got a device or a queue"),
    "a damaged picture": (lambda p: text(p / "a.png"), "a.png: expected a readable picture"),
}


@pytest.mark.filterwarnings("ignore")  # bioio brings many packages that warn
@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str, tmp_path: Path):
    make, said = FAULTS[name]
    path = make(tmp_path)
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # as the command line does
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        open_movie(path)
    if name != "images of other shapes":
        assert "\n" not in str(caught.value)


def test_a_damaged_chunk_is_told_when_it_is_read(tmp_path: Path):
    movie = open_movie(chunk(tmp_path))
    with pytest.raises(ValueError, match="expected whole chunks"):
        list(movie.frames)


def lacking(place: Path, *lost: str, empty: bool = False) -> Path:
    """An OME-Zarr whose frame 5 is empty and was left out or not when it was written, without some chunks."""
    place = ome_zarr(place, MOVIE)
    array = zarr.open_group(place)["0"]
    assert isinstance(array, zarr.Array)
    array.with_config({"write_empty_chunks": empty})[5] = 0
    for name in lost:
        (place / "0" / "c" / name).unlink()
    return place


def test_empty_chunks_that_were_left_out_are_read_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = lacking(tmp_path, "1/0/0/0/1")
    assert not any(one.is_file() for one in (path / "0" / "c" / "5").rglob("*"))  # or this tests nothing
    movie = open_movie(path)
    assert "no chunk of the frames 5 is there: they are read as 0" in caplog.text
    assert "1 of 24 chunks are not there" in caplog.text
    assert not movie.frames[5].any()
    assert not movie.frames[1][:40, 40:].any()
    assert np.array_equal(movie.frames[1][:40, :40], MOVIE[1, :40, :40])


def test_a_missing_chunk_of_a_store_that_has_empty_ones_is_a_fault(tmp_path: Path):
    path = lacking(tmp_path, "3/0/0/0/1", empty=True)
    with pytest.raises(ValueError, match=re.escape("frame 3: the chunk c/3/0/0/0/1 is missing")) as caught:
        open_movie(path)
    assert "--until 2" in str(caught.value)
    assert len(open_movie(path, Choice(until=2))) == 3


def test_a_zarr_without_any_chunk_is_refused(tmp_path: Path):
    path = ome_zarr(tmp_path, MOVIE)
    shutil.rmtree(path / "0" / "c")
    with pytest.raises(ValueError, match="expected 24 chunks of the image, got none"):
        open_movie(path)


@pytest.mark.parametrize(("package", "ending", "extra"), [("zarr", "zarr", "exchange"), ("bioio", "nd2", "bioio")])
def test_a_missing_package_is_named(
    package: str, ending: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = ome_zarr(tmp_path, MOVIE).rename(tmp_path / "a.zarr") if ending == "zarr" else text(tmp_path / "a.nd2")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=re.escape(f"pip install '.[{extra}]'")):
        open_movie(path)


@pytest.mark.filterwarnings("ignore")  # of the many packages that bioio brings
def test_a_leica_file_is_the_same_movie(tmp_path: Path):
    movie = open_movie(lif(tmp_path, MOVIE))
    assert np.array_equal(np.stack(list(movie.frames)), MOVIE)
    assert movie.units.pixel == PIXEL


@pytest.mark.filterwarnings("ignore")  # of the many packages that bioio brings
def test_bioio_gives_the_same_movie_channels_and_units(tmp_path: Path):
    about = {"axes": "TCYX", "PhysicalSizeX": 0.5, "Channel": {"Name": ["R", "G"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", TWO, metadata=about)
    stack = open_foreign(tmp_path / "a.ome.tif")  # a file that a test can write; nd2 and lif come the same way
    movie = as_recording(tmp_path, stack, Choice(channel="G"))
    assert np.array_equal(np.stack(list(movie.frames)), TWO[:, 1])
    assert movie.units == Units(0.5)
    with pytest.raises(ValueError, match="choose with --channel: 1 R, 2 G"):
        as_recording(tmp_path, stack, Choice())


def test_an_interval_of_bioio_is_a_time_difference_or_seconds():
    sizes, step = SimpleNamespace(X=0.5), timedelta(minutes=2)
    assert _units(SimpleNamespace(physical_pixel_sizes=sizes, time_interval=step)) == Units(0.5, 120)
    assert _units(SimpleNamespace(time_interval=3.0)) == Units(None, 3)
    standard = SimpleNamespace(timelapse_interval=step)
    assert _units(SimpleNamespace(time_interval=None, standard_metadata=standard)) == Units(None, 120)


def test_results_lie_beside_their_movie(tmp_path: Path):
    names = {"01": "01_RES", "a.ome.tif": "a_RES", "b.tif": "b_RES", "c.ome.zarr": "c_RES", "d.e.nd2": "d.e_RES"}
    for name, result in names.items():
        (tmp_path / name).mkdir() if name in ("01", "c.ome.zarr") else (tmp_path / name).touch()
        assert beside(tmp_path / name, "_RES") == tmp_path / result
        assert movie_of(tmp_path / result) == tmp_path / name


def test_a_results_movie_is_the_only_one_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("01", "01_RES", "01_GT"):
        (tmp_path / name).mkdir()
    for name in ("01_RES.log", "01.csv", "01.mp4", "01.png", "02.csv"):  # what other commands may have written
        (tmp_path / name).touch()
    assert movie_of(tmp_path / "01_RES") == tmp_path / "01"
    for name in ("a", "a_ST_2"):
        (tmp_path / name).mkdir()
    assert movie_of(tmp_path / "a_ST_2_RES") == tmp_path / "a_ST_2"
    assert movie_of(tmp_path / "a_RES-old") == tmp_path / "a"
    monkeypatch.chdir(tmp_path / "01_RES")
    assert movie_of(Path()) == tmp_path / "01"
    assert movie_of(tmp_path / "02_RES") is movie_of(tmp_path / "01") is None
    assert movie_of(tmp_path / "nowhere" / "01_RES") is None
    (tmp_path / "01.tif").touch()
    assert movie_of(tmp_path / "01_RES") == tmp_path / "01"
    for name in ("03.tif", "03.ome.tif"):
        (tmp_path / name).touch()
    assert movie_of(tmp_path / "03_RES") is None


def test_what_was_chosen_is_in_the_results_name(tmp_path: Path):
    path = tmp_path / "cells.ome.tif"
    path.touch()
    names = {
        Choice(): "cells_RES",
        Choice(scene="2"): "cells_2_RES",
        Choice(scene="well 1/x"): "cells_well-1-x_RES",
        Choice(channel="2"): "cells_c2_RES",
        Choice(channel="GFP", scene="1"): "cells_1_GFP_RES",
        Choice(plane="3"): "cells_z3_RES",
        Choice(plane="max"): "cells_max_RES",
        Choice(pattern="Exp_A1_*.tif"): "cells_Exp_A1_RES",
        Choice(until=3, time_axis="C"): "cells_RES",
    }
    for choice, name in names.items():
        assert result_of(path, choice) == tmp_path / name


def test_a_file_beside_a_folder_of_its_name_has_a_result_of_its_own(tmp_path: Path):
    (tmp_path / "day 1").mkdir()
    (tmp_path / "day 1.tif").touch()
    assert result_of(tmp_path / "day 1") == tmp_path / "day 1_RES"
    assert result_of(tmp_path / "day 1.tif") == tmp_path / "day 1_tif_RES"
    for name in ("03.tif", "03.ome.tif", "04.tif", "04.png"):
        (tmp_path / name).touch()
    assert result_of(tmp_path / "03.tif") == tmp_path / "03_tif_RES"
    assert result_of(tmp_path / "03.ome.tif") == tmp_path / "03_ome-tif_RES"
    assert result_of(tmp_path / "04.tif") == tmp_path / "04_RES"  # a picture of it
    assert movie_of(tmp_path / "day 1_tif_RES") == tmp_path / "day 1.tif"
    (tmp_path / "04_c2_RES").mkdir()
    record.confirm(tmp_path / "04_c2_RES", {"movie": {"channel": "2"}})
    assert movie_of(tmp_path / "04_c2_RES") == tmp_path / "04.tif"


def test_a_result_takes_units_from_the_user_then_its_record_then_its_movie(tmp_path: Path):
    write_movie(dividing(), tmp_path)
    write_tracked(open_tracked(tmp_path / "01_GT"), tmp_path / "a_RES")
    path = KINDS["imagej"](tmp_path, dividing().frames())
    assert open_pair(tmp_path / "a_RES")[0].units == Units()
    assert open_pair(tmp_path / "a_RES", path)[0].units == Units(PIXEL, INTERVAL)
    record.confirm(tmp_path / "a_RES", {"movie": {"pixel_size_um": 3}})
    assert open_pair(tmp_path / "a_RES")[0].units == Units(3)
    assert open_pair(tmp_path / "a_RES", path)[0].units == Units(3, INTERVAL)
    assert open_pair(tmp_path / "a_RES", path, Choice(units=Units(4)))[0].units == Units(4, INTERVAL)
    (tmp_path / "a_RES.json").write_text("{")
    assert open_pair(tmp_path / "a_RES")[0].units == Units()  # somebody else's


def test_a_result_remembers_its_channel(tmp_path: Path):
    write_movie(moving(), tmp_path)
    write_tracked(open_tracked(tmp_path / "01_GT"), tmp_path / "a_RES")
    tifffile.imwrite(tmp_path / "a.tif", TWO, imagej=True, metadata={"axes": "TCYX"})
    record.confirm(tmp_path / "a_RES", {"movie": {"channel": "2"}})
    frames = open_pair(tmp_path / "a_RES", tmp_path / "a.tif")[1]
    assert frames is not None
    assert np.array_equal(frames[2], TWO[2, 1])
    frames = open_pair(tmp_path / "a_RES", tmp_path / "a.tif", channels=True)[1]
    assert frames is not None
    assert frames[2].shape == (48, 80, 2)


def test_another_movie_is_refused(tmp_path: Path):
    write_movie(dividing(), tmp_path)
    path = KINDS["imagej"](tmp_path, dividing().frames()[:4])
    with pytest.raises(ValueError, match=r"expected the movie of the result, frames 0 to 5 of 48 x 64, got 0 to 3"):
        open_pair(tmp_path / "01_GT", path)


def test_annotated_movies_of_any_kind_train(tmp_path: Path):
    folder = write_movie(dividing(), tmp_path / "mine")
    expected = read_annotated(folder, Normalisation())
    frames = np.stack(expected.frames)  # read when they are asked for
    shutil.rmtree(folder)
    KINDS["ome"](tmp_path, dividing().frames()).rename(tmp_path / "mine" / "01.ome.tif")
    assert sequences(tmp_path / "mine") == [tmp_path / "mine" / "01.ome.tif"]
    movie = read_annotated(tmp_path / "mine" / "01.ome.tif", Normalisation())
    assert movie.numbers == expected.numbers
    assert np.array_equal(np.stack(movie.frames), frames)
    assert movie.centres == expected.centres
    assert movie.divisions == expected.divisions
    folder.mkdir()
    with pytest.raises(ValueError, match=re.escape("expected one movie 01, got 01 and 01.ome.tif")):
        sequences(tmp_path / "mine")


def test_frames_that_train_may_have_holes_in_the_challenges_folder(tmp_path: Path):
    folder = write_movie(dividing(), tmp_path)
    (folder / "t002.tif").unlink()
    frames = open_frames(folder)
    assert sorted(frames) == [0, 1, 3, 4, 5]
    assert np.array_equal(frames[4](), dividing().frames()[4])


@pytest.mark.parametrize("kind", ["zarr", "tiff"])
def test_twenty_gigabytes_do_not_enter_memory(kind: str, tmp_path: Path):
    """A movie of which nearly nothing is on the disk; every 500th frame is read."""
    shape = (10_000, 1024, 1024)
    if kind == "zarr":
        path = ome_zarr(tmp_path, MOVIE)
        array = zarr.open_group(path).create_array("big", shape=shape, chunks=(1, 1024, 1024), dtype="u2")
        for frame, value in ((5000, 7), (0, 0)):
            array.with_config({"write_empty_chunks": True})[frame] = value
        chunks = Path(path) / "big" / "c"
        for frame in set(range(shape[0])) - {0, 5000}:  # links to the empty one: as if it had been written so often
            (chunks / f"{frame}/0").mkdir(parents=True)
            (chunks / f"{frame}/0/0").hardlink_to(chunks / "0/0/0")
        space = {"type": "space", "unit": "micrometer"}
        axes = [{"name": "t", "type": "time"}, *({"name": name, **space} for name in "yx")]
        about = {"axes": axes, "datasets": [{"path": "big"}]}
        zarr.open_group(path).attrs["ome"] = {"version": "0.5", "multiscales": [about]}
    else:
        path = tmp_path / "big.tif"
        stack = tifffile.memmap(path, shape=shape, dtype="u2", bigtiff=True, photometric="minisblack")
        stack[5000] = 7
        stack.flush()
        del stack
    tracemalloc.start()
    try:
        movie = open_movie(path)
        brightest = [int(movie.frames[t].max()) for t in range(0, len(movie), 500)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.prod(shape) * 2 > 20e9
    assert brightest == [7 if t == 5000 else 0 for t in range(0, 10_000, 500)]
    assert peak < 40e6


@pytest.mark.parametrize(
    ("height", "width", "pixel"), [(0.5, 0.5, 0.5), (0.501, 0.5, 0.5), (None, 0.5, 0.5), (2.0, 0.5, None)]
)
def test_pixels_that_are_not_square_have_no_size(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, height: float | None, width: float, pixel: float | None
):
    sides = {"PhysicalSizeX": width, "PhysicalSizeXUnit": "µm"}
    sides |= {"PhysicalSizeY": height, "PhysicalSizeYUnit": "µm"} if height else {}
    tifffile.imwrite(tmp_path / "a.ome.tif", MOVIE, metadata={"axes": "TYX", **sides})
    assert open_movie(tmp_path / "a.ome.tif").units.pixel == pixel
    assert ("pixels of 2 x 0.5 micrometres are not square" in caplog.text) == (pixel is None)


def test_imagej_has_a_side_for_each_axis(tmp_path: Path):
    about = {"axes": "TYX", "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", MOVIE.astype(np.uint16), imagej=True, resolution=(2, 2), metadata=about)
    tifffile.imwrite(tmp_path / "b.tif", MOVIE.astype(np.uint16), imagej=True, resolution=(2, 1), metadata=about)
    assert open_movie(tmp_path / "a.tif").units.pixel == 0.5
    assert open_movie(tmp_path / "b.tif").units.pixel is None
