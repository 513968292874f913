"""OME-Zarr 0.5: masks as the label image ``OUT/labels/cells`` with the lineage in its properties, over the movie.

Of a label's properties OME-Zarr fixes ``label-value`` only; ``begin``, ``end`` (indices of frames, inclusive) and
``parent`` are ours. Masks of others without them are read too: equal values are one cell.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.tracked import require_valid
from embedtrack.exchange.graph import same_label, tracked
from embedtrack.files.guard import LARGEST, brief, require_pixels, require_regular_tree, whole
from embedtrack.files.lazy import Lazy
from embedtrack.looks.colours import colours
from embedtrack.movies.omezarr import axes_of, units_of
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.types import Track

VERSION = "0.5"
SMALLEST = 512
"""Pixels of the longer side from which on no further, halved level is made."""


def write(result: Tracked, folder: Path, raw: Sequence[NDArray[Any]] | None = None) -> None:
    """Write the masks, and the movie if there is ``raw``, each with levels of half the size."""
    zarr = need("zarr", "exchange", "OME-Zarr")
    root = zarr.open_group(folder, mode="w", zarr_format=3)
    dtype = "uint16" if max((track.label for track in result.tracks), default=0) < 1 << 16 else "uint32"
    if raw:
        root.attrs["ome"] = {"version": VERSION, "multiscales": [_levels(root, raw, result, raw[0].dtype, "movie")]}
    labels = root.create_group("labels")
    labels.attrs["ome"] = {"version": VERSION, "labels": ["cells"]}
    cells = labels.create_group("cells")
    shades = colours(result.tracks)
    cells.attrs["ome"] = {
        "version": VERSION,
        "multiscales": [_levels(cells, result.masks, result, np.dtype(dtype), "cells")],
        "image-label": {
            "properties": [
                {"label-value": track.label, "begin": track.begin, "end": track.end, "parent": track.parent}
                for track in result.tracks
            ],
            "colors": [
                {"label-value": label, "rgba": [red, green, blue, 255]} for label, (blue, green, red) in shades.items()
            ],
            **({"source": {"image": "../../"}} if raw else {}),
        },
    }
    cells.attrs["embedtrack"] = {"first": result.first, "digits": result.digits}


def read(path: Path) -> Tracked:
    """Read the label image at ``path``, or the first one below ``path/labels``; versions 0.4 and 0.5.

    Raises:
        ValueError: there is none, or it is not of the axes t, y and x.
    """
    zarr = need("zarr", "exchange", str(path))
    require_regular_tree(path)
    try:
        group = zarr.open_group(path, mode="r")
        if "image-label" not in _ome(group):
            above = group.get("labels", group)
            group = above[_ome(above)["labels"][0]]
        about = _ome(group)
        scales = about["multiscales"][0]
        array = group[scales["datasets"][0]["path"]]
        axes = axes_of(scales, array.ndim)
    except Exception as error:  # zarr and its codecs have errors of their own
        said = brief(error)
        raise ValueError(f"{path}: expected an OME-Zarr with labels, got none ('{said}'); check the path") from error
    require_pixels(path, array.shape[-2:])
    extra = [(name, size) for name, size in zip(axes, array.shape, strict=True) if name not in "tyx"]
    if not {"t", "y", "x"} <= set(axes) or any(size > 1 for _, size in extra):
        raise ValueError(f"{path}: expected labels of the axes t, y, x, got {axes} of {array.shape}; export one plane")
    images = Lazy(
        array.shape[axes.index("t")],
        lambda t: np.asarray(array[tuple(t if name == "t" else slice(None) if name in "yx" else 0 for name in axes)]),
    )
    own, units = dict(group.attrs.get("embedtrack", {})), units_of(scales, axes)
    first, digits = whole(own, "first", 0), whole(own, "digits", 3, most=9)
    tracks = _tracks(path, about.get("image-label", {}).get("properties", []), own=bool(own))
    if tracks is None:
        return tracked(path, images, *same_label(images), first, digits, units)
    height, width = (array.shape[axes.index(name)] for name in "yx")
    result = Tracked(
        Lazy(len(images), lambda t: images[t].astype(np.int32)), tracks, (height, width), first, digits, units
    )
    require_valid(result, path)
    return result


def _ome(group: Any) -> dict[str, Any]:
    """The metadata: under ``ome`` since 0.5."""
    attributes: dict[str, Any] = dict(group.attrs)
    found: dict[str, Any] = attributes.get("ome", attributes)
    return found


def _tracks(path: Path, properties: Sequence[dict[str, Any]], *, own: bool) -> list[Track] | None:
    """The lineage in the properties; None if those of another program have none.

    Raises:
        ValueError: some labels have one and others lack it, or what we wrote lacks it.
    """
    columns = ("label-value", "begin", "end", "parent")
    damaged = [one for one in properties if not set(columns) <= one.keys()]
    if not own and len(damaged) == len(properties):
        return None
    if damaged:
        lacking = ", ".join(column for column in columns if column not in damaged[0])
        raise ValueError(
            f"{path}: expected begin, end and parent in the properties of each label, got none of {lacking} for label "
            f"{damaged[0].get('label-value', 'without a value')}; export it again"
        )
    return [Track(*(whole(one, column, most=LARGEST) for column in columns)) for one in properties]


def _levels(
    group: Any, images: Sequence[NDArray[Any]], result: Tracked, dtype: np.dtype[Any], name: str
) -> dict[str, Any]:
    """Write the arrays 0, 1, ... int[T, H, W], each half as large as the one before; returns their metadata."""
    sizes = list(_halves(result.shape))
    full = {"write_empty_chunks": name == "movie"}  # of a movie a missing chunk is a fault
    arrays = [
        group.create_array(str(level), shape=(len(result), *size), chunks=(1, *size), dtype=dtype,
                           dimension_names=["t", "y", "x"], config=full)
        for level, size in enumerate(sizes)
    ]  # fmt: skip
    for t, image in enumerate(images):
        for level, (array, size) in enumerate(zip(arrays, sizes, strict=True)):
            small = _shrunk(image, size, 2**level, labels=name == "cells") if level else image
            array[t] = small.astype(dtype)
    pixel, interval = result.units.pixel, result.units.interval
    datasets = []
    for level in range(len(sizes)):
        factor = 2.0**level
        space = factor * (pixel or 1.0)
        shift = 0.0 if name == "cells" else (factor - 1) / 2 * (pixel or 1.0)
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": [interval or 1.0, space, space]}]
        if shift:
            transforms.append({"type": "translation", "translation": [0.0, shift, shift]})
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    axes = [{"name": "t", "type": "time"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    if interval:
        axes[0]["unit"] = "second"
    for axis in axes[1:] if pixel else ():
        axis["unit"] = "micrometer"
    return {"name": name, "axes": axes, "datasets": datasets}


def _halves(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The shapes of the levels."""
    height, width = shape
    while True:
        yield height, width
        if max(height, width) <= SMALLEST or min(height, width) < 2:
            return
        height, width = -(-height // 2), -(-width // 2)


def _shrunk(image: NDArray[Any], shape: tuple[int, int], step: int, labels: bool) -> NDArray[Any]:
    """The image in blocks of step x step pixels, of which the last ones may jut out."""
    if labels:
        return image[::step, ::step]  # labels must not mix: the first pixel of each block stands for it
    height, width = shape
    padded = cv2.copyMakeBorder(
        image, 0, height * step - image.shape[0], 0, width * step - image.shape[1], cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(padded, (width, height), interpolation=cv2.INTER_AREA))
