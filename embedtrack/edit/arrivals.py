"""Where each cell of a tracked movie comes from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from embedtrack.challenge.aogm import Node
from embedtrack.edit.kept import Names
from embedtrack.types import Track


class Arrival(NamedTuple):
    """Where a cell comes from."""

    source: Node | None
    """The same track in the frame before, its parent's last cell, or nowhere."""
    divides: bool
    """Whether others come from there too."""


def arrivals(tracks: Mapping[int, Track]) -> dict[Node, Arrival]:
    """That of every cell (frame, label) of some tracks, which are given by label."""
    heirs = Counter(track.parent for track in tracks.values())
    found: dict[Node, Arrival] = {}
    for track in tracks.values():
        parent = tracks.get(track.parent)
        first = Arrival((parent.end, parent.label), heirs[parent.label] > 1) if parent else Arrival(None, False)
        found[track.begin, track.label] = first
        for t in range(track.begin + 1, track.end + 1):
            found[t, track.label] = Arrival((t - 1, track.label), False)
    return found


def moved(before: Mapping[int, Track], after: Mapping[int, Track], names: Sequence[Names]) -> set[Node]:
    """The cells that have kept their pixels, and come from elsewhere than before, or divide off where they did not.

    Where only the cell that one came from is gone, nothing was said of it.

    Args:
        before: the tracks before the corrections, by label.
        after: those after them.
        names: of each frame, see ``kept_cells``.
    """
    old, found = arrivals(before), set[Node]()
    for (t, label), (source, divides) in arrivals(after).items():
        if counterpart := names[t].get(label):
            was, divided = old[t, counterpart]
            is_now = source and (source[0], names[source[0]].get(source[1], 0))
            gone = was is not None and was[1] not in names[was[0]].values()
            if (is_now, divides) != (was, divided) and not gone:
                found.add((t, label))
    return found
