"""A result in numbers: a table with a row per cell and frame, and one with a row per cell.

``columns.py`` names and explains the columns, ``shapes.py`` measures a single frame; here frames become cells' lives.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedtrack.files.mark import TOKEN
from embedtrack.files.whole import check_file, new_file
from embedtrack.looks.columns import CELLS, TRACKS, with_units
from embedtrack.looks.shapes import frame_rows
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import Life, cell_of_track, lives
from embedtrack.types import Track

CHANCES = {"frame": "frame", "label": "label", "cell": "confidence", "link": "link_confidence"}
"""Fields of a result's confidence -> our columns."""
SUFFIXES = (".csv", ".parquet")


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
                table.to_csv(path, index=False, float_format="%.10g")
            else:
                table.to_parquet(path, index=False)
    return beside


def cells_table(result: Tracked, raw: Sequence[NDArray[Any]] | None = None) -> pd.DataFrame:
    """A row per cell and frame, sorted by frame and label; the columns of CELLS, grey values only with ``raw``."""
    rows = [
        frame_rows(labels, raw[i] if raw else None).assign(frame=result.first + i)
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


def _cycles(names: "pd.Series[int]", life: dict[int, Life]) -> "pd.Series[float]":
    """The cycle of each named cell, NaN where it is not known."""
    return names.map({name: one.cycle for name, one in life.items()}).astype(np.float64)
