"""Average precision of single images' masks, by the rule of the Data Science Bowl 2018 (Caicedo et al. 2019).

A mask finds a cell if their Jaccard index J (the intersection over the union, IoU) reaches a threshold; masks and cells
are paired one to one. AP = TP / (TP + FP + FN) of an image, then the mean over images. Others sum the counts of all
images first (``pooled``), which is another number: an image weighs as much as it has cells.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from embedtrack.challenge.stills import MASKS, has_stills
from embedtrack.movies.masks import SingleValue
from embedtrack.movies.tiff import SUFFIXES
from embedtrack.movies.tiff_image import readable
from embedtrack.types import Labels

THRESHOLDS = tuple(range(50, 95, 5))
"""In hundredths, so that 9 pixels of 10 reach .9: 100 intersection >= threshold union, all of them whole numbers."""

Counts = NDArray[np.int64]
"""[k, 3]: TP, FP, FN by threshold."""


class Precision(NamedTuple):
    """Of some images; a value per threshold."""

    images: int
    thresholds: tuple[int, ...]
    mean: tuple[float, ...]
    """The mean of the images' AP."""
    pooled: tuple[float, ...]
    """The AP of their summed counts."""
    counts: Counts
    """Summed over the images."""


def matches(truth: Labels, labels: Labels, thresholds: Sequence[int] = THRESHOLDS, smallest: int = 0) -> Counts:
    """Pair the cells of an image with its masks.

    Above one half a mask can have one cell only and a cell one mask; at one half two may share the other, and as many
    pairs are made as can be.

    Args:
        truth: int32[H, W], 0 for background.
        labels: int32[H, W], 0 for background.
        thresholds: in hundredths, at least 50.
        smallest: cells and masks of fewer pixels are left out.

    Raises:
        ValueError: a threshold is below one half, or the shapes differ.
    """
    _check(truth.shape, labels, thresholds)
    truth, labels = _dropped(truth, smallest), _dropped(labels, smallest)
    cells, cell = np.unique(truth, return_inverse=True)
    masks, mask = np.unique(labels, return_inverse=True)
    pairs, overlap = np.unique(cell.ravel() * len(masks) + mask.ravel(), return_counts=True)
    row, column = np.divmod(pairs, len(masks))
    area, size = np.bincount(cell.ravel()), np.bincount(mask.ravel())
    real = (cells[row] > 0) & (masks[column] > 0)
    row, column, overlap = row[real], column[real], overlap[real]
    union = area[row] + size[column] - overlap
    total, found = np.count_nonzero(cells), np.count_nonzero(masks)
    counts = []
    for threshold in thresholds:
        good = 100 * overlap >= threshold * union
        shape = (len(cells), len(masks))
        graph = csr_array((np.ones(good.sum(), np.int8), (row[good], column[good])), shape=shape)
        true = int(np.count_nonzero(maximum_bipartite_matching(graph) >= 0)) if good.any() else 0
        counts.append((true, found - true, total - true))
    return np.array(counts, np.int64)


def matches_stack(
    truth: NDArray[np.integer], labels: Labels, thresholds: Sequence[int] = THRESHOLDS, smallest: int = 0
) -> Counts:
    """As ``matches`` where cells overlap: each plane of ``truth`` [n, H, W] is one cell, its pixels not 0.

    One to one is no longer meant: FP are the masks that find no cell, FN the cells that none finds, TP the others.
    """
    _check(truth.shape[1:], labels, thresholds)
    labels = _dropped(labels, smallest)
    size = np.bincount(labels.ravel())
    masks = np.flatnonzero(size[1:]) + 1
    planes = [plane for plane in truth != 0 if np.count_nonzero(plane) >= max(smallest, 1)]
    overlap = np.array([np.bincount(labels[plane], minlength=len(size))[masks] for plane in planes], np.int64)
    overlap = overlap.reshape(len(planes), len(masks))
    area = np.array([np.count_nonzero(plane) for plane in planes], np.int64)
    union = area[:, None] + size[masks] - overlap  # [n, m]
    counts = []
    for threshold in thresholds:
        good = 100 * overlap >= threshold * union
        missed, false = int(np.count_nonzero(~good.any(axis=1))), int(np.count_nonzero(~good.any(axis=0)))
        counts.append((len(planes) - missed, false, missed))
    return np.array(counts, np.int64).reshape(len(thresholds), 3)


def average(counts: NDArray[np.int64], *, pooled: bool = False) -> NDArray[np.float64]:
    """TP / (TP + FP + FN) by threshold: int64[images, k, 3] -> float64[k], 1 where there is neither cell nor mask."""
    counts = counts.sum(axis=0, keepdims=True) if pooled else counts
    total = counts.sum(axis=2)  # [images, k]
    each: NDArray[np.float64] = np.where(total > 0, counts[..., 0] / np.maximum(total, 1), 1.0)
    mean: NDArray[np.float64] = each.mean(axis=0)
    return mean


def evaluate(truth: Path, masks: Path, thresholds: Sequence[int] = THRESHOLDS, smallest: int = 0) -> Precision:
    """Score a folder of masks, or a single file, against the truth of the same names.

    A stack of masks [T, H, W] is so many images; where the truth alone is a stack, its planes are cells that overlap.

    Args:
        truth: ``NAME.tif``, a folder of such files, or of ``images`` and ``masks``.
        masks: what ``embedtrack segment`` wrote, or any label images of these names.
        thresholds: in hundredths.
        smallest: cells and masks of fewer pixels are left out.

    Raises:
        ValueError: there is no truth, an image has no masks, or the two do not fit together.
    """
    single = SingleValue()
    each = [
        one
        for reference, result in _pairs(truth, masks)
        for one in _matches(reference, result, tuple(thresholds), smallest, single)
    ]
    single.warn(truth)
    counts = np.stack(each)  # [images, k, 3]
    mean, pooled = (tuple(average(counts, pooled=how).tolist()) for how in (False, True))
    return Precision(len(each), tuple(thresholds), mean, pooled, counts.sum(axis=0))


def _pairs(truth: Path, masks: Path) -> Iterator[tuple[Path, Path]]:
    """The files of truth and result; all are there before the first is read."""
    if truth.is_file():
        pairs = [(truth, masks / truth.name if masks.is_dir() else masks)]
    else:
        folder = truth / MASKS if has_stills(truth) else truth
        if not folder.is_dir():
            raise ValueError(f"{truth}: expected masks, got nothing of this name; check the path")
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
        if not files:
            raise ValueError(f"{folder}: expected label images NAME.tif, got none; check the path")
        there = (
            {path.stem: path for path in masks.iterdir() if path.suffix.lower() in SUFFIXES} if masks.is_dir() else {}
        )
        pairs = [(path, there.get(path.stem, masks / path.name)) for path in files]
    missing = [result for _, result in pairs if not result.is_file()]
    if missing:
        raise ValueError(
            f"{masks}: expected masks of all {len(pairs)} images, got none of {len(missing)}: {missing[0].name} is the "
            "first missing; segment them all, or take away their truth"
        )
    yield from pairs


def _matches(
    truth: Path, masks: Path, thresholds: Sequence[int], smallest: int, single: SingleValue
) -> Iterator[Counts]:
    """The counts of the one image of a file, or of each of a stack's; ``single`` sees the truth."""
    cells, labels = _read(truth), _read(masks)
    for one in cells.reshape(-1, *cells.shape[-2:]) if cells.ndim == labels.ndim else ():
        single.see(one)
    if cells.shape[-2:] != labels.shape[-2:] or (labels.ndim == 3 and cells.shape != labels.shape):
        raise ValueError(
            f"{masks}: expected the shape of {truth}, {cells.shape}, got {labels.shape}; check the folders"
        )
    if labels.ndim == 3:
        for reference, one in zip(cells, labels, strict=True):
            yield matches(reference, one, thresholds, smallest)
    elif cells.ndim == 3:
        yield matches_stack(cells, labels, thresholds, smallest)
    else:
        yield matches(cells, labels, thresholds, smallest)


def _read(path: Path) -> Labels:
    """Labels int32[H, W], or a stack [n, H, W]."""
    with readable(path):
        image = tifffile.imread(path)
    while image.ndim > 2 and image.shape[0] == 1:
        image = image[0]
    if image.ndim == 3 and image.shape[-1] in (3, 4) and min(image.shape[:2]) > 4:
        raise ValueError(f"{path}: expected a label for each pixel, got colours {image.shape}; save labels as integers")
    if image.ndim not in (2, 3) or image.dtype.kind not in "uib":
        raise ValueError(f"{path}: expected labels [H, W] or a stack of them, got {image.shape} of type {image.dtype}")
    if image.size and not 0 <= int(image.min()) <= int(image.max()) <= np.iinfo(np.int32).max:
        raise ValueError(f"{path}: expected labels from 0 to {np.iinfo(np.int32).max}, got others; renumber them")
    labels: Labels = image.astype(np.int32)
    return labels


def _check(shape: tuple[int, ...], labels: Labels, thresholds: Sequence[int]) -> None:
    if min(thresholds, default=50) < 50:
        raise ValueError(f"expected thresholds of 50 hundredths or more, got {min(thresholds)}")
    if shape != labels.shape:
        raise ValueError(f"expected two images of one shape, got {shape} and {labels.shape}")


def _dropped(labels: Labels, smallest: int) -> Labels:
    """Without labels of fewer pixels."""
    if smallest <= 1:
        return labels
    _, inverse, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    kept: Labels = np.where(sizes[inverse].reshape(labels.shape) >= smallest, labels, 0)
    return kept
