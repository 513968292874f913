"""What a person said by correcting: of which cells it is known where they come from."""

from collections.abc import Collection

from embedtrack.challenge.aogm import Node
from embedtrack.edit.arrivals import arrivals, moved
from embedtrack.edit.draft import Draft
from embedtrack.edit.kept import kept_cells
from embedtrack.types import Pin


def pins(before: Draft, after: Draft, known: Collection[Pin] = ()) -> list[Pin]:
    """The links that somebody made, cut or left from there by hand, in the order of frames.

    A cell is pinned if it comes from elsewhere than before, or divides off where it did not, if its mask is a new one
    within a track, or if it was pinned before and has kept its pixels. Where only the cell that it came from is gone,
    nothing was said of it. Of the daughters of one mother all are pinned, or none.

    Args:
        before: the movie before the corrections.
        after: the same movie after them.
        known: the pins of ``before``.
    """
    names = [kept_cells(*pair) for pair in zip(before.frames, after.frames, strict=True)]
    new, told = arrivals(after.tracks), {(pin.frame, pin.label) for pin in known}
    elsewhere = moved(before.tracks, after.tracks, names)
    said: dict[Node, Node | None] = {}
    for (t, label), (source, _) in new.items():
        counterpart = names[t].get(label)
        if (t, counterpart) in told or (t, label) in elsewhere or (source and not counterpart):
            said[t, label] = source
    mothers = {said[cell] for cell in said if new[cell].divides}
    said |= {cell: source for cell, (source, divides) in new.items() if divides and source in mothers}
    return [Pin(*cell, *(source or (0, 0))) for cell, source in sorted(said.items())]
