"""Outlines of single images' masks as GeoJSON, in the form that QuPath reads: a polygon per cell, in pixels.

The corners are those of pixels, so that a polygon's area is its mask's and masks can be drawn from it again: (0, 0) is
the upper left corner of the image, as QuPath has it. Only the standard library writes it: a package for it would check
no more than what is a line here.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from embedtrack.types import Labels

Ring = list[list[int]]
"""Corners (x, y); the last is the first."""


def features(labels: Labels, page: int | None = None) -> list[dict[str, Any]]:
    """A feature per cell of int32[H, W], named by its label; ``page``: in a stack, the number of the image from 0."""
    found = []
    for label, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        parts = polygons(labels[box] == label, (box[0].start, box[1].start))
        kind, coordinates = ("Polygon", parts[0]) if len(parts) == 1 else ("MultiPolygon", parts)
        geometry: dict[str, Any] = {"type": kind, "coordinates": coordinates}
        if page is not None:
            geometry["plane"] = {"c": -1, "z": 0, "t": page}
        properties = {"objectType": "detection", "name": str(label)}
        found.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return found


def collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    """The object of a file."""
    return {"type": "FeatureCollection", "features": features}


def polygons(mask: NDArray[np.bool_], corner: tuple[int, int] = (0, 0)) -> list[list[Ring]]:
    """The polygons of a mask bool[H, W], one for each part whose pixels share sides: its outline, then its holes.

    OpenCV follows the middles of border pixels. In a mask enlarged twice, the middle of a pixel's half lies beside one
    of its edges: rounding moves it there.

    Args:
        mask: with at least one true pixel.
        corner: (y, x) of the mask's first pixel in the image.
    """
    count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    found = []
    for part in range(1, count):
        halves = (parts == part).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
        contours, _ = cv2.findContours(halves, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        rings = [_corners((contour[:, 0] + 1) // 2) + np.array(corner[::-1]) for contour in contours]  # [n, 2]: x, y
        rings.sort(key=lambda ring: -np.ptp(ring, axis=0).prod())  # the outline is the largest
        found.append([[*ring.tolist(), ring[0].tolist()] for ring in rings])
    return found


def _corners(ring: NDArray[np.int32]) -> NDArray[np.int32]:
    """Without points that are there twice or lie on a straight line: int32[n, 2] -> int32[m, 2]."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns: NDArray[np.int32] = ring[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
    return turns
