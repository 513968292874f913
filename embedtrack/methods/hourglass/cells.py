"""The instances of a frame pair -> what tracks are decided from: the cells of the later frame, and where they were.

Payer et al. (2019) chain pairs by the overlap of both pairs' masks in the frame that they share, and take as a new
track's parent what its first mask overlaps. Both are told here as places: the pixels of a cell spread evenly over the
mask that its pair gives it one frame before, so that the share of them that falls on a cell there is the overlap with
it; those of a cell that its pair does not know before rest where they are. What follows from it, tracks, parents and
the end of splits that close again, is decided in ``tracks/`` for all frames of a window at once, not pair by pair.
"""

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected

from embedtrack.tracks.cells import at_rest
from embedtrack.tracks.given import brightness
from embedtrack.types import Cells, Frame, Labels, Origin


def cells_of(pair: Labels, sure: NDArray[np.float32], frame: Frame, smallest: int) -> Cells:
    """The cells of the last frame of a pair, or of a single frame.

    Args:
        pair: int32[F, H, W], instances 1 to n.
        sure: float32[n + 1]: how far the embeddings of each agree, in [0, 1].
        frame: float32[H, W], the normalised grey values of the last frame.
        smallest: a blob apart from its instance's largest one is a cell of its own from so many pixels on.
    """
    labels, owner = blobs(pair[-1], smallest)
    origin = origins(labels, owner, pair[0]) if len(pair) == 2 else at_rest(labels.shape)
    bright = brightness(labels, frame, len(owner) - 1)
    return Cells(labels, origin, sure[owner], bright)


def blobs(labels: Labels, smallest: int) -> tuple[Labels, NDArray[np.int64]]:
    """Each connected part of an instance is a cell: daughters of one embedding that both touched the mother's mask.

    Args:
        labels: int32[H, W], instances.
        smallest: smaller parts are dropped, unless they are their instance's largest.

    Returns:
        int32[H, W]: cells 1 to n, and int64[n + 1]: the instance of each, 0 first.
    """
    parts = connected(labels, connectivity=2)  # type: ignore[no-untyped-call]
    sizes, instance = np.bincount(parts.ravel()), np.zeros(int(parts.max()) + 1, np.int64)
    instance[parts.ravel()] = labels.ravel()
    largest = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    np.maximum.at(largest, instance, sizes)
    stays = (instance > 0) & ((sizes >= smallest) | (sizes == largest[instance]))
    number = np.cumsum(stays) * stays
    return number[parts].astype(np.int32), np.concatenate([[0], instance[stays]])


def origins(labels: Labels, owner: NDArray[np.int64], before: Labels) -> Origin:
    """Where each pixel's cell was one frame before: spread evenly over its instance's mask there, else at rest.

    Args:
        labels: int32[H, W], cells 1 to n.
        owner: int64[n + 1], the instance of each.
        before: int32[H, W], instances one frame before.
    """
    origin = at_rest(labels.shape)
    flat, there = origin.reshape(-1), _pixels(before)
    for cell, pixels in _pixels(labels).items():
        goals = there.get(int(owner[cell]))
        if goals is not None:
            flat[pixels] = goals[np.arange(pixels.size) * goals.size // pixels.size]
    return origin


def _pixels(labels: Labels) -> dict[int, NDArray[np.int64]]:
    """The pixels of each label of int32[H, W], in reading order."""
    flat = labels.ravel()
    inside = np.flatnonzero(flat)
    order = inside[np.argsort(flat[inside], kind="stable")]
    starts = np.flatnonzero(np.diff(flat[order], prepend=0))
    return {int(flat[part[0]]): part for part in np.split(order, starts[1:]) if part.size}
