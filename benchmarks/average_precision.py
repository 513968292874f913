"""Average precision of one image's masks, as used for cells on single images (Caicedo et al. 2019)."""

import numpy as np

from embedtrack.types import Labels


def average_precision(truth: Labels, labels: Labels, threshold: float = 0.5) -> float:
    """TP / (TP + FP + FN); a mask is true if its Jaccard index with a cell is above the threshold.

    Above one half no mask can have two cells, nor a cell two masks, so no choice is left. 1 where both are empty.

    Args:
        truth: int32[H, W], 0 for background.
        labels: int32[H, W], 0 for background.
        threshold: in [0.5, 1).

    Raises:
        ValueError: the threshold is below one half, or the shapes differ.
    """
    if not 0.5 <= threshold < 1:
        raise ValueError(f"expected a threshold from 0.5 to below 1, got {threshold}")
    if truth.shape != labels.shape:
        raise ValueError(f"expected two images of one shape, got {truth.shape} and {labels.shape}")
    cells, masks = np.unique(truth[truth > 0]), np.unique(labels[labels > 0])
    both = (truth > 0) & (labels > 0)
    base = np.int64(labels.max(initial=0)) + 1
    pairs, overlap = np.unique(truth[both] * base + labels[both], return_counts=True)
    cell, mask = np.divmod(pairs, base)
    union = np.bincount(truth.ravel())[cell] + np.bincount(labels.ravel())[mask] - overlap
    true = int(np.count_nonzero(overlap > threshold * union))
    total = len(cells) + len(masks) - true
    return true / total if total else 1.0
