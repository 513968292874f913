"""Maps -> what tracks are decided from: cells, where they were, and how they look."""

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.tracks.relabel import present, rename
from embedtrack.types import OUTSIDE, Cells, Frame, Labels, Origin


def cells_of(maps: Maps[Frame], origin: Origin, frame: Frame, settings: Clustering, step: float) -> Cells:
    """The cells of a frame with their evidence.

    Args:
        maps: of the frame, at its own scale; ``shift`` is not used.
        origin: of its pixels, see ``origins``.
        frame: float32[H, W], the normalised grey values.
        settings: how maps become cells.
        step: the width of a pixel in grid units.
    """
    labels = cluster(maps, settings, step)
    cells = present(labels).tolist()
    labels = rename(labels, dict(zip(cells, range(1, len(cells) + 1), strict=True)))
    seediness, brightness = means(labels, maps.seediness, frame, len(cells))
    return Cells(labels, origin, seediness, brightness)


@compiled
def means(
    labels: Labels, seediness: Frame, frame: Frame, count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """float32[count + 1] each: mean seediness and brightness of each label of int32[H, W], 0 of the background."""
    area, sure, bright = np.zeros(count + 1), np.zeros(count + 1), np.zeros(count + 1)
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            cell = labels[row, column]
            if cell > 0:
                area[cell] += 1
                sure[cell] += seediness[row, column]
                bright[cell] += frame[row, column]
    area = np.maximum(area, 1)
    return (sure / area).astype(np.float32), (bright / area).astype(np.float32)


@compiled
def origins(shift: Frame, step: float) -> Origin:
    """round(p + o^T / step) of each pixel p, in reading order of the frame, or OUTSIDE."""
    _, height, width = shift.shape
    origin = np.empty((height, width), np.int32)
    for row in range(height):
        for column in range(width):
            y = np.rint(row + shift[0, row, column] / step)
            x = np.rint(column + shift[1, row, column] / step)
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)  # as floats: false for NaN
            origin[row, column] = np.int32(y * width + x) if inside else np.int32(OUTSIDE)
    return origin
