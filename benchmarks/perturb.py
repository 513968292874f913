"""Masks with the faults that segmentations have: cells dropped, merged and split at stated rates, by a fixed seed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from embedtrack.tracks.relabel import present, rename
from embedtrack.types import Labels


class Rates(NamedTuple):
    """Shares of a frame's cells, each in [0, 1]."""

    drop: float = 0.0
    """They vanish."""
    merge: float = 0.0
    """They become one with a neighbour that touches them."""
    split: float = 0.0
    """They are cut in two across their long axis."""


def perturb(labels: Labels, rates: Rates, seed: int, frame: int) -> Labels:
    """A frame int32[H, W] with faults; its labels say nothing about those of other frames any more.

    Equal arguments give equal masks. First cells vanish, then some of the rest are merged, then some of all are split.

    Raises:
        ValueError: a rate is not in [0, 1].
    """
    for name, rate in rates._asdict().items():
        if not 0 <= rate <= 1:
            raise ValueError(f"expected --{name} from 0 to 1, got {rate:g}")
    rng = np.random.default_rng([seed, frame])
    return anonymous(split(merge(drop(labels, rates.drop, rng), rates.merge, rng), rates.split, rng), rng)


def drop(labels: Labels, rate: float, rng: np.random.Generator) -> Labels:
    """Without some of the cells of int32[H, W]."""
    cells = present(labels)
    kept = cells[rng.random(cells.size) >= rate].tolist()
    found: Labels = rename(labels, dict(zip(kept, kept, strict=True)))
    return found


def merge(labels: Labels, rate: float, rng: np.random.Generator) -> Labels:
    """Some of the cells of int32[H, W] get the label of one that touches them; no cell is in more than one pair."""
    cells = present(labels).tolist()
    names = dict(zip(cells, cells, strict=True))
    pairs = neighbours(labels)
    free = set(cells)
    for cell in rng.permutation(np.array(cells, np.int64)).tolist():
        chosen, order = rng.random() < rate, rng.permutation(len(pairs))
        beside = [other for i in order.tolist() for other in _other(pairs[i].tolist(), cell) if other in free]
        if chosen and cell in free and beside:
            names[cell] = beside[0]
            free -= {cell, beside[0]}
    found: Labels = rename(labels, names)
    return found


def split(labels: Labels, rate: float, rng: np.random.Generator) -> Labels:
    """Some of the cells of int32[H, W] are cut through their centre, across their long axis; one half is a new cell.

    Cells of a single pixel stay whole.
    """
    halves, cells = labels.copy(), present(labels)
    chosen = set(cells[rng.random(cells.size) < rate].tolist())
    fresh = int(cells.max(initial=0))
    for label, box in enumerate(find_objects(labels), start=1):
        if box is None or label not in chosen:
            continue
        y, x = np.nonzero(labels[box] == label)
        along = _along(y, x)
        far = along > 0
        if far.any() and not far.all():
            fresh += 1
            halves[box][y[far], x[far]] = fresh
    return halves


def anonymous(labels: Labels, rng: np.random.Generator) -> Labels:
    """The same cells as 1, 2, ... in a random order: labels of truth would tell a tracker what it shall find."""
    cells = present(labels).tolist()
    numbers = (rng.permutation(len(cells)) + 1).tolist()
    found: Labels = rename(labels, dict(zip(cells, numbers, strict=True)))
    return found


def neighbours(labels: Labels) -> NDArray[np.int64]:
    """int64[k, 2]: the pairs of labels of int32[H, W] that touch, the lower one first."""
    pairs = []
    for one, two in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        touch = (one != two) & (one > 0) & (two > 0)
        pairs.append(np.stack([one[touch], two[touch]], axis=1))
    both = np.sort(np.concatenate(pairs).astype(np.int64), axis=1)
    return np.unique(both, axis=0)


def _other(pair: list[int], cell: int) -> list[int]:
    return [one for one in pair if one != cell] if cell in pair else []


def _along(y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64[n]: how far pixels lie from their centre of gravity along the long axis of their ellipse."""
    offset = np.stack([y - y.mean(), x - x.mean()])  # [2, n]
    _, axes = np.linalg.eigh(offset @ offset.T)
    along: NDArray[np.float64] = axes[:, -1] @ offset
    return along
