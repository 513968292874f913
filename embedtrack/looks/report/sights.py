"""What each frame shows of each cell, read once, frame by frame."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedtrack.looks.measure import followed
from embedtrack.looks.overlay import Cell, cells_of
from embedtrack.looks.report.outlines import pack
from embedtrack.tracked import Tracked
from embedtrack.types import Labels, Track

COLUMNS = {
    "frame": "index of the frame",
    "label": "the cell's value in the mask",
    "y": "row of the centroid",
    "x": "column of the centroid",
    "area": "pixels",
    "rim": "pixels between the mask and the nearest edge of the picture",
    "parts": "outlines of the mask: more than one where it has pieces or holes of some size",
    "agreement": "Jaccard index with the same cell's mask in the frame before, laid centroid on centroid",
}
SPECK = 0.03
"""Smaller pieces and holes, as a share of the area, are not counted."""


class Sights(NamedTuple):
    """What is seen of all cells of a movie."""

    table: pd.DataFrame
    """A row per cell and frame: COLUMNS, and what ``measure.followed`` adds."""
    outlines: list[bytes]
    """Of every frame, see ``outlines.pack``."""


class Looker:
    """Is shown the masks of a movie, one frame after the other, and remembers the last one."""

    def __init__(self) -> None:
        self._rows: list[pd.DataFrame] = []
        self._outlines: list[bytes] = []
        self._before: Labels = np.zeros((0, 0), np.int32)
        self._known: dict[int, Cell] = {}

    def see(self, labels: Labels) -> None:
        """Take in the next frame int32[H, W]."""
        cells, known = cells_of(labels), self._known
        agreed = [agreement(self._before, known[label], labels, cells[label], label) if label in known else np.nan
                  for label in cells]  # fmt: skip
        height, width = labels.shape
        rows = _rows(len(self._rows), cells, (height, width))
        self._rows.append(rows.assign(agreement=np.array(agreed, float)))
        self._outlines.append(pack(cells))
        self._before, self._known = labels, cells

    def sights(self, tracks: list[Track]) -> Sights:
        """What was seen of these tracks."""
        table = pd.concat([part for part in self._rows if len(part)] or self._rows[:1], ignore_index=True)
        return Sights(followed(table, tracks), self._outlines)


def look(movie: Tracked) -> Sights:
    """Read the masks of a movie; two frames at a time are in memory."""
    looker = Looker()
    for labels in movie.masks:
        looker.see(labels)
    return looker.sights(movie.tracks)


def agreement(before: Labels, first: Cell, after: Labels, second: Cell, label: int) -> float:
    """The Jaccard index of a cell's masks in two frames int32[H, W], the first moved by whole pixels to the second."""
    (top, left, mask), (below, right, moved) = _cut(after, second, label), _cut(before, first, label)
    below += round(second.place[0] - first.place[0])
    right += round(second.place[1] - first.place[1])
    y0, x0 = max(top, below), max(left, right)
    y1 = max(min(top + mask.shape[0], below + moved.shape[0]), y0)
    x1 = max(min(left + mask.shape[1], right + moved.shape[1]), x0)
    both = mask[y0 - top : y1 - top, x0 - left : x1 - left] & moved[y0 - below : y1 - below, x0 - right : x1 - right]
    common = int(both.sum())
    return common / (first.area + second.area - common)


def _rows(i: int, cells: Mapping[int, Cell], shape: tuple[int, int]) -> pd.DataFrame:
    boxes = np.array([_box(cell) for cell in cells.values()], np.int64).reshape(-1, 4)
    rim = np.column_stack([boxes[:, :2], shape[0] - boxes[:, 2], shape[1] - boxes[:, 3]]).min(axis=1)
    places = np.array([cell.place for cell in cells.values()], float).reshape(-1, 2)
    return pd.DataFrame(
        {
            "frame": np.full(len(cells), i, np.int64),
            "label": np.array(list(cells), np.int64),
            "y": places[:, 0],
            "x": places[:, 1],
            "area": np.array([cell.area for cell in cells.values()], np.int64),
            "rim": rim,
            "parts": np.array([_parts(cell) for cell in cells.values()], np.int64),
        }
    )


def _parts(cell: Cell) -> int:
    """How many outlines enclose more than SPECK of the area; a polygon through pixels leaves half of them out."""
    enclosed = [cv2.contourArea(part) + len(part) / 2 + 1 for part in cell.outline]
    return max(1, sum(pixels > SPECK * cell.area for pixels in enclosed))


def _cut(labels: Labels, cell: Cell, label: int) -> tuple[int, int, NDArray[np.bool_]]:
    """Upper and left edge of the cell's box, and its mask there."""
    top, left, bottom, right = _box(cell)
    return top, left, labels[top:bottom, left:right] == label


def _box(cell: Cell) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of the mask; the last two are outside."""
    lows, highs = zip(*((part.min(axis=(0, 1)), part.max(axis=(0, 1))) for part in cell.outline), strict=True)
    (left, top), (right, bottom) = np.min(lows, axis=0).tolist(), np.max(highs, axis=0).tolist()
    return top, left, bottom + 1, right + 1
