"""Tracks that fit masks again, after these were painted or renamed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from embedtrack.challenge.lbep import MAX_LABEL
from embedtrack.edit.draft import Draft, fresh, rename
from embedtrack.types import Labels, Track


def refit(frames: Sequence[Labels], tracks: Mapping[int, Track], first: int = 0) -> Draft:
    """Make a draft of masks and of the tracks that they had before.

    A label that is new becomes a track, one that is gone ends, and its children follow its parent if it was no
    daughter. One that is missing in between is cut there: the later part gets a new label and the earlier one as its
    parent, which is the challenge's way to say lost and found again.

    Args:
        frames: int32[H, W] each.
        tracks: by label; of each only the parent counts.
        first: the number of the first frame.

    Raises:
        ValueError: a label is seen in or after the frame in which a daughter of its begins, or is above 65535.
    """
    _check(frames, first)
    pieces = _pieces(frames)
    names = set(pieces) | set(tracks)
    last = {label: [(spans[0], label)] for label, spans in pieces.items()}
    refitted: dict[int, Track] = {}
    frames = tuple(frames)
    for label, spans in pieces.items():
        for span in spans[1:]:
            name = fresh(names)
            names.add(name)
            frames = rename(frames, {label: name}, range(span[0], span[1] + 1))
            refitted[name] = Track(name, *span, parent=last[label][-1][1])
            last[label].append((span, name))
    for label, spans in pieces.items():
        parent = _living(tracks, pieces, label)
        refitted[label] = Track(label, *spans[0], parent=_last_piece(last, parent, label, spans[0][0], first))
    return Draft(frames, dict(sorted(refitted.items())), first)


def _check(frames: Sequence[Labels], first: int) -> None:
    """Raise ValueError where a label does not fit into the challenge's 16 bits."""
    for number, labels in enumerate(frames, start=first):
        if (highest := int(labels.max(initial=0))) > MAX_LABEL:
            raise ValueError(
                f"frame {number}: expected labels up to {MAX_LABEL}, got {highest}; paint with another one"
            )


def _pieces(frames: Sequence[Labels]) -> dict[int, list[tuple[int, int]]]:
    """Label -> its runs of consecutive frames (first, last)."""
    pieces: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for t, labels in enumerate(frames):
        for label in np.flatnonzero(np.bincount(labels.ravel())).tolist():
            runs = pieces[label]
            if runs and runs[-1][1] == t - 1:
                runs[-1] = (runs[-1][0], t)
            else:
                runs.append((t, t))
    pieces.pop(0, None)
    return dict(pieces)


def _living(tracks: Mapping[int, Track], pieces: Mapping[int, object], label: int) -> int:
    """The parent; instead of one that is gone and was an only child, that one's parent, and so on."""
    parent = tracks[label].parent if label in tracks else 0
    while parent and parent not in pieces:
        above = tracks[parent].parent
        parent = above if sum(track.parent == above for track in tracks.values()) == 1 else 0
    return parent


def _last_piece(
    last: Mapping[int, Sequence[tuple[tuple[int, int], int]]], parent: int, label: int, begin: int, first: int
) -> int:
    """The name of the parent's last part, which must end before its child begins."""
    if not parent:
        return 0
    span, name = last[parent][-1]
    if span[1] >= begin:
        raise ValueError(
            f"frame {first + begin}: expected {parent} to end before {label} begins, which came from it, got {parent} "
            f"in frame {first + span[1]} too; take it away there, or cut {label} off first"
        )
    return name
