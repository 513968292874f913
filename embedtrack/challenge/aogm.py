"""Compare a result with its truth as graphs of cells: the matching, and the operations that correct the result.

Acyclic oriented graph matching (Matula et al. 2015). The vertices are the cells of each frame; an edge joins a track's
cells in consecutive frames, or a track's first cell with its parent's last one.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from embedtrack.types import Labels, Track

Node = tuple[int, int]
"""A vertex: (frame, label)."""
Edge = tuple[Node, Node]
"""From a vertex to a later one."""


class Match(NamedTuple):
    """Which masks find which cells of one frame."""

    cells: list[int]
    """All labels of the truth."""
    masks: list[int]
    """All labels of the result."""
    found: list[int]
    """The cells of which a mask covers more than half, ..."""
    finders: list[int]
    """... the mask for each of them (one mask may find several), ..."""
    jaccards: list[float]
    """... and the Jaccard index of the two."""


def match_labels(truth: Labels, labels: Labels) -> Match:
    """Match the masks of ``labels`` int32[H, W] with the cells of ``truth`` int32[H, W].

    A mask S finds a cell R if |R n S| > |R| / 2, so at most one mask does; their Jaccard index is |R n S| / |R u S|.
    """
    cells, sizes = np.unique(truth[truth > 0], return_counts=True)
    masks, areas = np.unique(labels[labels > 0], return_counts=True)
    both = (truth > 0) & (labels > 0)
    base = np.int64(labels.max()) + 1
    pairs, common = np.unique(truth[both] * base + labels[both], return_counts=True)
    found, finders = np.divmod(pairs, base)
    size, area = sizes[np.searchsorted(cells, found)], areas[np.searchsorted(masks, finders)]
    jaccards, found_it = common / (size + area - common), 2 * common > size
    columns = (cells, masks, found[found_it], finders[found_it], jaccards[found_it])
    return Match(*(column.tolist() for column in columns))


def operations(matches: list[Match], reference: list[Track], computed: list[Track]) -> dict[str, int]:
    """The operations that turn the computed graph into the reference, and the size of the reference.

    NS: splits of masks that find several cells. FN and FP: cells without mask, masks without cell. ED, EA and EC: edges
    to delete, to add, and of the wrong kind. Only edges between masks that find exactly one cell can be right or wrong.

    py-ctcmetrics counts the same, but takes 10 GB for 300 crowded frames.

    Args:
        matches: one per frame.
        reference: the tracks of the truth, valid; frames count from 0 as in ``matches``.
        computed: the tracks of the result, likewise.
    """
    finds = [Counter(match.finders) for match in matches]
    true, made = edges(reference), found_edges(matches, computed)
    vertices, found = sum(len(match.cells) for match in matches), sum(len(match.found) for match in matches)
    finders = sum(map(len, finds))
    return {
        "NS": found - finders,
        "FN": vertices - found,
        "FP": sum(len(match.masks) for match in matches) - finders,
        "ED": len(made.keys() - true.keys()),
        "EA": len(true.keys() - made.keys()),
        "EC": sum(made[edge] != true[edge] for edge in made.keys() & true.keys()),
        "num_vertices": vertices,
        "num_edges": len(true),
    }


def cells_of_masks(matches: Iterable[Match]) -> dict[Node, Node]:
    """The vertex of the truth that each mask finds, for the masks that find exactly one."""
    return {
        (t, mask): (t, cell)
        for t, match in enumerate(matches)
        for finds in [Counter(match.finders)]
        for cell, mask in zip(match.found, match.finders, strict=True)
        if finds[mask] == 1
    }


def quality(one: Labels, other: Labels) -> float:
    """The panoptic quality of two label images int32[H, W]: sum of Jaccard indices / mean number of cells."""
    match = match_labels(one, other)
    total = len(match.cells) + len(match.masks)
    return 2 * sum(jaccard for jaccard in match.jaccards if jaccard > 0.5) / total if total else 0.0


def found_edges(matches: Iterable[Match], computed: Iterable[Track]) -> dict[Edge, bool]:
    """The computed edges as edges between cells of the truth; without those of masks that find no or several cells."""
    cell_of = cells_of_masks(matches)
    return {
        (cell_of[start], cell_of[end]): kind
        for (start, end), kind in edges(computed).items()
        if start in cell_of and end in cell_of
    }


def edges(tracks: Iterable[Track]) -> dict[Edge, bool]:
    """The edges of valid tracks; True marks a link from a parent to a child, be it the only one, False any other.

    So have it the challenge's own programs; traccuracy takes the link to an only child for one within a track.
    """
    tracks = list(tracks)
    ends = {track.label: track.end for track in tracks}
    steps = {((t, label), (t + 1, label)): False for label, begin, end, _ in tracks for t in range(begin, end)}
    links = {((ends[parent], parent), (begin, label)): True for label, begin, _, parent in tracks if parent}
    return steps | links
