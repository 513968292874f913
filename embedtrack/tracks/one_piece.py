"""Masks of one piece: of each label the largest part stays, and what it encloses alone becomes its own."""

import numpy as np
from skimage.measure import label as components

from embedtrack.types import Labels


def one_piece(labels: Labels) -> Labels:
    """Labels int32[H, W] without crumbs and holes; every label that is there stays.

    A part is what hangs together over edges and corners, a hole background that hangs together over edges, touches
    no edge of the frame and borders on one label alone.
    """
    kept = _largest(labels)
    holes = np.asarray(components(kept == 0, connectivity=1), np.int64)  # type: ignore[no-untyped-call]
    edge = np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])
    count = int(holes.max()) + 1
    least, most = np.full(count, np.iinfo(np.int32).max), np.zeros(count, np.int64)
    for first, second in ((np.s_[:-1, :], np.s_[1:, :]), (np.s_[:, :-1], np.s_[:, 1:])):
        for here, there in ((first, second), (second, first)):
            touch = (holes[here] > 0) & (kept[there] > 0)
            hole, neighbour = holes[here][touch], kept[there][touch]
            np.minimum.at(least, hole, neighbour)
            np.maximum.at(most, hole, neighbour)
    filler = np.where((least == most) & (most > 0), most, 0).astype(np.int32)
    filler[edge] = 0
    return np.where(kept == 0, filler[holes], kept)


def _largest(labels: Labels) -> Labels:
    """The labels with the largest part of each alone; of equal ones the first."""
    parts = np.asarray(components(labels, background=0, connectivity=2), np.int64)  # type: ignore[no-untyped-call]
    sizes = np.bincount(parts.ravel())
    names = np.zeros(len(sizes), np.int64)
    names[parts.ravel()] = labels.ravel()
    order = np.lexsort((np.arange(len(sizes)), -sizes, names))
    first = np.ones(len(sizes), bool)
    first[1:] = names[order][1:] != names[order][:-1]
    keep = np.zeros(len(sizes), bool)
    keep[order[first]] = True
    keep[0] = False
    return np.where(keep[parts], labels, 0).astype(np.int32)
