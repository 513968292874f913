"""A result in numbers: a table with a row per cell and frame, and one with a row per cell.

``CELLS`` and ``TRACKS`` name and explain the columns. Lengths are in pixels and times in frames; where the pixel's size
or the interval between frames is known, columns with their units in their names follow.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import regionprops_table

from embedtrack.files.mark import TOKEN
from embedtrack.files.whole import check_file, new_file
from embedtrack.movies.units import Units
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import Life, cell_of_track, lives
from embedtrack.types import Labels, Track

CELLS = {
    "frame": "number of the frame",
    "label": "the cell's value in the mask",
    "track": "the cell's name: the label that it had first; it differs from label where the cell was lost in between",
    "parent": "track of the cell that divided into this one, or 0",
    "lineage": "track of the family's founder",
    "generation": "divisions since the founder",
    "age": "frames since the cell was first seen",
    "cycle": "frames from its birth in a division to its own division, empty unless both were seen",
    "y": "row of the centroid, pixels from the upper edge (the first pixel's middle is 0)",
    "x": "column of the centroid, pixels from the left edge",
    "area": "pixels of the mask",
    "major_axis": "long axis of the ellipse with the same second moments",
    "minor_axis": "its short axis",
    "orientation": "radians from the y axis to the long axis, counter-clockwise, from -pi/2 to pi/2",
    "eccentricity": "of that ellipse: 0 for a circle, near 1 for a line",
    "perimeter": "length of the outline",
    "solidity": "area divided by that of its convex hull, in pixels: 1 without bays",
    "edge": "1 where the mask touches the frame's edge, so that the cell may go on outside, else 0",
    "step": "distance from where the cell was seen last",
    "speed": "step divided by the frames in between",
    "displacement": "distance from where the cell was seen first",
    "confidence": "how likely it is that there is one cell, where the result's record knows it",
    "link_confidence": "... and that it comes from where the tracks say: the cell before, its mother, or nowhere",
    "mean_intensity": "mean grey value, with --raw; with several channels mean_intensity_1, ...",
    "total_intensity": "sum of the grey values",
    "net_intensity": "mean_intensity less the median of the ground around the cell, within its own width",
}
"""Columns of the table of cells."""

TRACKS = {
    "track": "the cell's name",
    "parent": "track of the cell that divided into this one, or 0",
    "lineage": "track of the family's founder",
    "generation": "divisions since the founder",
    "first": "number of the first frame",
    "last": "number of the last frame",
    "frames": "frames in which the cell is seen",
    "lost": "frames in between in which it is not",
    "daughters": "cells into which it divided, 0 if it did not",
    "cycle": "frames from its birth in a division to its own division, empty unless both were seen",
    "path": "sum of the steps",
    "displacement": "distance from the first to the last place",
    "straightness": "displacement divided by path",
    "mean_speed": "path divided by the frames from first to last",
    "mean_area": "mean over the frames",
    "mean_intensity": "mean over the frames of the mean grey value, with --raw",
    "mean_net_intensity": "mean over the frames of net_intensity",
}
"""Columns of the table of tracks."""

LENGTHS = ("y", "x", "major_axis", "minor_axis", "perimeter", "step", "displacement", "path")
AREAS = ("area", "mean_area")
TIMES = ("age", "cycle")
SPEEDS = ("speed", "mean_speed")
SHAPE = {
    "label": "label",
    "centroid-0": "y",
    "centroid-1": "x",
    "area": "area",
    "axis_major_length": "major_axis",
    "axis_minor_length": "minor_axis",
    "orientation": "orientation",
    "eccentricity": "eccentricity",
    "perimeter": "perimeter",
}
"""What scikit-image measures -> our column."""
CHANCES = {"frame": "frame", "label": "label", "cell": "confidence", "link": "link_confidence"}
"""Fields of a result's confidence -> our columns."""
SUFFIXES = (".csv", ".parquet")
LEAST_GROUND = 20
"""Of fewer pixels around a cell no ground is taken."""


def measure(result: Tracked, out: Path, raw: Sequence[NDArray[Any]] | None = None, *, overwrite: bool = False) -> Path:
    """Write the table of cells to ``out`` and the one of tracks beside it; both or neither.

    Args:
        result: what to measure.
        out: ``NAME.csv`` or ``NAME.parquet``; the tracks go to ``NAME_tracks.csv`` or ``NAME_tracks.parquet``.
        raw: the grey values [H, W] or [H, W, channels] of every frame.
        overwrite: replace files that are not of our own.

    Returns:
        Where the tracks went.

    Raises:
        ValueError: another suffix, a package is missing, or nothing can be written there.
    """
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{out}: expected a name that ends in .csv or .parquet, got '{out.suffix}'; rename it")
    if suffix == ".parquet":
        need("pyarrow", "exchange", str(out))
    beside = out.with_name(f"{out.stem}_tracks{out.suffix}")
    for path in (out, beside):
        check_file(path, overwrite=overwrite)
    cells = cells_table(result, raw)
    tracks = tracks_table(result, cells)
    with new_file(out, overwrite=overwrite) as first, new_file(beside, overwrite=overwrite) as second:
        for path, table in ((first, cells), (second, tracks)):
            table = with_units(table, result.units, result.first)
            table.attrs["by"] = TOKEN.decode()  # Parquet keeps it
            if suffix == ".csv":
                table.to_csv(path, index=False, float_format="%.6g")
            else:
                table.to_parquet(path, index=False)
    return beside


def cells_table(result: Tracked, raw: Sequence[NDArray[Any]] | None = None) -> pd.DataFrame:
    """A row per cell and frame, sorted by frame and label; the columns of CELLS, grey values only with ``raw``."""
    rows = [
        _frame_rows(labels, raw[i] if raw else None).assign(frame=result.first + i)
        for i, labels in enumerate(result.masks)
    ]
    cells = followed(pd.concat([part for part in rows if len(part)] or rows[:1], ignore_index=True), result.tracks)
    if result.confidence is not None:
        cells = cells.merge(_confidence(result), how="left", on=["frame", "label"])
    grey = [column for column in cells if "_intensity" in column]
    return cells[[*(c for c in CELLS if c in cells and "_intensity" not in c), *grey]]


def _confidence(result: Tracked) -> pd.DataFrame:
    """Its confidence, with frames by their numbers."""
    assert result.confidence is not None
    rows = {name: result.confidence[name].astype(float if name in ("cell", "link") else int) for name in CHANCES}
    return pd.DataFrame(rows).assign(frame=lambda table: table["frame"] + result.first).rename(columns=CHANCES)


def followed(cells: pd.DataFrame, tracks: Sequence[Track]) -> pd.DataFrame:
    """The cells of single frames with what their tracks know of them: track to cycle, age, step to displacement.

    Args:
        cells: frame, label, y and x, in the order of the frames.
        tracks: valid tracks of these labels.
    """
    cell, life = cell_of_track(tracks), lives(tracks)
    cells = cells.assign(track=cells["label"].map(cell).astype(np.int64))
    for column in ("parent", "lineage", "generation"):
        cells[column] = cells["track"].map({name: getattr(one, column) for name, one in life.items()}).astype(np.int64)
    cells["cycle"] = _cycles(cells["track"], life)
    groups = cells.groupby("track")  # the rows are in the order of time
    cells["age"] = cells["frame"] - groups["frame"].transform("first")
    cells["step"] = np.hypot(groups["y"].diff(), groups["x"].diff())
    cells["speed"] = cells["step"] / groups["frame"].diff()
    away = [cells[axis] - groups[axis].transform("first") for axis in ("y", "x")]
    cells["displacement"] = np.hypot(*away)
    return cells


def tracks_table(result: Tracked, cells: pd.DataFrame) -> pd.DataFrame:
    """A row per cell, sorted by name; the columns of TRACKS.

    Args:
        result: the same as for ``cells``.
        cells: what ``cells_table`` says of it.
    """
    life = lives(result.tracks)
    names = sorted(life)
    groups = cells.groupby("track")
    last = groups["displacement"].last().reindex(names)
    path = groups["step"].sum().reindex(names)
    span = np.array([life[name].end - life[name].begin for name in names])
    tracks = pd.DataFrame(
        {
            "track": names,
            **{part: [getattr(life[name], part) for name in names] for part in ("parent", "lineage", "generation")},
            "first": [life[name].begin + result.first for name in names],
            "last": [life[name].end + result.first for name in names],
            "frames": [life[name].frames for name in names],
            "lost": [int(long) + 1 - life[name].frames for name, long in zip(names, span, strict=True)],
            "daughters": [len(life[name].daughters) for name in names],
            "path": path.to_numpy(),
            "displacement": last.to_numpy(),
        }
    )
    tracks["cycle"] = _cycles(tracks["track"], life)
    tracks["straightness"] = (tracks["displacement"] / tracks["path"]).where(tracks["path"] > 0)
    tracks["mean_speed"] = np.where(span > 0, tracks["path"] / np.maximum(span, 1), np.nan)
    means = {"area": "mean_area"} | {name: name for name in cells if name.startswith("mean_intensity")}
    means |= {name: f"mean_{name}" for name in cells if name.startswith("net_intensity")}
    for column, name in means.items():
        tracks[name] = groups[column].mean().reindex(names).to_numpy()
    grey = [name for name in means.values() if "_intensity" in name]
    return tracks[[*(c for c in TRACKS if c in tracks and "_intensity" not in c), *grey]]


def with_units(table: pd.DataFrame, units: Units, first: int = 0) -> pd.DataFrame:
    """The table with further columns in micrometres and minutes, as far as the units are known.

    ``time_min`` counts from the frame with the number ``first``.
    """
    added: dict[str, Any] = {}
    minutes = units.interval / 60 if units.interval else None
    for column in table:
        if units.pixel and column in LENGTHS:
            added[f"{column}_um"] = table[column] * units.pixel
        elif units.pixel and column in AREAS:
            added[f"{column}_um2"] = table[column] * units.pixel**2
        elif minutes and column in TIMES:
            added[f"{column}_min"] = table[column] * minutes
        elif minutes and units.pixel and column in SPEEDS:
            added[f"{column}_um_per_min"] = table[column] * units.pixel / minutes
        elif minutes and column == "frame":
            added["time_min"] = (table[column] - first) * minutes
    return table.assign(**added)


def _frame_rows(labels: Labels, image: NDArray[Any] | None) -> pd.DataFrame:
    """What one frame says of its cells: labels int32[H, W], image [H, W] or [H, W, channels]."""
    names = ["label", "centroid", "area", *(name for name in SHAPE if name.startswith(("axis", "or", "ec", "per")))]
    wanted = [*names, "intensity_mean"] if image is not None else names
    table = regionprops_table(labels, image, wanted)  # type: ignore[no-untyped-call]
    rows = pd.DataFrame(table).rename(columns=SHAPE).astype({"label": np.int64, "area": np.int64})
    boxes = [box for box in find_objects(labels) if box is not None]
    rows["solidity"] = [_solidity(labels[box] == label) for label, box in zip(rows["label"], boxes, strict=True)]
    rows["edge"] = np.array([_touches(box, labels.shape) for box in boxes], np.int64)
    for column in [column for column in rows if column.startswith("intensity_mean")]:
        channel = column.removeprefix("intensity_mean").removeprefix("-")
        name = f"_intensity_{int(channel) + 1}" if channel else "_intensity"
        grey = np.asarray(image)[..., int(channel)] if channel else np.asarray(image)
        rows[f"mean{name}"], rows[f"total{name}"] = rows[column], rows[column] * rows["area"]
        rows[f"net{name}"] = rows[column] - _grounds(labels, grey, boxes)
        rows = rows.drop(columns=column)
    return rows


def _solidity(mask: NDArray[np.bool_]) -> float:
    """Pixels of a mask bool[h, w], divided by those of its convex hull."""
    outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), cv2.convexHull(np.concatenate(outline)), 1)
    return float(mask.sum() / (hull.astype(bool) | mask).sum())


def _touches(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether a box reaches the edge of a frame of this shape."""
    return any(side.start == 0 or side.stop == length for side, length in zip(box, shape, strict=True))


def _grounds(labels: Labels, grey: NDArray[Any], boxes: Sequence[tuple[slice, slice]]) -> NDArray[np.float64]:
    """float64[n]: the median grey value without mask in each box, enlarged by its own size to all sides.

    Where cells leave next to none of it, that of the whole frame; NaN where there is none at all.
    """
    everywhere = float(np.median(grey[labels == 0])) if (labels == 0).any() else np.nan
    found = []
    for box in boxes:
        wide = tuple(slice(max(0, 2 * side.start - side.stop), 2 * side.stop - side.start) for side in box)
        ground = grey[wide][labels[wide] == 0]
        found.append(float(np.median(ground)) if ground.size >= LEAST_GROUND else everywhere)
    return np.array(found, np.float64)


def _cycles(names: "pd.Series[int]", life: dict[int, Life]) -> "pd.Series[float]":
    """The cycle of each named cell, NaN where it is not known."""
    return names.map({name: one.cycle for name, one in life.items()}).astype(np.float64)
