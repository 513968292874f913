"""What napari shows of a draft: pixels, points, links and colours, as plain arrays."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.edit.draft import Draft
from embedtrack.exchange.graph import places
from embedtrack.looks.colours import colours
from embedtrack.movies.units import Units
from embedtrack.optional_packages import need
from embedtrack.tracks.lives import cell_of_track, lives
from embedtrack.types import Labels

Place = tuple[float, float]


class TrackData(NamedTuple):
    """A tracks layer's content."""

    rows: NDArray[np.float64]
    """float[N, 4]: label, t, y, x of every cell, sorted."""
    graph: dict[int, list[int]]
    """Child -> [parent]."""
    features: dict[str, NDArray[np.int64]]
    """For each row the cell (it keeps its name where it was lost in between) and its generation."""


class Places:
    """The cells' places by frame, found anew only where a frame has changed."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Labels, dict[int, Place]]] = {}

    def __call__(self, frames: Sequence[Labels]) -> list[dict[int, Place]]:
        """Label -> (y, x) for each frame int32[H, W]."""
        for t, labels in enumerate(frames):
            if t not in self._known or self._known[t][0] is not labels:
                self._known[t] = (labels, places(labels))
        return [self._known[t][1] for t in range(len(frames))]


def track_data(draft: Draft, where: Sequence[Mapping[int, Place]]) -> TrackData:
    """The links of a draft; ``where`` are the cells' places by frame."""
    tracks = list(draft.tracks.values())
    cell, life = cell_of_track(tracks), lives(tracks)
    rows = sorted((label, t, y, x) for t, cells in enumerate(where) for label, (y, x) in cells.items())
    labels = [row[0] for row in rows]
    return TrackData(
        np.array(rows, np.float64).reshape(-1, 4),
        {track.label: [track.parent] for track in tracks if track.parent},
        {
            "cell": np.array([cell[label] for label in labels], np.int64),
            "generation": np.array([life[cell[label]].generation for label in labels], np.int64),
        },
    )


def colour_table(draft: Draft, where: Sequence[Mapping[int, Place]]) -> dict[int | None, NDArray[Any]]:
    """Label -> (red, green, blue, alpha); a family has one hue. 0 is clear, any other label (None) white."""
    firsts = {label: place for cells in reversed(where) for label, place in cells.items()}
    made = colours(list(draft.tracks.values()), firsts)
    table: dict[int | None, NDArray[Any]] = {
        label: np.array([red, green, blue, 255], np.float32) / 255 for label, (blue, green, red) in made.items()
    }
    return {None: np.ones(4, np.float32), 0: np.zeros(4, np.float32), **table}


def movie(images: Sequence[NDArray[Any]]) -> Any:
    """Images [H, W] as one dask array [T, H, W], each read when it is shown."""
    dask, array = need("dask", "napari", "view"), need("dask.array", "napari", "view")
    first = np.asarray(images[0])
    read = dask.delayed(lambda t: np.asarray(images[t]), pure=True)
    return array.stack([array.from_delayed(read(t), first.shape, first.dtype) for t in range(len(images))])


def scale(units: Units) -> list[float]:
    """How wide a step is along t, y and x: the slider counts frames, pixels are in micrometres where known."""
    pixel = units.pixel or 1.0
    return [1.0, pixel, pixel]
