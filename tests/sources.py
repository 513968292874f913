"""One movie in every kind of file: what ``open_movie`` must find equal."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import tifffile
import zarr

INTERVAL, PIXEL = 90.0, 0.5


def multipage(path: Path, movie: np.ndarray) -> Path:
    """Pages without any metadata."""
    tifffile.imwrite(path / "plain.tif", movie, metadata=None, compression="zlib", photometric="minisblack")
    return path / "plain.tif"


def contiguous(path: Path, movie: np.ndarray) -> Path:
    """tifffile's own stack, big-endian."""
    tifffile.imwrite(path / "stack.tiff", movie, byteorder=">", photometric="minisblack")
    return path / "stack.tiff"


def appended(path: Path, movie: np.ndarray) -> Path:
    """Written one by one."""
    for image in movie:
        tifffile.imwrite(path / "appended.tif", image, append=True)
    return path / "appended.tif"


def imagej(path: Path, movie: np.ndarray) -> Path:
    """A hyperstack with units."""
    tifffile.imwrite(
        path / "fiji.tif", movie, imagej=True, resolution=(1 / PIXEL, 1 / PIXEL),
        metadata={"axes": "TYX", "finterval": INTERVAL, "unit": "um"},
    )  # fmt: skip
    return path / "fiji.tif"


def slices(path: Path, movie: np.ndarray) -> Path:
    """What ImageJ makes of an image sequence: frames called slices."""
    tifffile.imwrite(path / "slices.tif", movie, imagej=True, metadata={"axes": "ZYX"})
    return path / "slices.tif"


def ome(path: Path, movie: np.ndarray) -> Path:
    """OME-TIFF in units that are not ours."""
    tifffile.imwrite(
        path / "cells.ome.tif", movie, compression="zlib", tile=(32, 32), photometric="minisblack",
        metadata={"axes": "TYX", "PhysicalSizeX": PIXEL * 1000, "PhysicalSizeXUnit": "nm",
                  "TimeIncrement": INTERVAL / 60, "TimeIncrementUnit": "min"},
    )  # fmt: skip
    return path / "cells.ome.tif"


def ome_zarr(path: Path, movie: np.ndarray, version: str = "0.5", chunk: int = 1) -> Path:
    """Axes t, c, z, y, x with one channel and one plane; the scale in two parts."""
    place = path / f"cells{version}.ome.zarr"
    group = zarr.open_group(place, mode="w", zarr_format=3 if version == "0.5" else 2)
    data = movie[:, None, None]
    array = group.create_array("0", shape=data.shape, chunks=(chunk, 1, 1, 40, 40), dtype=movie.dtype)
    array[:] = data
    space = {"type": "space", "unit": "micrometer"}
    about = {
        "axes": [{"name": "t", "type": "time", "unit": "minute"}, {"name": "c", "type": "channel"},
                 *({"name": name, **space} for name in "zyx")],
        "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1, PIXEL, PIXEL]}]}],
        "coordinateTransformations": [{"type": "scale", "scale": [INTERVAL / 60, 1, 1, 1, 1]}],
    }  # fmt: skip
    if version == "0.5":
        group.attrs["ome"] = {"version": version, "multiscales": [about]}
    else:
        group.attrs["multiscales"] = [{"version": version, **about}]
    return place


def ome_zarr_4(path: Path, movie: np.ndarray) -> Path:
    """Version 0.4, with chunks of several frames."""
    return ome_zarr(path, movie, "0.4", chunk=4)


def pictures(path: Path, movie: np.ndarray) -> Path:
    """PNG of 16 bit with any names; a10 comes after a9."""
    folder = path / "pictures"
    folder.mkdir()
    for t, image in enumerate(movie, start=8):
        cv2.imwrite(str(folder / f"Field 3, time {t}.png"), image)
    (folder / "notes.txt").write_text("not an image")
    (folder / "._hidden.png").write_text("not an image")
    return folder


def narrow(path: Path, movie: np.ndarray) -> Path:
    """TIFF files t9, t10, ...: not the challenge's names."""
    folder = path / "narrow"
    folder.mkdir()
    for t, image in enumerate(movie, start=9):
        tifffile.imwrite(folder / f"t{t}.tif", image)
    return folder


KINDS: dict[str, Callable[[Path, np.ndarray], Path]] = {
    make.__name__: make
    for make in (multipage, contiguous, appended, imagej, slices, ome, ome_zarr, ome_zarr_4, pictures, narrow)
}
UNITS = ("imagej", "ome", "ome_zarr", "ome_zarr_4")
"""Kinds that say what a pixel and a frame are worth."""


def write_series(path: Path, movies: list[np.ndarray]) -> Path:
    """A zarr as bioformats2raw makes it: a group per series."""
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    for number, movie in enumerate(movies):
        ome_zarr(path, movie, "0.4").rename(path / str(number))
    json.loads((path / ".zattrs").read_text())
    return path


def lif(path: Path, movie: np.ndarray) -> Path:
    """A Leica file of one series with the axes t, y, x, by hand: no library writes them; lengths are in metres."""
    frames, height, width = movie.shape
    sizes = {1: (width, 2, PIXEL * 1e-6, "m"), 2: (height, 2 * width, PIXEL * 1e-6, "m"),
             4: (frames, 2 * width * height, INTERVAL, "s")}  # fmt: skip
    dimensions = "".join(
        f'<DimensionDescription DimID="{one}" NumberOfElements="{count}" Origin="0" Length="{step * (count - 1)}" '
        f'Unit="{unit}" BitInc="0" BytesInc="{bytes_}"/>' for one, (count, bytes_, step, unit) in sizes.items()
    )  # fmt: skip
    channel = (
        '<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" NameOfMeasuredQuantity="" Min="0" '
        'Max="65535" Unit="" LUTName="Gray" IsLUTInverted="0" BytesInc="0" BitInc="0"/>'
    )
    data = movie.astype("<u2").tobytes()
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="cells"><Memory Size="0" MemoryBlockID="MemBlock_0"/>'
        '<Children><Element Name="Series001"><Data><Image TextDescription=""><ImageDescription>'
        f"<Channels>{channel}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{len(data)}" MemoryBlockID="MemBlock_1"/></Element></Children></Element>'
        "</LMSDataContainerHeader>"
    ).encode("utf-16-le")
    name = "MemBlock_1".encode("utf-16-le")
    place = path / "cells.lif"
    place.write_bytes(
        struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml
        + struct.pack("<IIBQBI", 0x70, len(name) + 14, 0x2A, len(data), 0x2A, len(name) // 2) + name + data
    )  # fmt: skip
    return place
