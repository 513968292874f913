"""Why lives break: ``python -m benchmarks.lives DATASET... [--folds FOLDER]``.

A track of the truth is complete where one track of the result finds its cell in each of its frames and in no other. For
those that are not, a table says what is in the way; others tell when divisions are found, and of which masks the truth
knows nothing. Frames are those of ``benchmarks.tracking_costs``, in one view.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.ndimage import grey_dilation

from benchmarks.tracking_costs import Datasets, First, Folds, Last, Weights, linked, parts_of, sources
from embedtrack.challenge.aogm import Match, Node, match_labels
from embedtrack.cli.display import start_logging
from embedtrack.types import Labels, Track

BESIDE = 6
"""A mask that finds no cell lies beside a missed one if it comes so near to its marker's pixels, in pixels."""
LATER = 6
"""Daughters are looked for in so many frames from their first one on."""


class Lives(NamedTuple):
    """What became of the tracks of the truth."""

    complete: int
    broken: list[frozenset[str]]
    """Of each other track all that is in the way."""
    early: Counter[int]
    """Divisions that are found, by how many frames they are later than in the truth."""
    lost: int
    """Divisions that are not."""
    false: int
    """Masks that find no cell, ..."""
    unknown: int
    """... those of them whose track finds none in any frame."""


def beside(truth: Labels, labels: Labels, match: Match) -> set[int]:
    """The missed cells of ``truth`` int32[H, W] beside which a mask of ``labels`` int32[H, W] lies that finds none."""
    idle = np.where(np.isin(labels, match.finders), 0, labels)
    near = grey_dilation(idle, size=2 * BESIDE + 1)
    missed = set(match.cells) - set(match.found)
    return {int(cell) for cell in np.unique(truth[near > 0]) if cell in missed}


def compare(
    matches: Sequence[Match], idle: Sequence[set[int]], reference: Sequence[Track], computed: Sequence[Track]
) -> Lives:
    """What became of each track.

    Args:
        matches: one per frame.
        idle: for each frame the cells that are missed beside a mask that finds none.
        reference: the tracks of the truth; frames count from 0.
        computed: those of the result.
    """
    finder = {
        (t, cell): (mask, finds[mask] > 1)
        for t, match in enumerate(matches)
        for finds in [Counter(match.finders)]
        for cell, mask in zip(match.found, match.finders, strict=True)
    }
    aside = {(t, cell) for t, cells in enumerate(idle) for cell in cells}
    spans = {track.label: track for track in computed}
    faults = [_faults(track, finder, aside, spans) for track in reference]
    broken = [one for one in faults if one]
    found = [_later(pair, finder, spans) for pair in _daughters(reference).values() if len(pair) == 2]
    early = Counter(one for one in found if one is not None)
    false, unknown = _false(matches)
    return Lives(len(faults) - len(broken), broken, early, found.count(None), false, unknown)


def _faults(
    track: Track, finder: dict[Node, tuple[int, bool]], aside: set[Node], spans: dict[int, Track]
) -> frozenset[str]:
    """All that keeps a track from being complete."""
    nodes = [(t, track.label) for t in range(track.begin, track.end + 1)]
    faults = {"beside its mask" if node in aside else "missed" for node in nodes if node not in finder}
    finders = [finder[node] for node in nodes if node in finder]
    if any(shared for _, shared in finders):
        faults.add("shares a mask")
    numbers = {mask for mask, _ in finders}
    if len(numbers) > 1:
        faults.add("changes its number")
    elif numbers:
        own = spans[numbers.pop()]
        for word, late in (("begins", own.begin - track.begin), ("ends", own.end - track.end)):
            if late:
                faults.add(f"{word} {'late' if late > 0 else 'early'}")
    return frozenset(faults)


def _daughters(tracks: Iterable[Track]) -> dict[int, list[Track]]:
    """Of each mother."""
    found: dict[int, list[Track]] = defaultdict(list)
    for track in tracks:
        if track.parent:
            found[track.parent].append(track)
    return found


def _later(daughters: Sequence[Track], finder: dict[Node, tuple[int, bool]], spans: dict[int, Track]) -> int | None:
    """How many frames later than in the truth the result has a division; None: the daughters are of no one mother."""
    lines = []
    for daughter in daughters:
        span = range(daughter.begin, min(daughter.begin + LATER, daughter.end + 1))
        alone = [finder[t, daughter.label] for t in span if (t, daughter.label) in finder]
        masks = [mask for mask, shared in alone if not shared]
        if not masks:
            return None
        lines.append(_ancestors(masks[0], spans))
    one, two = lines
    common = next((label for label in one if label in two), None)
    if common is None or common in (one[0], two[0]):
        return None
    child = spans[one[one.index(common) - 1]]
    return child.begin - daughters[0].begin


def _ancestors(label: int, spans: dict[int, Track]) -> list[int]:
    """A track of the result, its parent, and so on."""
    line = [label]
    while spans[line[-1]].parent:
        line.append(spans[line[-1]].parent)
    return line


def _false(matches: Sequence[Match]) -> tuple[int, int]:
    """How many masks find no cell, and how many of them are of tracks that find none in any frame."""
    idle: dict[int, int] = defaultdict(int)
    known = {mask for match in matches for mask in match.finders}
    for match in matches:
        for mask in set(match.masks) - set(match.finders):
            idle[mask] += 1
    return sum(idle.values()), sum(count for mask, count in idle.items() if mask not in known)


def tables(name: str, found: Lives) -> tuple[Table, Table]:
    """Why tracks break, and when divisions are found."""
    every = Counter(fault for faults in found.broken for fault in faults)
    alone = Counter(next(iter(faults)) for faults in found.broken if len(faults) == 1)
    title = f"{name}: of {found.complete + len(found.broken)} tracks {found.complete} are complete"
    why = Table("a track", "of the others", "for this alone", title=title)
    for fault, count in every.most_common():
        why.add_row(fault, str(count), str(alone[fault]))
    divisions = sum(found.early.values()) + found.lost
    when = Table("of the divisions", "are found", title=f"{divisions} divisions; {found.lost} not found")
    for label, kept in (
        ("2 frames early or more", [late for late in found.early if late < -1]),
        ("1 early", [-1]), ("in their frame", [0]), ("1 late", [1]),
        ("2 late or more", [late for late in found.early if late > 1]),
    ):  # fmt: skip
        when.add_row(label, str(sum(found.early[late] for late in kept)))
    when.caption = f"{found.false} masks find no cell, {found.unknown} of them in tracks that never find one"
    return why, when


def main(
    datasets: Datasets,
    weights: Weights = None,
    first: First = None,
    last: Last = None,
    out: Folds = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print the tables."""
    start_logging()
    for one, costs in parts_of(sources(datasets, weights, first, last, out), device):
        pairs, tracker = linked(one, costs)
        matches, idle = [], []
        for pair in pairs:
            matches.append(match_labels(*pair))
            idle.append(beside(*pair, matches[-1]))
        Console().print(*tables(one.name, compare(matches, idle, one.tracks, tracker.tracks())))


if __name__ == "__main__":
    typer.run(main)
