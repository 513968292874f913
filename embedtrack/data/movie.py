"""An annotated movie in memory: normalised frames, merged truth, centres and lineage, each computed once."""

import logging
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from embedtrack.config import Normalisation
from embedtrack.data import ctc
from embedtrack.data.medoid import medoids
from embedtrack.data.normalise import normalise
from embedtrack.data.scale import TYPICAL, labels_to_working, to_working
from embedtrack.types import Frame, Labels, Track

log = logging.getLogger(__name__)

UNKNOWN = -1
"""Label of a pixel of which the truth says nothing: neither cell nor background."""


@dataclass(frozen=True)
class Movie:
    """Frames with their truth at the working scale; lists are indexed by the frame's place in the movie."""

    name: str
    frames: list[Frame]
    labels: list[Labels]
    """int32[H, W], a track's label, 0 for background, UNKNOWN."""
    centres: list[dict[int, tuple[int, int]]]
    """Label -> medoid (y, x) in pixels."""
    sizes: list[dict[int, int]]
    """Label -> visible pixels."""
    parents: dict[int, int]
    """Track -> the track that it came from, or 0."""
    truth: list[Labels]
    """The labels in the frame's own pixels, to validate with; the same objects where the working scale is 1."""
    scale: float
    """Working pixels per pixel of the frame."""
    tracked: bool
    """Whether frame t-1 is the past of frame t; otherwise each frame stands alone."""

    def before(self, t: int) -> int:
        """The frame that is paired with ``t``: its past, or itself where there is none."""
        return max(t - 1, 0) if self.tracked else t

    def part(self, times: Iterable[int]) -> "Movie":
        """The same movie with some of its frames only, consecutive ones."""
        keep = list(times)
        return replace(
            self,
            frames=[self.frames[t] for t in keep],
            labels=[self.labels[t] for t in keep],
            centres=[self.centres[t] for t in keep],
            sizes=[self.sizes[t] for t in keep],
            truth=[self.truth[t] for t in keep],
        )


def read_movie(folder: Path, settings: Normalisation, scale: float = 1.0) -> Movie:
    """Read a sequence, e.g. ``DATASET/01``, with its ``01_GT`` and ``01_ST``, for work at some scale.

    Raises:
        ValueError: the sequence or its truth is missing or damaged.
    """
    sequence, truth = ctc.open_sequence(folder), ctc.open_truth(folder)
    frames, merged = [], []
    for number, path in enumerate(sequence.paths, start=sequence.first):
        masks = [ctc.read_labels(paths[number]) for paths in (truth.silver, truth.gold) if number in paths]
        markers = ctc.read_labels(truth.markers[number]) if number in truth.markers else None
        if not masks and markers is None:
            continue
        frames.append(normalise(to_working(ctc.read_frame(path), scale), settings))
        merged.append(merge(masks, markers))
    labels = [labels_to_working(one, scale) for one in merged]
    parents = {track.label: _present_parent(track, truth.tracks) for track in truth.tracks}
    log.info("%s: %d frames, %d tracks", folder, len(frames), len(truth.tracks))
    return Movie(
        name=f"{Path(os.path.abspath(folder)).parent.name}/{folder.name}",
        frames=frames,
        labels=labels,
        centres=[medoids(np.maximum(one, 0)) for one in labels],
        sizes=[{label: int(n) for label, n in enumerate(np.bincount(one[one > 0])) if n} for one in labels],
        parents=parents,
        truth=merged,
        scale=scale,
        tracked=bool(truth.markers) and len(frames) == len(sequence.paths),
    )


def typical_diameter(folders: Sequence[Path]) -> float:
    """The median diameter in pixels of the annotated masks of some sequences, from a dozen frames of each.

    Without any mask it is that of the tracking markers, which are often smaller than the cells.
    """
    areas: list[int] = []
    for folder in folders:
        truth = ctc.open_truth(folder)
        paths = list((truth.silver or truth.gold or truth.markers).values())
        for path in paths[:: -(-len(paths) // 12) or 1]:
            sizes = np.bincount(ctc.read_labels(path).ravel())[1:]
            areas += sizes[sizes > 0].tolist()
    return 2 * math.sqrt(float(np.median(areas)) / math.pi) if areas else TYPICAL


def _present_parent(track: Track, tracks: list[Track]) -> int:
    """The parent, where it is there in the frame before; UNKNOWN after a gap, for no centre is known there."""
    ends = {other.label: other.end for other in tracks}
    if not track.parent:
        return 0
    return track.parent if ends.get(track.parent) == track.begin - 1 else UNKNOWN


def merge(masks: list[Labels], markers: Labels | None) -> Labels:
    """Give masks the identity of the tracking markers: each int32[H, W] -> int32[H, W] with UNKNOWN pixels.

    Later masks (gold) paint over earlier ones (silver). A mask takes the label of the only marker of which it covers
    more than half. A mask without such a marker is UNKNOWN. A marker without mask keeps itself as a small mask, and
    what lies around it, up to a typical cell's diameter, is UNKNOWN unless another mask holds it.

    Args:
        masks: silver masks, gold masks, or both, in this order; labels are arbitrary.
        markers: tracking gold truth; without it the masks keep their own labels.
    """
    combined = _paint(masks, np.zeros_like(markers if markers is not None else masks[0]))
    if markers is None:
        return combined
    size = np.bincount(markers.ravel())
    pairs, overlap = np.unique(
        np.stack([combined.ravel(), markers.ravel()])[:, (markers > 0).ravel() & (combined > 0).ravel()],
        axis=1,
        return_counts=True,
    )
    covered = {}  # marker -> mask; a marker is more than half in at most one
    for (mask, marker), count in zip(pairs.T, overlap, strict=True):
        if 2 * count > size[marker]:
            covered[int(marker)] = int(mask)
    owners = np.bincount(list(covered.values()), minlength=int(combined.max()) + 1)
    names = np.full(int(combined.max()) + 1, UNKNOWN, np.int32)
    names[0] = 0
    for marker, mask in covered.items():
        if owners[mask] == 1:
            names[mask] = marker
    merged = names[combined]
    bare = np.isin(markers, [m for m in np.flatnonzero(size) if m and owners[covered.get(int(m), 0)] != 1])
    if bare.any():
        areas = np.bincount(merged[merged > 0]) if (merged > 0).any() else size[1:]
        diameter = 2 * np.sqrt(np.median(areas[areas > 0]) / np.pi)
        merged[(distance_transform_edt(~bare) < diameter) & (merged == 0)] = UNKNOWN
        merged[bare] = markers[bare]
    return merged


def _paint(masks: list[Labels], canvas: Labels) -> Labels:
    """Lay the masks over each other, the last on top, with labels that stay apart."""
    for labels in masks:
        canvas = np.where(labels > 0, labels + canvas.max(), canvas)
    return canvas.astype(np.int32)
