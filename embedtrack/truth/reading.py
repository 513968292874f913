"""Sequences with their truth on disk -> annotated movies."""

import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack.challenge import layout
from embedtrack.challenge.datasets import DATASETS, DataSet
from embedtrack.machine.device import memory
from embedtrack.movies.normalise import as_frame
from embedtrack.movies.open import open_frames
from embedtrack.movies.settings import Normalisation
from embedtrack.truth.annotated import AnnotatedMovie, see
from embedtrack.truth.kept import Kept, Room
from embedtrack.truth.merge import UNKNOWN, Merged, merge, reaches, where_seen
from embedtrack.types import Frame, Labels, Track

log = logging.getLogger(__name__)
Item = TypeVar("Item")

SOME = 12
"""So many frames of a movie tell how large its cells are."""
REACH = 95
"""Percentile of how far masks extend beyond their markers; what a marker without mask may hide."""


def read_annotated_movies(
    folders: Sequence[Path],
    settings: Normalisation,
    scale: float = 1.0,
    *,
    centre: str = "medoid",
) -> list[AnnotatedMovie]:
    """Read some sequences; where none has any mask, the markers are taken for the cells' masks.

    Args:
        folders: the frames' folders.
        settings: how grey values become frames.
        scale: working pixels per pixel.
        centre: what a cell's pixels point at.

    Raises:
        ValueError: a sequence or its truth is missing or damaged.
    """
    room = roomy()
    movies = [read_annotated(folder, settings, scale, centre=centre, room=room) for folder in folders]
    if not movies or any(movie.has_masks(t) for movie in movies for t in range(len(movie.frames))):
        return movies
    log.warning("no masks: the tracking markers are taken for the cells' masks")
    nothing: frozenset[int] = frozenset()
    return [
        replace(
            movie,
            partial=[nothing for _ in movie.partial],
            truth=Kept([partial(_whole, movie.truth, t) for t in range(len(movie.truth))], movie.shapes, room),
        )
        for movie in movies
    ]


def read_annotated(
    folder: Path,
    settings: Normalisation,
    scale: float = 1.0,
    *,
    centre: str = "medoid",
    room: Room | None = None,
) -> AnnotatedMovie:
    """Read a sequence, e.g. ``DATASET/01``, with its ``01_GT`` and ``01_ST``, for work at some scale.

    Beyond the field of interest, nearer to the frame's edge than the rules' border E, cells are not annotated: what
    holds no label there is UNKNOWN. So is all where the image has no content (borders of registration, missing tiles).

    Args:
        folder: the movie, of any kind; frames may be missing in a folder, those without annotation are passed over.
        settings: how grey values become frames.
        scale: working pixels per pixel.
        centre: what a cell's pixels point at.
        room: for frames and labels that were used last; by default a quarter of the memory.

    Raises:
        ValueError: the sequence or its truth is missing or damaged.
    """
    room = room or roomy()
    paths, truth = open_frames(folder), layout.open_truth(folder)
    name = Path(os.path.abspath(folder)).parent.name
    border, reach = DATASETS.get(name, DataSet()).border, _reach(truth)
    numbers = [n for n in paths if n in truth.markers or n in truth.gold or n in truth.silver]
    if not numbers:
        raise ValueError(
            f"{folder}: expected truth of some of its frames, got none; do the numbers in the names agree?"
        )
    merged = [partial(_merge, truth, number, reach, border, paths[number]) for number in numbers]
    seen = [see(one(), scale, centre) for one in merged]
    frames = [partial(_frame, paths[number], scale, settings) for number in numbers]
    shapes = [one.shape for one in seen]
    log.info("%s: %d annotated frames, %d tracks", folder, len(frames), len(truth.tracks))
    _tell_of_missing_images(folder, truth)
    return AnnotatedMovie(
        name=f"{name}/{folder.name}",
        numbers=numbers,
        frames=Kept(frames, shapes, room),
        labels=Kept([one.labels for one in seen], shapes, room),
        partial=[one.partial for one in seen],
        centres=[one.centres for one in seen],
        sizes=[one.sizes for one in seen],
        parents={track.label: _present_parent(track, truth.tracks) for track in truth.tracks},
        truth=Kept([one.truth for one in seen], [one.whole for one in seen], room),
        scale=scale,
        centre=centre,
        tracked=[number in truth.markers for number in numbers],
        begins={track.label: track.begin for track in truth.tracks},
        merged_with=merged,
    )


def _merge(
    truth: layout.Truth,
    number: int,
    reach: float,
    border: int,
    read: Callable[[], NDArray[Any]],
    below: Labels | None = None,
) -> Merged:
    """The truth of a frame, over masks that it paints over where there are some."""
    markers = layout.read_labels(truth.markers[number]) if number in truth.markers else None
    one = merge([*([] if below is None else [below]), *_masks(truth, number)], markers, reach)
    _open_border(one.labels, border)
    return where_seen(one, read())


def _whole(truth: Sequence[Merged], t: int) -> Merged:
    return Merged(truth[t].labels, frozenset())


def _frame(read: Callable[[], NDArray[Any]], scale: float, settings: Normalisation) -> Frame:
    """Read a frame as the network sees it."""
    return as_frame(read(), scale, settings)


def roomy() -> Room:
    """Room for a quarter of the memory that this process may use."""
    return Room(memory(torch.device("cpu")) // 4)


def _tell_of_missing_images(folder: Path, truth: layout.Truth) -> None:
    """Warn where the table of tracks goes on after the last marker image."""
    end = max((track.end for track in truth.tracks), default=0)
    if truth.markers and end > max(truth.markers):
        log.warning(
            "%s: man_track.txt goes on to frame %d, the images end with %d; right only if the rest was left out",
            folder, end, max(truth.markers),
        )  # fmt: skip


def _some(items: Sequence[Item]) -> Sequence[Item]:
    """About a dozen of them, evenly spaced."""
    return items[:: -(-len(items) // SOME) or 1]


def _masks(truth: layout.Truth, number: int) -> list[Labels]:
    """The annotated masks of a frame, silver before gold."""
    return [layout.read_labels(paths[number]) for paths in (truth.silver, truth.gold) if number in paths]


def _reach(truth: layout.Truth) -> float:
    """How far in pixels a cell may extend beyond its marker: as masks do, or by the diameter of the markers."""
    numbers = sorted((truth.silver or truth.gold).keys() & truth.markers.keys())
    far = [r for n in _some(numbers) for r in reaches(_masks(truth, n), layout.read_labels(truth.markers[n]))]
    if far:
        return float(np.percentile(far, REACH))
    sizes = [np.bincount(layout.read_labels(path).ravel())[1:] for path in _some(list(truth.markers.values()))]
    areas = np.concatenate(sizes) if sizes else np.zeros(0)
    return 2 * math.sqrt(float(np.median(areas[areas > 0])) / math.pi) if areas.any() else 0.0


def _open_border(labels: Labels, border: int) -> None:
    """Make UNKNOWN what holds no label within ``border`` pixels of the edge; in place."""
    if border:
        outside = np.ones(labels.shape, bool)
        outside[border:-border, border:-border] = False
        labels[outside & (labels == 0)] = UNKNOWN


def _present_parent(track: Track, tracks: list[Track]) -> int:
    """The parent, where it is there in the frame before; UNKNOWN after a gap, for no centre is known there."""
    ends = {other.label: other.end for other in tracks}
    if not track.parent:
        return 0
    return track.parent if ends.get(track.parent) == track.begin - 1 else UNKNOWN
