"""Lives of cells: tracks with the pieces joined between which a cell was lost, and their families."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from embedtrack.types import Track


class Life(NamedTuple):
    """A cell from its first frame to its division or last frame."""

    track: int
    """Label of its first piece; it names the cell."""
    pieces: tuple[Track, ...]
    """In the order of time; more than one where the cell was lost and found again."""
    parent: int
    """The cell that divided into this one, or 0."""
    lineage: int
    """The founder of the family."""
    generation: int
    """Divisions since the founder."""
    daughters: tuple[int, ...]
    """The cells into which it divided."""
    cycle: int | None
    """Frames from its birth in a division to its own division; None unless both were seen."""

    @property
    def begin(self) -> int:
        """Index of the first frame."""
        return self.pieces[0].begin

    @property
    def end(self) -> int:
        """Index of the last frame."""
        return self.pieces[-1].end

    @property
    def frames(self) -> int:
        """Frames in which it is seen."""
        return sum(piece.end - piece.begin + 1 for piece in self.pieces)


def cell_of_track(tracks: Sequence[Track]) -> dict[int, int]:
    """Label -> the first label of the same cell: an only child is its parent, lost and found again."""
    children = Counter(track.parent for track in tracks)
    cell: dict[int, int] = {}
    for track in sorted(tracks, key=lambda track: track.begin):
        only_child = track.parent and children[track.parent] == 1
        cell[track.label] = cell[track.parent] if only_child else track.label
    return cell


def lives(tracks: Sequence[Track]) -> dict[int, Life]:
    """The lives of all cells of valid tracks, by name, in the order of their first frames."""
    cell = cell_of_track(tracks)
    pieces: dict[int, list[Track]] = defaultdict(list)
    daughters: dict[int, list[int]] = defaultdict(list)
    for track in sorted(tracks, key=lambda track: (track.begin, track.label)):
        pieces[cell[track.label]].append(track)
        if track.parent and cell[track.label] == track.label:
            daughters[cell[track.parent]].append(track.label)
    made: dict[int, Life] = {}
    for name, parts in pieces.items():
        parent = made.get(cell.get(parts[0].parent, 0))
        born = min((pieces[daughter][0].begin for daughter in daughters[name]), default=None)
        made[name] = Life(
            track=name,
            pieces=tuple(parts),
            parent=parent.track if parent else 0,
            lineage=parent.lineage if parent else name,
            generation=parent.generation + 1 if parent else 0,
            daughters=tuple(daughters[name]),
            cycle=born - parts[0].begin if parent and born is not None else None,
        )
    return made
