"""Add a division."""

from collections.abc import Sequence

from embedtrack.challenge.aogm import Node
from embedtrack.edit.cut import detach, end_before, left_alone, mend
from embedtrack.edit.draft import Draft, changed, track_of
from embedtrack.edit.join import begun


def divide(draft: Draft, mother: int, daughters: Sequence[Node]) -> Draft:
    """Let a track divide into cells (frame, label) of later frames, and into what follows them.

    One of the daughters may bear the mother's label: she gets one of her own. What came before the daughters is cut
    off, and so is what else came of the mother.

    Raises:
        ValueError: fewer than two daughters, the same one twice, no such cells, or none before them.
    """
    tracks = [track_of(draft, cell) for cell in daughters]
    if len({track.label for track in tracks}) < max(2, len(daughters)):
        got = ", ".join(str(label) for _, label in daughters) or "none"
        raise ValueError(f"cell {mother}: expected two or more daughters, each another track, got {got}; pick again")
    first = min(t for t, _ in daughters)
    begun(draft, mother, first)
    lone = [left_alone(draft, cell) for cell in daughters]
    labels = []
    for cell in daughters:
        draft, label = detach(draft, cell)
        labels.append(label)
    draft = end_before(draft, mother, first)
    draft = changed(draft, *(draft.tracks[label]._replace(parent=mother) for label in labels))
    for sister in lone:
        draft = mend(draft, sister)
    return draft
