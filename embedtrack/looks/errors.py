"""Where a result differs from its truth: one record for each operation that AOGM counts, with a name that people use.

The matching and the operations are the scorer's (``challenge/aogm.py``), so the records' costs add up to AOGM.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from embedtrack.challenge.aogm import Match, Node, cells_of_masks, edges, found_edges, match_labels
from embedtrack.tracked import Tracked
from embedtrack.types import Labels, Track

WEIGHTS = {"NS": 5.0, "FN": 10.0, "FP": 1.0, "ED": 1.0, "EA": 1.5, "EC": 1.0}
"""AOGM's weights in the challenge."""
KINDS = ("missed", "false", "split", "merged", "wrong link", "lost link", "lost division", "false division")
"""What ``Error.kind`` may be, in the order in which they are listed."""


class Error(NamedTuple):
    """One difference. The vertices are (index of the frame, label)."""

    kind: str
    """One of KINDS; ``split`` is a second mask on a cell that another mask finds."""
    operation: str
    """What AOGM calls it: NS, FN, FP, ED, EA or EC."""
    cost: float
    """Its part of AOGM."""
    frame: int
    """Index of the frame; of the later one for a link."""
    cells: tuple[Node, ...]
    """In the truth: the cell, the merged cells, or both ends of the link."""
    masks: tuple[Node, ...]
    """In the result: the mask, or those at both ends of the link, as far as there are any."""
    follows: bool
    """A link that is lost because a cell at one of its ends is missed or merged: the cell's error is the cause."""


class Comparison(NamedTuple):
    """What ``find_errors`` knows of one frame."""

    match: Match
    covered: dict[int, int]
    """Mask -> the cell that holds more than half of its pixels."""


def find_errors(truth: Tracked, result: Tracked) -> list[Error]:
    """Every difference, in the order of the frames.

    Raises:
        ValueError: the movies differ in frames or size.
    """
    require_same_frames(truth, result)
    compared = [compare(cells, masks) for cells, masks in zip(truth.masks, result.masks, strict=True)]
    return errors_of(compared, truth.tracks, result.tracks)


def require_same_frames(truth: Tracked, result: Tracked) -> None:
    """Raise ValueError unless they can be compared frame by frame."""
    if (truth.first, len(truth), truth.shape) != (result.first, len(result), result.shape):
        got = [f"frames {m.first} to {m.first + len(m) - 1} of {m.shape[0]} x {m.shape[1]}" for m in (truth, result)]
        raise ValueError(f"expected truth and result of the same frames, got {got[0]} and {got[1]}; check the folders")


def errors_of(compared: list[Comparison], reference: list[Track], computed: list[Track]) -> list[Error]:
    """As ``find_errors``, where each frame was compared already.

    Args:
        compared: one per frame.
        reference: the tracks of the truth.
        computed: those of the result.
    """
    found = [*_of_masks(compared), *_of_links([one.match for one in compared], reference, computed)]
    return sorted(found, key=lambda error: (error.frame, KINDS.index(error.kind), error.cells, error.masks))


def compare(cells: Labels, masks: Labels) -> Comparison:
    """Compare the cells of the truth int32[H, W] with the masks of the result int32[H, W]."""
    area = np.bincount(masks.ravel())
    both = (cells > 0) & (masks > 0)
    base = np.int64(cells.max()) + 1
    pairs, common = np.unique(masks[both] * base + cells[both], return_counts=True)
    mask, cell = np.divmod(pairs, base)
    inside = 2 * common > area[mask]
    return Comparison(match_labels(cells, masks), dict(zip(mask[inside].tolist(), cell[inside].tolist(), strict=True)))


def counts(errors: Sequence[Error]) -> dict[str, int]:
    """How many of each kind, all kinds listed."""
    number = Counter(error.kind for error in errors)
    return {kind: number[kind] for kind in KINDS}


def _of_masks(compared: list[Comparison]) -> Iterator[Error]:
    """NS, FN and FP."""
    for t, (match, covered) in enumerate(compared):
        finds: dict[int, list[int]] = defaultdict(list)
        for cell, mask in zip(match.found, match.finders, strict=True):
            finds[mask].append(cell)
        for mask, cells in finds.items():
            if len(cells) > 1:
                nodes = tuple((t, cell) for cell in sorted(cells))
                yield Error("merged", "NS", (len(cells) - 1) * WEIGHTS["NS"], t, nodes, ((t, mask),), False)
        for cell in set(match.cells) - set(match.found):
            yield Error("missed", "FN", WEIGHTS["FN"], t, ((t, cell),), (), False)
        for mask in set(match.masks) - finds.keys():
            whole = covered.get(mask)
            if whole in match.found:
                yield Error("split", "FP", WEIGHTS["FP"], t, ((t, whole),), ((t, mask),), False)
            else:
                yield Error("false", "FP", WEIGHTS["FP"], t, (), ((t, mask),), False)


def _of_links(matches: list[Match], reference: list[Track], computed: list[Track]) -> Iterator[Error]:
    """ED, EA and EC."""
    mask_of = {cell: mask for mask, cell in cells_of_masks(matches).items()}
    true, made = edges(reference), found_edges(matches, computed)
    born, born_as = births(reference), births(computed)
    for ends in made.keys() | true.keys():
        masks = tuple(mask_of[end] for end in ends if end in mask_of)
        is_birth, is_made_one = ends[1] in born, mask_of.get(ends[1]) in born_as
        if ends not in true:
            operation, kind = "ED", "false division" if is_made_one else "wrong link"
        elif ends not in made:
            operation, kind = "EA", "lost division" if is_birth else "lost link"
        elif true[ends] != made[ends]:
            operation = "EC"
            kind = "lost division" if is_birth else "false division" if is_made_one else "wrong link"
        else:
            continue
        yield Error(kind, operation, WEIGHTS[operation], ends[1][0], ends, masks, len(masks) < 2)


def births(tracks: Sequence[Track]) -> set[Node]:
    """The first vertices of tracks that a division has made: an only child goes on as its parent."""
    children = Counter(track.parent for track in tracks)
    return {(track.begin, track.label) for track in tracks if track.parent and children[track.parent] > 1}
