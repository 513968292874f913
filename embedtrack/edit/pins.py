"""What a person said by correcting: of which cells it is known where they come from."""

from collections.abc import Collection

from embedtrack.challenge.aogm import Node
from embedtrack.edit.arrivals import arrivals
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
    old, new, told = arrivals(before.tracks), arrivals(after.tracks), {(pin.frame, pin.label) for pin in known}
    said: dict[Node, Node | None] = {}
    for (t, label), (source, divides) in new.items():
        counterpart = (t, names[t].get(label, 0))
        if counterpart[1] == 0:
            if source:
                said[t, label] = source
            continue
        was, divided = old[counterpart]
        is_now = source and (source[0], names[source[0]].get(source[1], 0))
        gone = was is not None and was[1] not in names[was[0]].values()
        if counterpart in told or ((is_now, divides) != (was, divided) and not gone):
            said[t, label] = source
    mothers = {said[cell] for cell in said if new[cell].divides}
    said |= {cell: source for cell, (source, divides) in new.items() if divides and source in mothers}
    return [Pin(*cell, *(source or (0, 0))) for cell, source in sorted(said.items())]
