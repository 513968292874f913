"""OME-Zarr 0.4 and 0.5: the finest level of an image, read chunk by chunk."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.files.guard import bonus, brief, require_pixels, require_regular_tree
from embedtrack.movies.chunks import look_at_chunks
from embedtrack.movies.scenes import pick
from embedtrack.movies.stack import Place, Stack
from embedtrack.movies.units import Units, micrometres, seconds, square
from embedtrack.optional_packages import need

MARKS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")
"""Files of which a zarr's folder has one."""
AT_ONCE = 256 * 2**20
"""Bytes: where chunks hold several frames these are kept together, so that they are decoded once."""


def open_omezarr(path: Path, scene: str | None = None) -> Stack:
    """The image in an OME-Zarr's folder, or in one of its series.

    Raises:
        ValueError: zarr is missing, there is no image, or several of which none is chosen.
    """
    zarr = need("zarr", "exchange", str(path))
    require_regular_tree(path)
    try:
        group = zarr.open_group(path, mode="r")
        about = _ome(group.attrs)
        if "bioformats2raw.layout" in about:
            names = about.get("series") or sorted((name for name, _ in group.groups() if name.isdigit()), key=int)
            group = group[names[pick(path, names, scene)]]
            about = _ome(group.attrs)
        if "plate" in about:
            raise ValueError("a plate; name the folder of one field, e.g. PLATE.zarr/A/1/0")
        scales = about["multiscales"][0]
        array = group[scales["datasets"][0]["path"]]
        axes = axes_of(scales, array.ndim)
    except Exception as error:  # zarr and its codecs have errors of their own
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: expected an OME-Zarr image, got {_instead(zarr, path, error)}") from error
    if array.dtype.itemsize == 0 or not {"y", "x"} <= set(axes):
        raise ValueError(f"{path}: expected the axes y and x, got {axes}; convert it")
    require_pixels(path, (array.shape[axes.index("y")], array.shape[axes.index("x")]))
    reader = _Reader(path, array, "".join(axes).upper())
    chunks = look_at_chunks(path, array, reader.axes)
    nameless: tuple[str, ...] = ()
    names = bonus(path, "what it says of channels", lambda: _channels(about), nameless)
    return Stack(
        reader.axes, tuple(array.shape), np.dtype(array.dtype), reader.image,
        bonus(path, "what it says of pixels", lambda: units_of(scales, axes), Units()),
        names if all(names) else (), fault=chunks.fault, notes=chunks.notes,
    )  # fmt: skip


def _channels(about: Mapping[str, Any]) -> tuple[str, ...]:
    """The channels' names, where it has any."""
    shown = (about.get("omero") or {}).get("channels") or []
    return tuple(str(channel.get("label") or "") for channel in shown)


class _Reader:
    """Reads images; where chunks are longer than one frame the last block of frames is kept."""

    def __init__(self, path: Path, array: Any, axes: str) -> None:
        self.axes = axes
        self._path, self._array = path, array
        self._lock = threading.Lock()
        self._kept: tuple[tuple[int, ...], NDArray[Any]] | None = None
        sides = getattr(array, "shards", None) or array.chunks
        self._span = 1
        if "T" in axes:
            time = axes.index("T")
            plane = array.shape[axes.index("Y")] * array.shape[axes.index("X")] * array.dtype.itemsize
            self._span = max(1, min(sides[time], AT_ONCE // max(plane, 1)))

    def image(self, place: Place) -> NDArray[Any]:
        """The image [H, W] at a place."""
        start = place.get("T", 0) // self._span * self._span
        where = tuple(
            slice(None) if name in "YX" else slice(start, start + self._span) if name == "T" else place[name]
            for name in self.axes
        )
        key = (start, *(place[name] for name in self.axes if name not in "TYX"))
        with self._lock:
            if self._kept is None or self._kept[0] != key:
                self._kept = None  # its memory serves the next one
                self._kept = (key, self._read(where))
            block = self._kept[1]
        kept = [name for name in self.axes if name in "TYX"]
        if "T" in kept:
            block = block.take(place["T"] - start, kept.index("T"))
        return block if kept.index("Y") < kept.index("X") else block.T

    def _read(self, where: tuple[Any, ...]) -> NDArray[Any]:
        try:
            return np.asarray(self._array[where])
        except Exception as error:  # a damaged chunk can fail anywhere in zarr and its codecs
            raise ValueError(f"{self._path}: expected whole chunks, got '{brief(error)}'; copy it again") from error


def _instead(zarr: Any, path: Path, error: Exception) -> str:
    """What a folder of zarr holds that is no image with OME's metadata, and what to do."""
    try:
        found = zarr.open(path, mode="r")
        arrays = {"": found} if hasattr(found, "shape") else dict(found.arrays())
    except Exception:  # a damaged store can fail anywhere in zarr
        return f"none ('{brief(error)}'); check the path"
    if not arrays:
        return f"none ('{brief(error)}'); check the path"
    some = ", ".join(f"{name} {tuple(array.shape)}".strip() for name, array in list(arrays.items())[:5])
    return f"zarr without OME's metadata, arrays of the shape {some}; write it with ome-zarr, or save it as TIFF"


def _ome(attributes: Any) -> dict[str, Any]:
    """The metadata: under ``ome`` since 0.5."""
    found = dict(attributes)
    inner: dict[str, Any] = found.get("ome", found)
    return inner


def axes_of(scales: Mapping[str, Any], count: int) -> list[str]:
    """A letter for each axis; before 0.4 they were words, before 0.3 always the same five."""
    axes = scales.get("axes") or "tczyx"[-count:]
    names = [axis["name"] if isinstance(axis, dict) else axis for axis in axes]
    kinds = {"time": "t", "channel": "c"}
    letters = [
        kinds.get(axis.get("type", ""), name) if isinstance(axis, dict) else name
        for axis, name in zip(axes, names, strict=True)
    ]
    if len(letters) != count or len(set(letters)) != count or any(len(letter) != 1 for letter in letters):
        raise ValueError(f"expected a letter for each of {count} axes, got {names}")
    return letters


def units_of(scales: Mapping[str, Any], axes: Sequence[str]) -> Units:
    """Micrometres and seconds, where the axes have units."""
    steps = [1.0] * len(axes)
    for level in (scales, scales["datasets"][0]):
        for transform in level.get("coordinateTransformations") or []:
            if transform.get("type") == "scale":
                steps = [a * b for a, b in zip(steps, transform["scale"], strict=True)]
    unit = {
        letter: axis.get("unit") for letter, axis in zip(axes, scales.get("axes") or [], strict=False)
        if isinstance(axis, dict)
    }  # fmt: skip
    step = dict(zip(axes, steps, strict=True))
    height, width = (micrometres(step[axis], unit.get(axis)) for axis in "yx")
    return Units(square(height, width), seconds(step.get("t"), unit.get("t")))
