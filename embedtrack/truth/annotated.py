"""An annotated movie: centres and lineage, computed once; frames and labels are there when they are asked for."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import NamedTuple, TypeVar

import numpy as np

from embedtrack.movies.scale import labels_to_working
from embedtrack.truth.kept import Kept, Room, deflated
from embedtrack.truth.medoid import medoids
from embedtrack.truth.merge import Merged
from embedtrack.types import Frame, Labels

Item = TypeVar("Item")


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
    tracked: Sequence[bool]
    """Whether a frame's labels are tracks; otherwise it stands alone."""
    begins: Mapping[int, int] = field(default_factory=dict)
    """Track -> the number of its first frame, where that is known."""
    merged_with: Sequence[Callable[[Labels], Merged]] = ()
    """For each frame its truth anew, with further masks int32[H, W] that the annotated ones paint over."""

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of each frame; no frame is read for it."""
        return self.frames.shapes if isinstance(self.frames, Kept) else [frame.shape for frame in self.frames]

    def has_masks(self, t: int) -> bool:
        """Whether the outline of any cell of a frame is known."""
        return bool(self.centres[t].keys() - self.partial[t])

    @cached_property
    def digest(self) -> str:
        """What tells it from another movie, and its cells and lineage from others; pseudo-labels change nothing."""
        known = self.numbers, [sorted(cells) for cells in self.centres], sorted(self.parents.items())
        return hashlib.sha256(self.frames[0].tobytes() + repr(known).encode()).hexdigest()[:16]

    @cached_property
    def sparse(self) -> bool:
        """Whether of more than a quarter of the cells only a marker is known."""
        return 4 * sum(map(len, self.partial)) > sum(map(len, self.centres))

    def before(self, t: int) -> int:
        """The frame that is paired with ``t``: its past, or itself where there is none."""
        follows = t > 0 and self.tracked[t] and self.tracked[t - 1] and self.numbers[t] == self.numbers[t - 1] + 1
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
            tracked=_at(self.tracked, keep),
            merged_with=_at(self.merged_with, keep) if self.merged_with else (),
        )

    def completed(self, masks: Mapping[int, Labels]) -> "AnnotatedMovie":
        """The same movie with further masks by frame number, e.g. pseudo-labels, which its own paint over."""
        seen = {
            t: see(self.merged_with[t](masks[number]), self.scale, self.centre)
            for t, number in enumerate(self.numbers)
            if number in masks and masks[number].any()
        }
        return replace(
            self,
            labels=_exchanged(self.labels, {t: one.labels for t, one in seen.items()}),
            truth=_exchanged(self.truth, {t: one.truth for t, one in seen.items()}),
            partial=[seen[t].partial if t in seen else known for t, known in enumerate(self.partial)],
            centres=[seen[t].centres if t in seen else known for t, known in enumerate(self.centres)],
            sizes=[seen[t].sizes if t in seen else known for t, known in enumerate(self.sizes)],
        )

    def working(self) -> "AnnotatedMovie":
        """The same movie as if it had been recorded at the working scale: all sizes are in working pixels then."""
        makers = [partial(_merged, self.labels, t, self.partial[t]) for t in range(len(self.labels))]
        return replace(self, truth=Kept(makers, self.shapes, Room(0)), scale=1.0, merged_with=())


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


def _merged(labels: Sequence[Labels], t: int, partial: frozenset[int]) -> Merged:
    return Merged(labels[t], partial)


def _at(items: Sequence[Item], indices: Sequence[int]) -> Sequence[Item]:
    return items.some(indices) if isinstance(items, Kept) else [items[i] for i in indices]


def _exchanged(items: Sequence[Item], makers: Mapping[int, Callable[[], Item]]) -> Sequence[Item]:
    """The items, some of them made anew."""
    if isinstance(items, Kept):
        return items.exchanged(makers)
    return [makers[i]() if i in makers else item for i, item in enumerate(items)]
