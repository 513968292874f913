"""Pixels without content are not image: borders of registration, rotation and stitching, missing tiles, dead blocks."""

import logging
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

LEAST = 0.002
"""Share of the frame below which a flat place changes no statistic."""
SOLID = 0.95
"""Share of its hull that the content of a framed image, or a flat piece by itself, fills at least."""
BOX = 0.98
"""Share of its bounding box that a flat block fills at least."""
BLANK = 0.0001
"""Share of the pixels of a frame without anything to see that may differ: hot pixels, dust, cosmic rays."""
ELSEWHERE = 0.01
"""Share of the frame that may have the value of a piece without being one."""
MANY = 32
"""So many pieces are looked at."""
MOST = 0.6
"""Share of the frame that may be without content; where more is flat, that is the ground."""


def content(image: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Which pixels hold image: bool[H, W], or None where all do.

    Without content are places of exactly one value with straight borders: at the frame's edge, so that what is left is
    convex (a shifted or rotated image) or the piece itself is (a missing tile), and rectangles inside. At the edge they
    hold a corner of the frame or are rectangles: a saturated cell is round. The ground of an image without noise is
    flat too, but cells cut it into other shapes; places that are smaller than ``LEAST`` and values that are common
    elsewhere, as of a clipped ground, are left alone.
    """
    flat = _of_rare_values(image, _flat(image))
    if flat is None:
        return None
    names, boxes = _pieces(image, flat)
    height, width = image.shape
    edges = {n for n, (x, y, w, h, _) in boxes.items() if x == 0 or y == 0 or x + w >= width or y + h >= height}
    corners = set(names[:: max(1, height - 1), :: max(1, width - 1)].ravel().tolist())
    straight = {n for n, (_, _, w, h, area) in boxes.items() if area >= BOX * w * h}
    rims = [n for n in boxes if n in edges and n in corners | straight]
    blocks = [n for n, (_, _, w, h, _) in boxes.items() if n in straight - edges and min(w, h) >= 8]
    if rims and not _solid(~_chosen(names, rims)):
        rims = [n for n in rims if _solid(names == n)]
    empty = _chosen(names, [*rims, *blocks])
    if not empty.any() or empty.mean() > MOST:
        return None
    # The rim is taken along: in a rotated image its pixels are mixed.
    return np.asarray(cv2.dilate(empty.view(np.uint8), np.ones((3, 3), np.uint8)) == 0)


def _of_rare_values(image: NDArray[Any], flat: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """The flat pixels [H, W] whose value can be that of a piece: much of it is flat, little of it is not.

    A few microseconds instead of the search for pieces: in 8 bit many neighbours are equal by chance.
    """
    if flat is None or image.dtype not in (np.uint8, np.uint16):
        return flat
    bins = np.iinfo(image.dtype).max + 1
    plain = np.ascontiguousarray(image)
    all_of, flat_of = (
        cv2.calcHist([plain], [0], mask, [bins], [0, bins]).ravel() for mask in (None, flat.view(np.uint8))
    )
    likely = (flat_of >= max(16, LEAST * image.size)) & (all_of - flat_of <= ELSEWHERE * image.size)
    return flat & likely[image] if likely.any() else None


def is_blank(image: NDArray[Any]) -> bool:
    """Whether an image [H, W] shows nothing: nearly all pixels are equal, or differ by the last bit alone."""
    if image.size < 2:
        return False
    some = image[:: max(1, image.shape[0] // 64), :: max(1, image.shape[1] // 64)]
    low, high = some.min(), some.max()
    step = 1 if image.dtype.kind in "ui" else 1e-6 * float(abs(high))
    if float(high) - float(low) > step:  # of nearly all images a look at some pixels tells
        usual = np.partition(some, some.size // 2, axis=None)[some.size // 2]
        if np.count_nonzero(some != usual) > some.size // 100:
            return False
        return bool(np.count_nonzero(image != usual) <= BLANK * image.size)
    return bool(np.count_nonzero((image < low) | (image > high)) <= BLANK * image.size)


def warn_if_blank(image: NDArray[Any], name: object) -> bool:
    """Whether an image [H, W] shows nothing; it is told under its name then."""
    blank = is_blank(image)
    if blank:
        log.warning("%s: nearly all pixels are %g; no cell can be seen there", name, np.median(image))
    return blank


def _pieces(image: NDArray[Any], flat: NDArray[np.bool_]) -> tuple[NDArray[np.int32], dict[int, tuple[int, ...]]]:
    """The large flat pieces of values that are rare elsewhere: their numbers [H, W], and x, y, w, h, area of each."""
    count, names, stats, _ = cv2.connectedComponentsWithStats(flat.view(np.uint8), connectivity=4)
    large = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= max(16, LEAST * image.size)]
    value, boxes = {}, {}
    for n in large[:MANY]:
        x, y, w, h, area = stats[n].tolist()
        value[n] = image[y, x + int((names[y, x : x + w] == n).argmax())].item()
        boxes[n] = (x, y, w, h, area)
    inside: dict[float, int] = {}
    for n in boxes:
        inside[value[n]] = inside.get(value[n], 0) + boxes[n][4]
    rare = {v for v, area in inside.items() if np.count_nonzero(image == v) - area <= ELSEWHERE * image.size}
    return np.asarray(names, np.int32), {n: box for n, box in boxes.items() if value[n] in rare}


def _chosen(names: NDArray[np.int32], some: list[int]) -> NDArray[np.bool_]:
    """Where any of some pieces is."""
    table = np.zeros(int(names.max()) + 1, bool)
    table[some] = True
    picked: NDArray[np.bool_] = table[names]
    return picked


def _flat(image: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Pixels of squares of 2 x 2 equal ones: bool[H, W]; None where there are too few to matter."""
    if min(image.shape) < 4:
        return None
    same = (
        (image[:-1, :-1] == image[:-1, 1:]) & (image[:-1, :-1] == image[1:, :-1]) & (image[:-1, :-1] == image[1:, 1:])
    )
    if same.mean() < LEAST or same.all():
        return None
    flat = np.zeros(image.shape, bool)
    for dy in (0, 1):
        for dx in (0, 1):
            flat[dy : dy + same.shape[0], dx : dx + same.shape[1]] |= same
    return flat


def _solid(mask: NDArray[np.bool_]) -> bool:
    """Whether the pixels of a mask [H, W], taken together, nearly fill their convex hull."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return False
    first, last = mask[rows].argmax(axis=1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    ends = np.column_stack([np.concatenate([first, last]), np.concatenate([rows, rows])])  # [2 rows, 2]: x, y
    hull = cv2.convexHull(ends.astype(np.int32))
    filled = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(filled, hull, 1)
    return math.isclose(float(mask.sum()), float(filled.sum()), rel_tol=1 - SOLID)
