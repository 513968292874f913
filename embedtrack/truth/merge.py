"""Silver masks, gold masks and tracking markers -> one truth per frame, which also says what it leaves open."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.content import content
from embedtrack.types import Frame, Labels

UNKNOWN = -1
"""Label of a pixel of which the truth says nothing: neither cell nor background."""


class Merged(NamedTuple):
    """The truth of one frame."""

    labels: Labels
    """int32[H, W]: a track's label, 0 for background, UNKNOWN."""
    partial: frozenset[int]
    """The cells that only a marker shows: some of their pixels, but neither their outline nor their size."""

    def masks(self) -> Labels:
        """The whole cells alone, int32[H, W], 0 elsewhere."""
        hidden = np.isin(self.labels, [UNKNOWN, *self.partial])
        return np.where(hidden, 0, self.labels).astype(np.int32, copy=False)


def merge(masks: Sequence[Labels], markers: Labels | None, reach: float = 0.0) -> Merged:
    """Give masks the identity of the tracking markers: each int32[H, W].

    Later masks (gold) paint over earlier ones (silver). A mask takes the label of the only marker of which it covers
    more than half. A mask without such a marker is UNKNOWN. A marker without mask is a partial cell: its cell is
    larger, so what lies within ``reach`` of it is UNKNOWN unless another mask holds it.

    Args:
        masks: silver masks, gold masks, or both, in this order; labels are arbitrary.
        markers: tracking gold truth; without it the masks keep their own labels.
        reach: pixels that a cell may extend beyond its marker, see ``reaches``.
    """
    if markers is None:
        return Merged(_paint(masks), frozenset())
    combined = _paint(masks) if masks else np.zeros_like(markers)
    named = np.full(int(combined.max()) + 1, UNKNOWN, np.int32)
    named[0] = 0
    for mask, marker in _owners(combined, markers).items():
        named[mask] = marker
    merged = named[combined]
    partial = np.setdiff1d(markers[markers > 0], named)
    if partial.size:
        bare = np.isin(markers, partial)
        merged[(distance_to(bare) <= reach) & (merged == 0)] = UNKNOWN
        merged[bare] = markers[bare]
    return Merged(merged, frozenset(partial.tolist()))


def where_seen(truth: Merged, image: NDArray[np.generic]) -> Merged:
    """The truth of a frame [H, W], UNKNOWN where its image has no content: a border of registration teaches nothing."""
    within = content(image)
    if within is None or within.shape != truth.labels.shape:
        return truth
    labels = np.where(within, truth.labels, UNKNOWN).astype(np.int32, copy=False)
    return Merged(labels, truth.partial & frozenset(np.unique(labels).tolist()))


def reaches(masks: Sequence[Labels], markers: Labels) -> list[float]:
    """How far in pixels each mask extends beyond the marker that names it."""
    combined = _paint(masks)
    found = []
    for mask, marker in _owners(combined, markers).items():
        both = (combined == mask) | (markers == marker)
        rows, columns = (np.flatnonzero(both.any(axis=axis)) for axis in (1, 0))
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        found.append(float(distance_to(markers[box] == marker)[combined[box] == mask].max()))
    return found


def distance_to(pixels: NDArray[np.bool_]) -> Frame:
    """float32[H, W]: the distance in pixels from everywhere to the nearest of some pixels bool[H, W]."""
    away = (~pixels).astype(np.uint8)
    return cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float32, copy=False)


def _owners(combined: Labels, markers: Labels) -> dict[int, int]:
    """Mask -> the marker of which it covers more than half, for the masks that have exactly one."""
    size = np.bincount(markers.ravel())
    both = (markers > 0) & (combined > 0)
    base = np.int64(len(size))
    pairs, count = np.unique(combined[both] * base + markers[both], return_counts=True)
    mask, marker = np.divmod(pairs, base)
    covered = 2 * count > size[marker]  # so a marker belongs to one mask at most
    mask, marker = mask[covered], marker[covered]
    single = np.bincount(mask, minlength=1)[mask] == 1
    return dict(zip(mask[single].tolist(), marker[single].tolist(), strict=True))


def _paint(masks: Sequence[Labels]) -> NDArray[np.int32]:
    """Lay the masks over each other, the last on top, with labels that stay apart; one alone keeps its labels."""
    canvas = masks[0]
    for labels in masks[1:]:
        canvas = np.where(labels > 0, labels + canvas.max(), canvas)
    return canvas.astype(np.int32)
