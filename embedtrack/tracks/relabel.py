"""Which labels a frame holds, and the same frame with other ones: one pass over its pixels each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.types import Labels


def present(labels: Labels) -> NDArray[np.int64]:
    """The positive labels in int32[...], in rising order."""
    small, originals = compact(labels)
    return originals[np.flatnonzero(_seen(small.reshape(-1), originals.size))]


def at_edge(labels: Labels) -> NDArray[np.int32]:
    """The labels int32[k], with the background's, that reach the edge of a frame int32[H, W], in rising order."""
    return np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))


def rename(labels: Labels, names: Mapping[int, int], dtype: Any = np.int32) -> NDArray[Any]:
    """The labels int32[...] with other names; those without a name, and what is not positive, become background."""
    small, originals = compact(labels)
    table = np.zeros(originals.size, dtype)
    if originals[-1] < originals.size:  # each label stands for itself
        known = [label for label in names if label < table.size]
        table[known] = [names[label] for label in known]
    else:
        table[:] = [names.get(label, 0) for label in originals.tolist()]
        table[0] = 0
    return _mapped(small.reshape(-1), table).reshape(labels.shape)


def compact(labels: Labels) -> tuple[Labels, NDArray[np.int64]]:
    """Labels fit for tables: int32[...] in one piece, and what each of them stood for.

    They are the labels themselves, unless those are so high that a table of them would be larger than the frame.
    """
    labels = np.ascontiguousarray(labels, np.int32)
    highest = int(labels.max(initial=0))
    if highest <= 2**20 + labels.size:
        return labels, np.arange(highest + 1)
    originals, numbers = np.unique(np.append(labels.clip(0), 0), return_inverse=True)  # 0 comes first
    return numbers[:-1].reshape(labels.shape).astype(np.int32), originals.astype(np.int64)


@compiled
def _seen(labels: Labels, size: int) -> NDArray[np.bool_]:
    """bool[size]: whether a label is there; never the background."""
    seen, last = np.zeros(size, np.bool_), 0
    for label in labels:
        if label != last:
            last = label
            if label > 0:
                seen[label] = True
    return seen


@compiled
def _mapped(labels: Labels, table: NDArray[Any]) -> NDArray[Any]:
    """table[labels] where 0 < label < table.size, else 0; table[0] is 0."""
    mapped = np.empty(labels.size, table.dtype)
    for index in range(labels.size):
        label = np.uint32(labels[index])  # negative ones become huge
        mapped[index] = table[label] if label < table.size else 0
    return mapped
