"""A tracked movie that is being corrected: every correction makes a new draft, which shares what has not changed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from embedtrack.challenge.aogm import Node
from embedtrack.challenge.lbep import MAX_LABEL
from embedtrack.edit.arrivals import moved
from embedtrack.edit.kept import kept_cells
from embedtrack.tracked import Tracked
from embedtrack.types import Confidence, Labels, Track


class Draft(NamedTuple):
    """Masks and tracks; times are indices from 0. Valid by the challenge's rules, as a result is."""

    frames: tuple[Labels, ...]
    """int32[H, W] each, never changed in place."""
    tracks: Mapping[int, Track]
    """By label."""
    first: int = 0
    """The number of the first frame, for what is said to people."""


def open_draft(tracked: Tracked) -> Draft:
    """All frames of a tracked movie in memory."""
    frames = tuple(np.asarray(labels, np.int32) for labels in tracked.masks)
    return Draft(frames, {track.label: track for track in tracked.tracks}, tracked.first)


def as_tracked(draft: Draft, like: Tracked) -> Tracked:
    """The draft as a tracked movie with the frame numbers and units of the one that was corrected.

    What that said of how sure it is stays with the cells that have kept their pixels; where one comes from elsewhere
    now, a person has said so, and that link is sure.
    """
    sure = None if like.confidence is None else _carried(like.confidence, like, draft)
    return replace(like, masks=draft.frames, tracks=sorted(draft.tracks.values()), confidence=sure)


def _carried(confidence: Confidence, before: Tracked, after: Draft) -> Confidence:
    """The rows of cells that have kept their pixels, under the labels that they have now."""
    names = [kept_cells(*pair) for pair in zip(before.masks, after.frames, strict=True)]
    labels = [{was: now for now, was in names_of.items()} for names_of in names]
    elsewhere = moved({track.label: track for track in before.tracks}, after.tracks, names)
    carried = confidence[[label in labels[t] for t, label in confidence[["frame", "label"]].tolist()]].copy()
    for row in carried:
        t = int(row["frame"])
        row["label"] = now = labels[t][int(row["label"])]
        if (t, now) in elsewhere:
            row["link"] = 1.0
    return np.sort(carried, order=["frame", "label"])


def track_of(draft: Draft, cell: Node) -> Track:
    """The track of a cell (frame, label).

    Raises:
        ValueError: there is no such cell.
    """
    t, label = cell
    track = draft.tracks.get(label)
    if track is None or not track.begin <= t <= track.end:
        raise ValueError(f"expected a cell {label} in frame {draft.first + t}, got none there; pick it again")
    return track


def children(draft: Draft, label: int) -> list[int]:
    """The tracks that come from a track."""
    return [track.label for track in draft.tracks.values() if label and track.parent == label]


def fresh(labels: Iterable[int]) -> int:
    """A label that none of these is: above them all, or the lowest free one.

    Raises:
        ValueError: none of the 65535 is free.
    """
    taken = {0, *labels}
    if (label := max(taken) + 1) <= MAX_LABEL:
        return label
    free = next((label for label in range(1, MAX_LABEL + 1) if label not in taken), None)
    if free is None:
        raise ValueError(f"expected at most {MAX_LABEL} tracks, got as many already; cut the movie into shorter ones")
    return free


def changed(draft: Draft, *tracks: Track) -> Draft:
    """The draft with other tracks for their labels."""
    return draft._replace(tracks={**draft.tracks, **{track.label: track for track in tracks}})


def rename(frames: tuple[Labels, ...], names: Mapping[int, int], span: range) -> tuple[Labels, ...]:
    """The frames with other labels within a span: old -> new, all at once."""
    renamed = list(frames)
    for t in span:
        for old, new in names.items():
            if (here := frames[t] == old).any():
                if renamed[t] is frames[t]:
                    renamed[t] = frames[t].copy()
                renamed[t][here] = new
    return tuple(renamed)
