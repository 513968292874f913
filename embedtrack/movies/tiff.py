"""A TIFF of several images: multi-page, ImageJ's hyperstack, OME-TIFF and what else tifffile knows."""

import logging
import math
import threading
import weakref
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.files.guard import bonus, require_pixels
from embedtrack.movies.scenes import pick
from embedtrack.movies.stack import SCENES, Place, Stack
from embedtrack.movies.tiff_image import is_white_zero, readable, white_is_high
from embedtrack.movies.units import Units, micrometres, seconds, square

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".lsm", ".stk")


def open_tiff(path: Path, scene: str | None = None) -> Stack:
    """The images of a TIFF file; the file stays open until nothing refers to them any more.

    Raises:
        ValueError: no TIFF, or several movies of which none is chosen.
    """
    notes: list[str] = []
    with readable(path), _complaints() as complaints:
        file = tifffile.TiffFile(path)
        try:
            pages = len(file.pages)
            all_series: Sequence[Any] = file.series
            if file.is_imagej and (few := _too_few(file)):
                notes.append(f"its text speaks of {few} images, but there are {pages}; all are taken for frames")
                all_series = _plain_series(path, file)
        except BaseException:
            file.close()
            raise
    try:
        if not pages or not all_series:
            said = complaints[0] if complaints else "no image"
            raise ValueError(f"{path}: expected a whole TIFF file, got '{said}'; copy or save it again")
        appended = _is_appended(all_series)
        names = [""] if appended else [series.name for series in all_series]
        index = 0 if not appended and _has_scenes(all_series) else pick(path, names, scene)
        reader = _Appended(file, all_series) if appended else _Series(file, all_series[index])
        if not {"Y", "X"} <= set(reader.within):
            raise ValueError(f"{path}: expected images along Y and X, got the axes {reader.axes}; save it again")
        require_pixels(path, reader.shape[-2:])
        nothing: tuple[Units, tuple[str, ...]] = (Units(), ())
        units, channels = bonus(path, "what it says of pixels and channels", lambda: _about(file, index), nothing)
        weakref.finalize(reader, file.close)
        if reader.upside_down:
            notes.append("white is zero in this file; its grey values are turned round")

        def read(place: Place) -> NDArray[Any]:
            with readable(path):
                return reader.image(place)

        def fault(place: Place) -> str | None:
            with readable(path):
                return reader.fault(place)

        loose = "QIZ" if file.is_imagej else "QI"  # ImageJ calls the images of any stack slices
        broken = complaints[0] if complaints else ""
        return Stack(reader.axes, reader.shape, reader.dtype, read, units, channels, loose, fault, broken, tuple(notes))
    except BaseException:
        file.close()
        raise


class _Series:
    """Images of one series: its last axes lie within a page, the others go from page to page."""

    def __init__(self, file: tifffile.TiffFile, series: Any) -> None:
        self.axes, self.shape, self.dtype = series.axes, tuple(map(int, series.shape)), np.dtype(series.dtype)
        self.upside_down = is_white_zero(series.keyframe)
        self._file, self._series = file, series
        self._page_shape = tuple(map(int, series.keyframe.shape))
        self._lead = self.axes[: len(self.axes) - len(self._page_shape)]
        self.within = self.axes[len(self._lead) :]
        self._lock = threading.Lock()

    def fault(self, place: Place) -> str | None:
        """What keeps the image at a place from being whole, as its offsets tell."""
        index, size = self._index(place), self._file.filehandle.size
        if self._series.dataoffset is not None:
            end = self._series.dataoffset + (index + 1) * math.prod(self._page_shape) * self.dtype.itemsize
        else:
            page = self._series.pages[index] if index < len(self._series.pages) else None
            if page is None:
                return "expected its image, got a file without it; add its other files or save it again"
            if not page.databytecounts or 0 in page.databytecounts:
                return "expected all pixels, got a file without some of them"
            pieces = zip(page.dataoffsets, page.databytecounts, strict=True)
            end, size = max(start + length for start, length in pieces), page.parent.filehandle.size
        return f"expected {end} bytes, got {size}: the file is truncated" if end > size else None

    def image(self, place: Place) -> NDArray[Any]:
        """The image [H, W] at a place."""
        with self._lock:
            page = self._page(self._index(place)).reshape(self._page_shape)
        picked: NDArray[Any] = page[tuple(slice(None) if name in "YX" else place[name] for name in self.within)]
        upright = picked if self.within.index("Y") < self.within.index("X") else picked.T
        return white_is_high(upright) if self.upside_down else upright

    def _index(self, place: Place) -> int:
        """Which page an image lies in."""
        index = 0
        for name, length in zip(self._lead, self.shape, strict=False):
            index = index * length + place[name]
        return index

    def _page(self, index: int) -> NDArray[Any]:
        offset, count = self._series.dataoffset, math.prod(self._page_shape)
        if offset is not None:
            dtype = self.dtype.newbyteorder(self._file.byteorder)
            start = offset + index * count * self.dtype.itemsize
            return np.asarray(self._file.filehandle.read_array(dtype, count, start))
        page = self._series.pages[index]
        handle = page.parent.filehandle
        if not handle.closed:
            return np.asarray(page.asarray())
        handle.open()  # one of several files of a movie: they are not kept open, there may be thousands
        try:
            return np.asarray(page.asarray())
        finally:
            handle.close()


class _Appended:
    """Images that were appended to a file one by one, each a series of its own."""

    def __init__(self, file: tifffile.TiffFile, all_series: Sequence[Any]) -> None:
        self._all = [_Series(file, series) for series in all_series]
        one = self._all[0]
        self.axes, self.shape, self.dtype = f"I{one.axes}", (len(self._all), *one.shape), one.dtype
        self.within, self.upside_down = one.within, one.upside_down

    def fault(self, place: Place) -> str | None:
        return self._all[place["I"]].fault(place)

    def image(self, place: Place) -> NDArray[Any]:
        return self._all[place["I"]].image(place)


def _is_appended(all_series: Sequence[Any]) -> bool:
    kinds = {(series.kind, series.axes, series.shape, series.dtype) for series in all_series}
    return len(all_series) > 1 and len(kinds) == 1 and all_series[0].kind in ("shaped", "generic", "uniform")


def _has_scenes(all_series: Sequence[Any]) -> bool:
    """Whether a single series holds several positions: the choice among them is one of an axis."""
    return len(all_series) == 1 and dict(zip(all_series[0].axes, all_series[0].shape, strict=True)).get(SCENES, 1) > 1


def _too_few(file: tifffile.TiffFile) -> int:
    """So many images ImageJ's text speaks of, where the file has more pages than these; else 0."""
    told = sum(math.prod(one.shape) // max(1, math.prod(one.keyframe.shape)) for one in file.series)
    return told if told < len(file.pages) else 0


def _plain_series(path: Path, file: tifffile.TiffFile) -> Sequence[Any]:
    """The series of a file's pages as they are, whatever its text says."""
    plain = tifffile.TiffFile(path, is_imagej=False, is_shaped=False)
    weakref.finalize(file, plain.close)
    found: Sequence[Any] = plain.series
    return found


def _about(file: tifffile.TiffFile, index: int) -> tuple[Units, tuple[str, ...]]:
    """Units and names of channels of the series at ``index``, where the file's kind has such metadata."""
    if file.is_ome and file.ome_metadata:
        return ome_about(file.ome_metadata, index)
    if file.is_imagej:
        about = file.imagej_metadata or {}
        height, width = (_side(file.pages.first.tags.get(f"{axis}Resolution"), about.get("unit")) for axis in "YX")
        return Units(square(height, width), seconds(about.get("finterval"), about.get("tunit") or "s")), ()
    if file.is_lsm:
        lsm = file.lsm_metadata or {}
        height, width = (micrometres(lsm.get(f"VoxelSize{axis}"), "m") for axis in "YX")
        return Units(square(height, width), seconds(lsm.get("TimeIntervall"), "s")), ()
    return Units(), ()


def _side(tag: tifffile.TiffTag | None, unit: str | None) -> float | None:
    """What a tag of so many pixels in so many units says of one, in micrometres."""
    many, one = tag.value if tag else (0, 1)
    return micrometres(one / many if many else None, unit)


def ome_about(xml: str, index: int) -> tuple[Units, tuple[str, ...]]:
    """Units and names of channels of an image in OME-XML."""
    try:
        pixels = ET.fromstring(xml).findall("{*}Image/{*}Pixels")[index]
    except (ET.ParseError, IndexError):
        return Units(), ()
    interval = seconds(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    names = tuple(channel.get("Name") or "" for channel in pixels.iterfind("{*}Channel"))
    height, width = (
        micrometres(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "YX"
    )
    return Units(square(height, width), interval or _mean_step(pixels)), names if all(names) else ()


def _mean_step(pixels: ET.Element) -> float | None:
    """The mean time from a frame to the next, where each has its own."""
    planes = [plane for plane in pixels.iterfind("{*}Plane") if plane.get("TheZ") == plane.get("TheC") == "0"]
    times = {int(plane.get("TheT", 0)): seconds(plane.get("DeltaT"), plane.get("DeltaTUnit", "s")) for plane in planes}
    known = {t: time for t, time in times.items() if time is not None}
    if len(known) < 2:
        return None
    first, last = min(known), max(known)
    return seconds((known[last] - known[first]) / (last - first), "s")


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What tifffile logs within of a chain of pages that is cut; its other remarks are of no use to a user."""
    found: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "page offset" in text or "corrupted" in text:
            found.append(text.split("> ")[-1])
        return False

    logger = logging.getLogger("tifffile")
    usual = logger.level
    logger.addFilter(keep)
    logger.setLevel(logging.WARNING)  # the command line silences it: see cli/display.py
    try:
        yield found
    finally:
        logger.setLevel(usual)
        logger.removeFilter(keep)
