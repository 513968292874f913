"""Cut the link that leads to a cell."""

from embedtrack.challenge.aogm import Node
from embedtrack.edit.draft import Draft, changed, children, fresh, rename, track_of


def cut(draft: Draft, *cells: Node) -> Draft:
    """Cut before some cells (frame, label): in the midst of their tracks, or from the cells that they came from.

    The part that begins with a cell gets a new label, and keeps the daughters. A daughter that is left alone was
    none: it becomes its mother again.

    Raises:
        ValueError: there is no such cell, or nothing leads to it.
    """
    for cell in cells:
        track = track_of(draft, cell)
        if track.begin == cell[0] and not track.parent:
            number = draft.first + cell[0]
            raise ValueError(f"cell {track.label}: expected something before frame {number} to cut from, got its first")
    lone = [left_alone(draft, cell) for cell in cells]
    for cell in sorted(cells, reverse=True):  # the later part of a track gets another label
        draft, _ = detach(draft, cell)
    for sister in lone:
        draft = mend(draft, sister)
    return draft


def detach(draft: Draft, cell: Node) -> tuple[Draft, int]:
    """Make a cell the first one of a track without parent; returns that track's label."""
    t, track = cell[0], track_of(draft, cell)
    if track.begin == t:
        return changed(draft, track._replace(parent=0)), track.label
    label = fresh(draft.tracks)
    moved = [draft.tracks[child]._replace(parent=label) for child in children(draft, track.label)]
    frames = rename(draft.frames, {track.label: label}, range(t, track.end + 1))
    rest = track._replace(label=label, begin=t, parent=0)
    return changed(draft._replace(frames=frames), track._replace(end=t - 1), rest, *moved), label


def end_before(draft: Draft, label: int, t: int) -> Draft:
    """Let nothing come after a track, and itself end before frame t, where it is there already."""
    freed = [draft.tracks[child]._replace(parent=0) for child in children(draft, label)]
    if draft.tracks[label].end >= t:
        return detach(draft, (t, label))[0]
    return changed(draft, *freed)


def append(draft: Draft, first: int, second: int) -> Draft:
    """Make one track of two of which the second begins right after the first ends; it keeps the first one's label."""
    one, two = draft.tracks[first], draft.tracks[second]
    frames = rename(draft.frames, {second: first}, range(two.begin, two.end + 1))
    moved = [draft.tracks[child]._replace(parent=first) for child in children(draft, second)]
    joined = changed(draft._replace(frames=frames), one._replace(end=two.end), *moved)
    return joined._replace(tracks={label: track for label, track in joined.tracks.items() if label != second})


def left_alone(draft: Draft, cell: Node) -> int:
    """The only sister of a cell that is a daughter's first one, or 0."""
    track = track_of(draft, cell)
    sisters = [label for label in children(draft, track.parent) if label != track.label]
    return sisters[0] if track.begin == cell[0] and len(sisters) == 1 else 0


def mend(draft: Draft, lone: int) -> Draft:
    """Join a daughter who was left alone with her mother, unless she has found another or was lost in between."""
    track = draft.tracks.get(lone)
    if track is None or children(draft, track.parent) != [track.label]:
        return draft
    follows = draft.tracks[track.parent].end == track.begin - 1
    return append(draft, track.parent, track.label) if follows else draft
