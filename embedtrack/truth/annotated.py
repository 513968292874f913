"""An annotated movie: centres and lineage, computed once; frames and labels are there when they are asked for."""

import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack.challenge import layout
from embedtrack.challenge.datasets import DATASETS, DataSet
from embedtrack.machine.device import memory
from embedtrack.movies.normalise import normalise
from embedtrack.movies.open import open_frames
from embedtrack.movies.scale import labels_to_working, to_working
from embedtrack.movies.settings import Normalisation
from embedtrack.truth.kept import Kept, Room, deflated
from embedtrack.truth.medoid import medoids
from embedtrack.truth.merge import UNKNOWN, Merged, merge, reaches, where_seen
from embedtrack.types import Frame, Labels, Track

log = logging.getLogger(__name__)
Item = TypeVar("Item")

SOME = 12
"""So many frames of a movie tell how large its cells are."""
REACH = 95
"""Percentile of how far masks extend beyond their markers; what a marker without mask may hide."""


@dataclass(frozen=True)
class AnnotatedMovie:
    """Frames with their truth at the working scale; lists are indexed by the frame's place in the movie."""

    name: str
    numbers: list[int]
    """The frames' numbers in the file names: only annotated frames are here, so some may be missing."""
    frames: Sequence[Frame]
    labels: Sequence[Labels]
    """int32[H, W], a track's label, 0 for background, UNKNOWN."""
    partial: list[frozenset[int]]
    """The labels that only a marker shows: neither outline nor size is known."""
    centres: list[dict[int, tuple[float, float]]]
    """Label -> medoid (y, x) in pixels."""
    sizes: list[dict[int, int]]
    """Label -> visible pixels."""
    parents: dict[int, int]
    """Track -> the track that it came from, or 0."""
    truth: Sequence[Merged]
    """The truth in the frame's own pixels, to validate with; the same objects where the working scale is 1."""
    scale: float
    """Working pixels per pixel of the frame."""
    centre: str
    """``medoid``, or another of ``truth/medoid.CENTRES``."""
    tracked: bool
    """Whether labels are tracks; otherwise each frame stands alone."""

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of each frame; no frame is read for it."""
        return self.frames.shapes if isinstance(self.frames, Kept) else [frame.shape for frame in self.frames]

    def has_masks(self, t: int) -> bool:
        """Whether the outline of any cell of a frame is known."""
        return bool(self.centres[t].keys() - self.partial[t])

    @cached_property
    def sparse(self) -> bool:
        """Whether of more than a quarter of the cells only a marker is known."""
        return 4 * sum(map(len, self.partial)) > sum(map(len, self.centres))

    def before(self, t: int) -> int:
        """The frame that is paired with ``t``: its past, or itself where there is none."""
        follows = self.tracked and t > 0 and self.numbers[t] == self.numbers[t - 1] + 1
        return t - 1 if follows else t

    @cached_property
    def paired(self) -> list[int]:
        """The frames that have a past; all where none has."""
        times = range(len(self.frames))
        return [t for t in times if self.before(t) != t] or list(times)

    @cached_property
    def divisions(self) -> list[tuple[int, int]]:
        """(t, label) of every daughter in its first frame: of two or more children of a parent that is in t-1."""
        children = Counter(self.parents.values())
        return [
            (t, label)
            for t in self.paired
            for label in self.centres[t]
            if (parent := self.parents.get(label, 0)) > 0
            and children[parent] > 1
            and label not in self.centres[self.before(t)]
        ]

    @cached_property
    def whole(self) -> list[tuple[int, int]]:
        """(t, label) of every cell in a frame with a past whose outline is known, where some cells' are not."""
        if not any(self.partial):
            return []
        return [(t, label) for t in self.paired for label in self.centres[t] if label not in self.partial[t]]

    def part(self, times: Iterable[int]) -> "AnnotatedMovie":
        """The same movie with some of its frames only, in their order."""
        keep = list(times)
        return replace(
            self,
            numbers=[self.numbers[t] for t in keep],
            frames=_at(self.frames, keep),
            labels=_at(self.labels, keep),
            partial=[self.partial[t] for t in keep],
            centres=[self.centres[t] for t in keep],
            sizes=[self.sizes[t] for t in keep],
            truth=_at(self.truth, keep),
        )

    def working(self) -> "AnnotatedMovie":
        """The same movie as if it had been recorded at the working scale: all sizes are in working pixels then."""
        makers = [partial(_merged, self.labels, t, self.partial[t]) for t in range(len(self.labels))]
        return replace(self, truth=Kept(makers, self.shapes, Room(0)), scale=1.0)


def read_annotated_movies(
    folders: Sequence[Path],
    settings: Normalisation,
    scale: float = 1.0,
    *,
    centre: str = "medoid",
    pseudo: Mapping[Path, Mapping[int, Labels]] | None = None,
) -> list[AnnotatedMovie]:
    """Read some sequences; where none has any mask, the markers are taken for the cells' masks.

    Args:
        folders: the frames' folders.
        settings: how grey values become frames.
        scale: working pixels per pixel.
        centre: what a cell's pixels point at.
        pseudo: for some folders, masks by frame number beside the annotated ones, which paint over them.

    Raises:
        ValueError: a sequence or its truth is missing or damaged.
    """
    room = roomy()
    movies = [
        read_annotated(folder, settings, scale, centre=centre, pseudo=(pseudo or {}).get(folder), room=room)
        for folder in folders
    ]
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
    pseudo: Mapping[int, Labels] | None = None,
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
        pseudo: masks by frame number beside the annotated ones, which paint over them.
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
    seen: list[Seen] = []
    for number in numbers:
        masks = [pseudo[number]] if pseudo and number in pseudo else []
        markers = layout.read_labels(truth.markers[number]) if number in truth.markers else None
        one = merge([*masks, *_masks(truth, number)], markers, reach)
        _open_border(one.labels, border)
        seen.append(see(where_seen(one, paths[number]()), scale, centre))
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
        tracked=bool(truth.markers),
    )


class Seen(NamedTuple):
    """What is kept of a frame's truth."""

    labels: Callable[[], Labels]
    """At the working scale, ..."""
    shape: tuple[int, ...]
    truth: Callable[[], Merged]
    """... and in the frame's own pixels."""
    whole: tuple[int, ...]
    partial: frozenset[int]
    centres: dict[int, tuple[float, float]]
    sizes: dict[int, int]


def see(truth: Merged, scale: float, centre: str) -> Seen:
    """Measure a frame's truth and pack it."""
    labels = labels_to_working(truth.labels, scale)
    packed = deflated(labels)
    original = packed if scale == 1 else deflated(truth.labels)
    sizes = {label: int(n) for label, n in enumerate(np.bincount(labels[labels > 0])) if n}
    return Seen(
        packed, labels.shape, partial(_unpacked, original, truth.partial), truth.labels.shape,
        truth.partial, medoids(np.maximum(labels, 0), centre), sizes,
    )  # fmt: skip


def _unpacked(labels: Callable[[], Labels], partial: frozenset[int]) -> Merged:
    return Merged(labels(), partial)


def _whole(truth: Sequence[Merged], t: int) -> Merged:
    return Merged(truth[t].labels, frozenset())


def _merged(labels: Sequence[Labels], t: int, partial: frozenset[int]) -> Merged:
    return Merged(labels[t], partial)


def _frame(read: Callable[[], NDArray[Any]], scale: float, settings: Normalisation) -> Frame:
    """Read a frame as the network sees it."""
    return normalise(to_working(read(), scale), settings)


def _at(items: Sequence[Item], indices: Sequence[int]) -> Sequence[Item]:
    return items.some(indices) if isinstance(items, Kept) else [items[i] for i in indices]


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
