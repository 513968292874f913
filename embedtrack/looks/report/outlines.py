"""The cells' outlines for a page, as polygons in few bytes."""

from collections.abc import Mapping
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.looks.overlay import Cell

TOLERANCE = 0.7
"""Pixels by which a polygon may leave the outline."""
FARTHEST = 127
"""Pixels from a corner to the next: a byte with its sign."""


def pack(cells: Mapping[int, Cell]) -> bytes:
    """The outlines of a frame: for each part label, number of corners, x, y (uint16 each, little endian), then steps.

    The steps (dx, dy) are int8, from each corner to the next; the polygons are closed.
    """
    packed = bytearray()
    for label, cell in cells.items():
        for part in cell.outline:
            corners = simplify(part)
            packed += np.array([label, len(corners), *corners[0]], "<u2").tobytes()
            packed += np.diff(corners, axis=0).astype(np.int8).tobytes()
    return bytes(packed)


def simplify(outline: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64[N, 2]: the corners (x, y) of a polygon near the outline int32[M, 1, 2], none far from the next."""
    corners = np.asarray(cv2.approxPolyDP(outline, TOLERANCE, True), np.int64).reshape(-1, 2)
    if np.abs(np.diff(corners, axis=0)).max(initial=0) <= FARTHEST:
        return corners
    pieces = [corners[:1]]
    for start, end in pairwise(corners):
        count = -(-int(np.abs(end - start).max()) // FARTHEST)
        share = np.linspace(0, 1, count + 1)[1:, None]
        pieces.append(np.rint(start + (end - start) * share).astype(np.int64))
    return np.concatenate(pieces)
