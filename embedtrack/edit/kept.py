"""Which cells of a frame have kept their pixels through corrections."""

import numpy as np

from embedtrack.types import Labels

Names = dict[int, int]
"""A cell's label -> the one that the same pixels had before."""


def kept_cells(before: Labels, after: Labels) -> Names:
    """The cells of a frame int32[H, W] that have kept their pixels."""
    if before is after or np.array_equal(before, after):
        return {label: label for label in np.unique(after[after > 0]).tolist()}
    both = (before > 0) & (after > 0)
    pair, count = np.unique(np.stack([before[both], after[both]]), axis=1, return_counts=True)
    areas = [np.bincount(labels[labels > 0]) for labels in (before, after)]
    whole = (areas[0][pair[0]] == count) & (areas[1][pair[1]] == count)
    return dict(zip(pair[1][whole].tolist(), pair[0][whole].tolist(), strict=True))
