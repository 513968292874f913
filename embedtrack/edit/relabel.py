"""Give a cell another label, exchange two, or take one away."""

from collections.abc import Mapping

from embedtrack.edit.draft import Draft, rename
from embedtrack.edit.refit import refit
from embedtrack.types import Track


def relabel(draft: Draft, label: int, new: int, span: range) -> Draft:
    """Give the masks of a label another one in some frames; 0 takes them away.

    Where the new label is there too, the two are exchanged. Links across the span's ends follow the labels; what a
    mask in the span came from or divided into stays with the mask. A track that is left in pieces is one that was lost
    and found again.

    Args:
        draft: what to correct.
        label: of a track.
        new: a track's label or any free one.
        span: indices of frames, consecutive.

    Raises:
        ValueError: there is no such cell in the span, it goes beyond the frames, or the new label would have frames
            before its own parent.
    """
    if not span or span[0] < 0 or span[-1] >= len(draft.frames):
        first, last = draft.first, draft.first + len(draft.frames) - 1
        got = f"{first + span.start} to {first + span.stop - 1}"
        raise ValueError(f"cell {label}: expected frames from {first} to {last}, got {got}")
    track = draft.tracks.get(label)
    if label == new or new < 0:
        raise ValueError(f"cell {label}: expected another label, or 0 to take it away, got {new}")
    if track is None or not set(span) & set(range(track.begin, track.end + 1)):
        begin, end = draft.first + span[0], draft.first + span[-1]
        raise ValueError(f"cell {label}: expected it in one of the frames {begin} to {end}, got none there")
    frames = rename(draft.frames, {label: new} | ({new: label} if new else {}), span)
    return refit(frames, _moved(draft, label, new, span) if new else draft.tracks, draft.first)


def _moved(draft: Draft, label: int, new: int, span: range) -> Mapping[int, Track]:
    """The tracks with the parents that they have after the exchange."""
    name = {label: new, new: label}
    pair = [draft.tracks[one] for one in name if one in draft.tracks]
    # First and last cells keep what they came from and what they became, under whatever label they are known now.
    came = {(track.begin, name[track.label] if track.begin in span else track.label): track.parent for track in pair}
    became = {track.label: name[track.label] if track.end in span else track.label for track in pair}
    frames = {one: set[int]() for one in name}
    for track in pair:
        for t in range(track.begin, track.end + 1):
            frames[name[track.label] if t in span else track.label].add(t)
    first = {one: min(times) for one, times in frames.items() if times}
    ends = [Track(one, t, t, came.get((t, one), 0)) for one, t in first.items()]
    tracks = {**draft.tracks, **{track.label: track for track in ends}}
    return {one: track._replace(parent=became.get(track.parent, track.parent)) for one, track in tracks.items()}
