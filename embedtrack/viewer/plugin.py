"""What napari's manifest offers: a reader and a writer of the challenge's folders."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedtrack.challenge import layout
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.edit.draft import as_tracked, open_draft
from embedtrack.edit.refit import refit
from embedtrack.files.lazy import Lazy
from embedtrack.files.names import numbered
from embedtrack.movies.tiff_image import read_frame
from embedtrack.tracked import Tracked
from embedtrack.types import Track
from embedtrack.viewer.layers import Places, movie, scale, track_data
from embedtrack.viewer.shown import CELLS, TRACKS

Layer = tuple[Any, dict[str, Any], str]
"""Data, options and kind of a layer."""


def reader(path: str | list[str]) -> Callable[[Any], list[Layer]] | None:
    """The reader of a folder that holds a result, truth, or a movie of the challenge; None of any other."""
    folder = Path(path if isinstance(path, str) else path[0])
    if not folder.is_dir() or (not isinstance(path, str) and len(path) > 1):
        return None
    truth = (folder / "man_track.txt").is_file() or (folder / "TRA" / "man_track.txt").is_file()
    if truth or (folder / "res_track.txt").is_file():
        return lambda _: read_result(folder)
    if numbered(folder, "t"):
        return lambda _: read_movie(folder)
    return None


def read_result(folder: Path) -> list[Layer]:
    """Masks and tracks of a result, or of truth."""
    return layers_of(open_tracked(folder))


def layers_of(tracked: Tracked) -> list[Layer]:
    """Masks and tracks of a tracked movie."""
    draft, size = open_draft(tracked), scale(tracked.units)
    about = {"first": tracked.first, "digits": tracked.digits}
    layers: list[Layer] = [(np.stack(draft.frames), {"name": CELLS, "scale": size, "metadata": about}, "labels")]
    data = track_data(draft, Places()(draft.frames))
    if len(data.rows):
        options = {"name": TRACKS, "graph": data.graph, "features": data.features, "scale": size}
        layers.append((data.rows, options, "tracks"))
    return layers


def read_movie(folder: Path) -> list[Layer]:
    """The frames of a movie, read when they are shown."""
    sequence = layout.open_frame_folder(folder)
    images = Lazy(len(sequence), lambda t: read_frame(sequence.paths[t]))
    return [(movie(images), {"name": folder.name, "metadata": {"first": sequence.first}}, "image")]


def writer(path: str, layers: list[Layer]) -> list[str]:
    """Write a labels layer, and the tracks layer that goes with it if there is one, as a valid result.

    Raises:
        ValueError: the masks are no movie, or masks and tracks contradict each other.
    """
    kinds = {kind: (data, options) for data, options, kind in layers}
    stack, options = kinds["labels"]
    if np.ndim(stack) != 3:
        raise ValueError(f"expected masks of the axes T, Y, X, got {np.ndim(stack)} axes; save a movie's")
    rows, links = kinds.get("tracks", (np.zeros((0, 4)), {}))
    tracks = _tracks(np.asarray(rows), links.get("graph") or {})
    frames = [np.asarray(labels).astype(np.int32) for labels in stack]
    about = options.get("metadata", {})
    shape = (int(frames[0].shape[0]), int(frames[0].shape[1]))
    like = Tracked([], [], shape, int(about.get("first", 0)), int(about.get("digits", 3)))
    write_tracked(as_tracked(refit(frames, tracks), like), Path(path))
    return [path]


def _tracks(rows: np.ndarray[Any, Any], graph: Mapping[int, Any]) -> dict[int, Track]:
    """The tracks that rows (label, t, y, x) and child -> parents tell of."""
    tracks = {}
    for label in np.unique(rows[:, 0]).astype(int).tolist():
        times = rows[rows[:, 0] == label, 1].astype(int)
        parents = np.atleast_1d(graph.get(label, 0)).tolist()
        if len(parents) > 1:
            raise ValueError(f"track {label}: expected one parent, got {parents}; the challenge knows no merging")
        tracks[label] = Track(label, int(times.min()), int(times.max()), int(parents[0]) if parents else 0)
    return tracks
