"""GEFF, the graph exchange format of zarr: ``OUT/tracks.geff`` with the masks in ``OUT/segmentation`` beside it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.aogm import Node
from embedtrack.exchange.graph import links_of, places, tracked
from embedtrack.exchange.units import Worth, units_of
from embedtrack.files.guard import brief, require_regular_tree, whole
from embedtrack.files.lazy import Lazy
from embedtrack.movies.units import Units
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import cell_of_track, lives

GRAPH, MASKS = "tracks.geff", "segmentation"


def write(result: Tracked, folder: Path, raw: Sequence[NDArray[Any]] | None = None) -> None:
    """Write the graph: positions in pixels, times in frames, their units declared where they are known."""
    geff, spec, zarr = (need(name, "exchange", "GEFF") for name in ("geff", "geff_spec", "zarr"))
    zarr.open_group(folder, mode="w", zarr_format=2)
    height, width = result.shape
    masks = zarr.create_array(
        folder / MASKS,
        shape=(len(result), height, width), chunks=(1, height, width), dtype=_dtype(result), zarr_format=2,
    )  # fmt: skip
    nodes: list[Node] = []
    found: list[tuple[float, float]] = []
    for t, labels in enumerate(result.masks):
        masks[t] = labels
        for label, place in sorted(places(labels).items()):
            nodes.append((t, label))
            found.append(place)
    number = {node: index for index, node in enumerate(nodes)}
    links = [(number[start], number[end]) for start, end in links_of(result.tracks)]
    cell, life = cell_of_track(result.tracks), lives(result.tracks)
    names = [cell[label] for _, label in nodes]
    columns: dict[str, NDArray[Any]] = {
        "t": np.array([t for t, _ in nodes], np.uint32),
        "y": np.array([y for y, _ in found], np.float64),
        "x": np.array([x for _, x in found], np.float64),
        "seg_id": np.array([label for _, label in nodes], np.uint32),
        "track_id": np.array(names, np.uint32),
        "lineage_id": np.array([life[name].lineage for name in names], np.uint32),
    }
    sure = _confidence(result, nodes, links)
    from geff.core_io import write_arrays

    write_arrays(
        folder / GRAPH,
        np.arange(len(nodes), dtype=np.uint64),
        {name: {"values": values, "missing": None} for name, values in columns.items()} | sure[0],
        np.array(links, np.uint64).reshape(-1, 2),
        sure[1],
        spec.GeffMetadata(
            geff_version=geff.__version__,
            directed=True,
            axes=_axes(spec, result.units),
            node_props_metadata={},
            edge_props_metadata={},
            track_node_props={"tracklet": "track_id", "lineage": "lineage_id"},
            related_objects=[{"type": "labels", "path": f"../{MASKS}", "node_prop": "seg_id"}],
            extra={"embedtrack": {"first": result.first, "digits": result.digits}},
        ),
        zarr_format=2,
    )


def _confidence(
    result: Tracked, nodes: Sequence[Node], links: Sequence[tuple[int, int]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The properties ``confidence`` of cells and links, missing where nobody says so; none without confidence."""
    if result.confidence is None:
        return {}, {}
    known = {(t, label): chances for t, label, *chances in result.confidence.tolist()}
    cells = np.array([known.get(node, [math.nan])[0] for node in nodes])
    arrivals = np.array([known.get(nodes[end], [0, math.nan])[1] for _, end in links])
    both = ({"confidence": {"values": np.nan_to_num(one), "missing": np.isnan(one)}} for one in (cells, arrivals))
    return next(both), next(both)


def read(path: Path) -> Tracked:
    """Read a graph whose metadata name a time axis and the masks; ``path`` is the graph's folder or the one above it.

    Raises:
        ValueError: it is not valid, or has no masks.
    """
    need("geff", "exchange", str(path))
    zarr = need("zarr", "exchange", str(path))
    from geff.core_io import read_to_memory

    require_regular_tree(path)
    path = path / GRAPH if (path / GRAPH).exists() else path
    try:
        memory = read_to_memory(path)
    except Exception as error:  # whatever zarr, pydantic and geff say of a damaged store
        raise ValueError(f"{path}: expected a valid GEFF, got '{brief(error)}'; export it again") from error
    metadata, columns = memory["metadata"], memory["node_props"]
    axes = metadata.axes or []
    related = [one for one in metadata.related_objects or [] if one.type == "labels"]
    time = next((axis for axis in axes if axis.type == "time"), None)
    plane = [axis for axis in axes if axis.type == "space" and _varies(columns, axis)]
    if not related or time is None or len(plane) > 2:
        raise ValueError(
            f"{path}: expected a GEFF in 2D with a time axis and related labels (its segmentation), got axes "
            f"{[axis.name for axis in axes]} and {len(related)} related labels; export it with its segmentation"
        )
    masks = _open_masks(zarr, path / related[0].path)
    column = related[0].node_prop or getattr(related[0], "label_prop", None) or "seg_id"
    if column not in columns:
        raise ValueError(f"{path}: expected the masks' values in the node property {column}, got {sorted(columns)}")
    if unnamed := _missing(columns[column]):
        raise ValueError(
            f"{path}: expected a mask's value in {column} for each cell, got none for {unnamed} of them; export it "
            "with all masks"
        )
    times, values = (columns[name]["values"].astype(np.int64).tolist() for name in (time.name, column))
    nodes: list[Node] = list(zip(times, values, strict=True))
    vertex = dict(zip(memory["node_ids"].tolist(), nodes, strict=True))
    links = [(vertex[start], vertex[end]) for start, end in memory["edge_ids"].tolist()]
    own = (metadata.extra or {}).get("embedtrack", {})
    units = units_of(path, [_worth(axis) for axis in plane], _worth(time))
    return tracked(
        path, Lazy(masks.shape[0], lambda t: np.asarray(masks[t]).reshape(masks.shape[-2:])), nodes, links,
        whole(own, "first", 0), whole(own, "digits", 3, most=9), units, bool(own),
    )  # fmt: skip


def _missing(column: Any) -> int:
    """How many cells have no value."""
    missing = column.get("missing")
    return 0 if missing is None else int(np.count_nonzero(missing))


def _open_masks(zarr: Any, path: Path) -> Any:
    """The array [T, ..., H, W] of the masks: ``path``, or the finest level of the image there."""
    require_regular_tree(path)
    try:
        found = zarr.open(path, mode="r")
        found = found if hasattr(found, "shape") else found["0"]
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{path}: expected the graph's segmentation, got '{error}'; put it there") from error
    if found.ndim < 3 or any(size > 1 for size in found.shape[1:-2]):
        raise ValueError(f"{path}: expected masks of the axes t, y, x, got the shape {found.shape}; export one plane")
    return found


def _dtype(result: Tracked) -> str:
    return "uint16" if max((track.label for track in result.tracks), default=0) < 1 << 16 else "uint32"


def _axes(spec: Any, units: Units) -> list[Any]:
    space = {"scale": units.pixel, "scaled_unit": "micrometer"} if units.pixel else {}
    time = {"scale": units.interval, "scaled_unit": "second"} if units.interval else {}
    return [
        spec.Axis(name="t", type="time", unit="frame", **time),
        spec.Axis(name="y", type="space", unit="pixel", **space),
        spec.Axis(name="x", type="space", unit="pixel", **space),
    ]


def _worth(axis: Any) -> Worth:
    """The scale of an axis and its unit; a scale that leads to none is a number of nobody knows what."""
    loose = f"{axis.unit or ''} without scaled_unit".strip() if axis.scale != 1 else ""
    return axis.scale, axis.scaled_unit or loose


def _varies(columns: Any, axis: Any) -> bool:
    """Whether an axis is more than a formality: a z that is the same everywhere is 2D."""
    return len(np.unique(columns[axis.name]["values"])) > 1 or axis.name in ("y", "x")
