"""The instances of overlapping tiles -> those of a frame pair. Embeddings differ from tile to tile: none is blended."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from embedtrack.types import Labels

TAKEN = 0.5
"""An instance of which so many pixels are taken is another tile's view of what is there."""


class Piece(NamedTuple):
    """The instances of a tile, in the frame's pixels."""

    labels: Labels
    """int32[F, h, w], F = 1 or 2: 1 to n, 0 for background."""
    sure: NDArray[np.float32]
    """float32[n + 1]: how far the embeddings of each agree."""
    top: int
    left: int


def merge(pieces: Sequence[Piece], shape: tuple[int, int]) -> tuple[Labels, NDArray[np.float32]]:
    """Lay the pieces of all tiles together.

    Larger instances win over smaller ones that claim their pixels. Those that touch a tile's edge within the frame are
    cut; they come last, so that they stay only where no tile shows the cell whole.

    Args:
        pieces: of the tiles, which cover the frame.
        shape: (H, W) of the frame.

    Returns:
        int32[F, H, W]: 1 to m, and float32[m + 1].
    """
    if len(pieces) == 1 and pieces[0].labels.shape[1:] == shape:
        return pieces[0].labels, pieces[0].sure
    frames = len(pieces[0].labels)
    merged, sure = np.zeros((frames, *shape), np.int32), [np.float32(0)]
    claims = []
    for index, piece in enumerate(pieces):
        cut = _cut(piece, shape)
        for number, box in enumerate(find_objects(piece.labels), start=1):
            if box is not None:
                size = int((piece.labels[box] == number).sum())
                claims.append((number in cut, -size, index, number, box))
    for _, negative, index, number, box in sorted(claims, key=lambda claim: claim[:4]):
        piece = pieces[index]
        place = (
            box[0],
            slice(box[1].start + piece.top, box[1].stop + piece.top),
            slice(box[2].start + piece.left, box[2].stop + piece.left),
        )
        free = (piece.labels[box] == number) & (merged[place] == 0)
        if free.sum() > (1 - TAKEN) * -negative:
            merged[place][free] = len(sure)
            sure.append(piece.sure[number])
    return merged, np.array(sure, np.float32)


def _cut(piece: Piece, shape: tuple[int, int]) -> set[int]:
    """The instances that touch an edge of the tile that is none of the frame's."""
    _, height, width = piece.labels.shape
    edges = [
        piece.labels[:, 0] if piece.top > 0 else None,
        piece.labels[:, -1] if piece.top + height < shape[0] else None,
        piece.labels[:, :, 0] if piece.left > 0 else None,
        piece.labels[:, :, -1] if piece.left + width < shape[1] else None,
    ]
    return {label for edge in edges if edge is not None for label in np.unique(edge[edge > 0]).tolist()}
