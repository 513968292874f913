"""Where each cell of a tracked movie comes from."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from embedtrack.challenge.aogm import Node
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
