"""What a frame says of its cells, whatever comes before and after: their places, shapes and grey values."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import regionprops_table

from embedtrack.types import Labels

SHAPE = {
    "label": "label",
    "centroid-0": "y",
    "centroid-1": "x",
    "area": "area",
    "axis_major_length": "major_axis",
    "axis_minor_length": "minor_axis",
    "orientation": "orientation",
    "eccentricity": "eccentricity",
    "perimeter": "perimeter",
}
"""What scikit-image measures -> our column."""
LEAST_GROUND = 20
"""Of fewer pixels around a cell no ground is taken."""


def frame_rows(labels: Labels, image: NDArray[Any] | None) -> pd.DataFrame:
    """A row per cell, sorted by label; the columns of a table of cells that one frame knows.

    Args:
        labels: int32[H, W].
        image: its grey values [H, W] or [H, W, channels], where there are any.
    """
    names = ["label", "centroid", "area", *(name for name in SHAPE if name.startswith(("axis", "or", "ec", "per")))]
    wanted = [*names, "intensity_mean"] if image is not None else names
    table = regionprops_table(labels, image, wanted)  # type: ignore[no-untyped-call]
    rows = pd.DataFrame(table).rename(columns=SHAPE).astype({"label": np.int64, "area": np.int64})
    boxes = [box for box in find_objects(labels) if box is not None]
    rows["solidity"] = [_solidity(labels[box] == label) for label, box in zip(rows["label"], boxes, strict=True)]
    rows["edge"] = np.array([_touches(box, labels.shape) for box in boxes], np.int64)
    for column in [column for column in rows if column.startswith("intensity_mean")]:
        channel = column.removeprefix("intensity_mean").removeprefix("-")
        name = f"_intensity_{int(channel) + 1}" if channel else "_intensity"
        grey = np.asarray(image)[..., int(channel)] if channel else np.asarray(image)
        rows[f"mean{name}"], rows[f"total{name}"] = rows[column], rows[column] * rows["area"]
        rows[f"net{name}"] = rows[column] - _grounds(labels, grey, boxes)
        rows = rows.drop(columns=column)
    return rows


def _solidity(mask: NDArray[np.bool_]) -> float:
    """Pixels of a mask bool[h, w], divided by those of its convex hull."""
    outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), cv2.convexHull(np.concatenate(outline)), 1)
    return float(mask.sum() / (hull.astype(bool) | mask).sum())


def _touches(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether a box reaches the edge of a frame of this shape."""
    return any(side.start == 0 or side.stop == length for side, length in zip(box, shape, strict=True))


def _grounds(labels: Labels, grey: NDArray[Any], boxes: Sequence[tuple[slice, slice]]) -> NDArray[np.float64]:
    """float64[n]: the median grey value without mask in each box, enlarged by its own size to all sides.

    Where cells leave next to none of it, that of the whole frame; NaN where there is none at all.
    """
    everywhere = float(np.median(grey[labels == 0])) if (labels == 0).any() else np.nan
    found = []
    for box in boxes:
        wide = tuple(slice(max(0, 2 * side.start - side.stop), 2 * side.stop - side.start) for side in box)
        ground = grey[wide][labels[wide] == 0]
        found.append(float(np.median(ground)) if ground.size >= LEAST_GROUND else everywhere)
    return np.array(found, np.float64)
