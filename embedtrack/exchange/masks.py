"""Bare masks without tracks: a stack of label images, or a folder of them. Cells are linked by overlap."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.aogm import Edge, Node
from embedtrack.exchange.graph import tracked
from embedtrack.exchange.stack import open_stack
from embedtrack.files.lazy import Lazy
from embedtrack.movies import tiff
from embedtrack.movies.frame_names import read_names
from embedtrack.movies.images import image_files, open_image
from embedtrack.movies.masks import SingleValue, as_labels, is_grey, refuse_lossy
from embedtrack.movies.selection import Choice
from embedtrack.movies.sift import masks_among
from embedtrack.tracked import Tracked
from embedtrack.types import Labels

log = logging.getLogger(__name__)

SHARE = 0.25
"""Of the smaller of two cells, which the other covers at least if they are one cell, or mother and daughter."""
ALIKE = 0.3
"""Share of neighbours within the foreground that have equal values in any label image, at least."""


def is_masks(path: Path) -> bool:
    """Whether there is a TIFF, or a folder of images."""
    return path.suffix.lower() in tiff.SUFFIXES if path.is_file() else bool(image_files(path))


def read(path: Path) -> Tracked:
    """A stack of masks, or a folder of them; beside images the masks are those whose names say so.

    A cell goes on as the cell of the frame before with which it shares most pixels; two of one cell are its daughters;
    of three or more none is.

    Raises:
        ValueError: there are no masks, or they do not fit together.
    """
    masks = open_stack(path) if path.is_file() else _folder(path)
    nodes: list[Node] = []
    links: list[Edge] = []
    before: Labels | None = None
    value = SingleValue()
    for t, image in enumerate(masks):
        labels = as_labels(image, f"{path}, frame {t}")
        if before is not None and before.shape != labels.shape:
            raise ValueError(f"{path}: expected masks of one size, got {before.shape} and {labels.shape}; convert them")
        if is_grey(labels) or _is_speckled(labels):
            raise ValueError(
                f"{path}, frame {t}: expected masks, got neighbours that differ as in a grey image; check it"
            )
        nodes += [(t, label) for label in np.unique(labels[labels > 0]).tolist()]
        if before is not None:
            sources = _overlaps(labels, before)
            voters = Counter(sources.values())
            links += [((t - 1, source), (t, cell)) for cell, source in sources.items() if voters[source] < 3]
        value.see(labels)
        before = labels
    value.refuse(path)
    log.warning("%s: masks without tracks; %d cells were linked by overlap", path, len(nodes))
    return tracked(path, masks, nodes, links)


def _folder(path: Path) -> Lazy[NDArray[Any]]:
    """The masks of a folder in the order that their names say."""
    files = image_files(path)
    refuse_lossy(masks_among(files) or files)
    frames = read_names(path, masks_among(files) or files, Choice())
    if len(frames.files) > 1:
        raise ValueError(f"{path}: expected masks of one channel and plane, got several; take the others out")
    paths: Sequence[Path] = next(iter(frames.files.values()))

    def read_one(t: int) -> NDArray[Any]:
        """The mask [H, W] of a frame as its file has it. Raises ValueError for an image of further axes."""
        stack = open_image(paths[t])
        if set(stack.axes) - set("YX") and stack.shape[:-2] != (1,) * (len(stack.shape) - 2):
            raise ValueError(
                f"{paths[t]}: expected a mask of the axes Y and X, got {stack.spell()}; save the labels alone"
            )
        return stack.read(dict.fromkeys((name for name in stack.axes if name not in "YX"), 0))

    return Lazy(len(paths), read_one)


def _overlaps(labels: Labels, before: Labels) -> dict[int, int]:
    """Each cell -> the cell of the frame before with which it shares most pixels, if these are enough."""
    both = (labels > 0) & (before > 0)
    pairs, shared = np.unique(np.stack([labels[both], before[both]]), axis=1, return_counts=True)
    areas, sources = (dict(zip(*np.unique(image, return_counts=True), strict=True)) for image in (labels, before))
    found: dict[int, int] = {}
    for index in np.argsort(shared, kind="stable").tolist():  # the largest comes last
        cell, source = pairs[:, index].tolist()
        if shared[index] >= SHARE * min(areas[cell], sources[source]):
            found[cell] = source
    return found


def _is_speckled(labels: Labels) -> bool:
    """Whether most neighbours differ, as they do where values are brightness."""
    one, other = labels[:, :-1], labels[:, 1:]
    both = (one > 0) & (other > 0)
    return bool(both.any()) and float((one == other)[both].mean()) < ALIKE
