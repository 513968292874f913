"""Let a track go on as another cell."""

from embedtrack.challenge.aogm import Node
from embedtrack.edit.cut import append, detach, end_before, left_alone, mend
from embedtrack.edit.draft import Draft, changed, track_of
from embedtrack.types import Track


def join(draft: Draft, first: int, second: Node) -> Draft:
    """Let a track go on as a cell (frame, label) of a later frame, and as what follows that cell.

    What came before the cell, and what came of the track from that frame on, is cut off. If frames are missing between
    the two, the cell keeps its own label and the track becomes its parent: lost and found again, as the challenge
    writes it.

    Raises:
        ValueError: there are no such cells, the cell is not later than the track's first, or they are joined already.
    """
    after, track = track_of(draft, second), begun(draft, first, second[0])
    if after.label == first:
        raise ValueError(f"cell {first}: expected two tracks to join, got one; pick cells of two")
    end = min(track.end, second[0] - 1)
    if (after.parent, after.begin) == (first, second[0]) and end < second[0] - 1:
        raise ValueError(f"cells {first} and {after.label}: expected tracks that are not joined yet, got joined ones")
    lone = left_alone(draft, second)
    draft, label = detach(draft, second)
    draft = end_before(draft, first, second[0])
    if end == second[0] - 1:
        draft = append(draft, first, label)
    else:
        draft = changed(draft, draft.tracks[label]._replace(parent=first))
    return mend(draft, lone)


def begun(draft: Draft, label: int, before: int) -> Track:
    """The track of that label.

    Raises:
        ValueError: there is none, or it does not begin before the frame.
    """
    track = draft.tracks.get(label)
    if track is None or track.begin >= before:
        got = f"one that begins in frame {draft.first + track.begin}" if track else "none of this label"
        raise ValueError(f"cell {label}: expected a track that begins before frame {draft.first + before}, got {got}")
    return track
