"""napari: ``tracks.csv`` (ID, T, Y, X as the tracks layer has them), ``graph.json`` and the stack ``labels.tif``.

``layers`` gives the same as napari's layer data, without files.
"""

import codecs
import csv
import io
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.challenge.aogm import Edge, Node
from embedtrack.exchange.graph import places, tracked
from embedtrack.exchange.stack import open_stack
from embedtrack.files.guard import LARGEST, brief, number, reading, require_regular, whole
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import cell_of_track, lives
from embedtrack.types import Track

log = logging.getLogger(__name__)

COLUMNS = ("ID", "T", "Y", "X", "cell", "generation")


def layers(result: Tracked) -> list[tuple[NDArray[Any], dict[str, Any], str]]:
    """The labels layer int32[T, H, W] and the tracks layer float[N, 4], as (data, options, kind of layer)."""
    rows = np.array(_rows(result), float).reshape(-1, len(COLUMNS))
    pixel, interval = result.units.pixel or 1.0, 1.0  # napari's slider counts frames
    scale = [interval, pixel, pixel]
    features = {name: rows[:, i].astype(int) for i, name in enumerate(COLUMNS) if i > 3}
    graph = {child: [parent] for child, parent in _graph(result.tracks).items()}
    stack = np.stack([np.asarray(labels) for labels in result.masks])
    return [
        (stack, {"name": "cells", "scale": scale}, "labels"),
        (rows[:, :4], {"name": "tracks", "graph": graph, "features": features, "scale": scale}, "tracks"),
    ]


def write(result: Tracked, folder: Path, raw: Sequence[NDArray[Any]] | None = None) -> None:
    """Write the three files; a track's ID is its label in the masks."""
    with (folder / "tracks.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(_rows(result))
    (folder / "graph.json").write_text(
        json.dumps(
            {
                "graph": {str(child): [parent] for child, parent in _graph(result.tracks).items()},
                "first": result.first, "digits": result.digits, **result.units._asdict(),
            }, indent=1,
        )
    )  # fmt: skip
    height, width = result.shape
    dtype = np.uint16 if max((track.label for track in result.tracks), default=0) < 1 << 16 else np.uint32
    tifffile.imwrite(
        folder / "labels.tif", (labels.astype(dtype) for labels in result.masks),
        shape=(len(result), height, width), dtype=dtype, compression="zlib", photometric="minisblack",
        metadata={"axes": "TYX"},
    )  # fmt: skip


def read(path: Path) -> Tracked:
    """Read the folder; of others' files ``graph.json`` may hold the graph alone, or be missing.

    Raises:
        ValueError: a file is missing or damaged, or tracks and masks do not fit together.
    """
    labels, links = open_stack(path / "labels.tif"), []
    rows = sorted(_parse(path / "tracks.csv"), key=lambda row: (row[0], row[1]))
    about, graph = _parse_graph(path / "graph.json")
    if not rows and "first" not in about and any(image.any() for image in labels):
        raise ValueError(f"{path / 'tracks.csv'}: expected a row for each cell of labels.tif, got none; save it again")
    value = _values(path, rows, labels, own="first" in about)
    start: dict[int, Node] = {}
    end: dict[int, Node] = {}
    for track, t, _, _ in rows:
        node = (t, value[track, t])
        if track in end:
            links.append((end[track], node))
        start.setdefault(track, node)
        end[track] = node
    links += _branches(path, graph, start, end)
    with reading(path / "graph.json", "what export writes", "correct it"):
        units = Units(*(number(about, name) if about.get(name) else None for name in ("pixel", "interval")))
        first, digits = whole(about, "first", 0), whole(about, "digits", 3, most=9)
    nodes = [(t, value[track, t]) for track, t, _, _ in rows]
    return tracked(path, labels, nodes, links, first, digits, units, own="first" in about)


def _rows(result: Tracked) -> list[tuple[float, ...]]:
    """COLUMNS, sorted by track and time as napari wants them."""
    cell, life = cell_of_track(result.tracks), lives(result.tracks)
    rows = [
        (label, t, round(y, 3), round(x, 3), cell[label], life[cell[label]].generation)
        for t, labels in enumerate(result.masks)
        for label, (y, x) in places(labels).items()
    ]
    return sorted(rows)


def _graph(tracks: Sequence[Track]) -> dict[int, int]:
    """Child -> parent."""
    return {track.label: track.parent for track in tracks if track.parent}


def _parse(path: Path) -> list[tuple[int, int, float, float]]:
    """ID, T, Y, X of every row."""
    require_regular(path)
    try:
        lines = _table(path.read_bytes())
        return [(whole(one, "ID", most=LARGEST), whole(one, "T"), number(one, "Y"), number(one, "X")) for one in lines]
    except OSError as error:
        raise ValueError(f"{path}: expected napari's tracks, got '{error.strerror}'; add them") from error
    except Exception as error:  # the module csv has errors of its own
        raise ValueError(
            f"{path}: expected the columns ID, T, Y, X, a number in each row, got '{brief(error)}'; correct it"
        ) from error


def _table(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV, also as Excel saves it: with a mark of its encoding, semicolons or tabs, commas in numbers."""
    text = content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")
    header = text.split("\n", 1)[0]
    mark = max(",;\t", key=header.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
    rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
    if missing := set(COLUMNS[:4]) - set(rows.fieldnames):
        raise ValueError(f"no column {min(missing)}")
    comma = mark != ","  # only there a comma can be that of a number
    return [{name: (one or "").replace(",", ".") if comma else one for name, one in row.items()} for row in rows]


def _parse_graph(path: Path) -> tuple[dict[str, Any], dict[int, list[int]]]:
    """What we wrote beside the graph, and child -> parents."""
    require_regular(path)
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig")) if path.exists() else {}
        graph = about.pop("graph", None)
        if graph is None:
            graph, about = about, {}
        return about, {
            int(child): [int(p) for p in (parents if isinstance(parents, list) else [parents])]
            for child, parents in graph.items()
        }
    except Exception as error:  # nested too deeply, letters that are no text, ...
        raise ValueError(
            f"{path}: expected a JSON object of child: [parent], got '{brief(error)}'; correct it"
        ) from error


def _values(
    path: Path, rows: Sequence[tuple[int, int, float, float]], labels: Sequence[NDArray[Any]], *, own: bool
) -> dict[tuple[int, int], int]:
    """(track, frame) -> the value in the mask: the one below its place, or where that is none the track's number.

    In what we wrote it is the number: a corrected mask may have left its place.
    """
    value: dict[tuple[int, int], int] = {}
    left = 0
    frames: dict[int, list[tuple[int, float, float]]] = {}
    for track, t, y, x in rows:
        if not 0 <= t < len(labels):
            raise ValueError(f"{path}: expected frames from 0 to {len(labels) - 1} as in labels.tif, got {t}")
        frames.setdefault(t, []).append((track, y, x))
    for t, image in enumerate(labels):
        present = set(np.unique(image[image > 0]).tolist())
        for track, y, x in frames.get(t, ()):
            row, column = (min(max(round(v), 0), size - 1) for v, size in zip((y, x), image.shape, strict=True))
            below, named = int(image[row, column]), track if track in present else 0
            value[track, t] = (named or below) if own else (below or named)
            if not value[track, t]:
                raise ValueError(f"{path}: expected a mask below every track, got none for track {track} in frame {t}")
        left += len(present - {value[track, t] for track, _, _ in frames.get(t, ())})
    if left:
        log.warning("%s: %d masks of labels.tif have no row in tracks.csv and are left out", path, left)
    return value


def _branches(path: Path, graph: dict[int, list[int]], start: dict[int, Node], end: dict[int, Node]) -> list[Edge]:
    """The links from parents' last cells to children's first ones."""
    unknown = [name for child, parents in graph.items() for name in (child, *parents) if name not in start]
    if unknown:
        raise ValueError(f"{path / 'graph.json'}: expected IDs of tracks.csv, got {unknown[0]}; correct it")
    return [(end[parent], start[child]) for child, parents in graph.items() for parent in parents]
