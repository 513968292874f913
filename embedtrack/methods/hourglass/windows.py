"""Annotated movies -> windows of consecutive frames, and the neighbours that are to get other embeddings."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from torch import Tensor

from embedtrack.methods.embedtrack.samples import BACKGROUND, IGNORED, shares
from embedtrack.movies.scale import typical_diameter
from embedtrack.recipe import Augmentation, Sampling
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.augment import random_views, vary_grey
from embedtrack.truth.merge import distance_to
from embedtrack.truth.place import inside, near
from embedtrack.types import Frame

DILATION = 0.1
"""Neighbours lie within so many cell diameters of a cell's pixels: the released code's 5 pixels of cells of 51, ..."""
REACH = 1.0
"""... or have a pixel within so many of its centre of gravity over time."""


class Clip(NamedTuple):
    """A window of T consecutive frames, all cropped and changed alike."""

    frames: Frame
    """float32[T, c, c], normalised."""
    labels: NDArray[np.int32]
    """int32[T, c, c]: a cell has one label in all frames; UNKNOWN pixels are ignored."""


class Windows(NamedTuple):
    """B clips as tensors; the n instances are numbered 0..n-1 through all clips."""

    frames: Tensor
    """float32[B, T, 1, H, W]."""
    instances: Tensor
    """int64[B, T, H, W]: the instance of a pixel, BACKGROUND or IGNORED."""
    neighbours: Tensor
    """bool[n, n]: row i has the instances that instance i is to differ from."""
    clips: Tensor
    """int64[n]: the clip, 0..B-1, of each instance."""

    def to(self, device: torch.device | str) -> "Windows":
        """The same on another device."""
        return Windows(*(tensor.to(device, non_blocking=True) for tensor in self))


def draw(
    movies: Sequence[AnnotatedMovie],
    sampling: Sampling,
    augmentation: Augmentation,
    length: int,
    rng: np.random.Generator,
) -> Clip:
    """Draw one random window of so many frames; one change of view and of grey values for all of them."""
    movie = movies[rng.choice(len(movies), p=shares(movies, sampling))]
    last, centre = _place(movie, sampling, length, rng)
    view, _ = random_views(centre, sampling.crop, augmentation.model_copy(update={"moving": 0.0}), rng)
    times = consecutive(movie, last, length)
    labels = [view.labels(movie.labels[t]) for t in times]
    frames = vary_grey([view.image(movie.frames[t]) for t in times], labels, augmentation, rng)
    return Clip(np.stack(frames).astype(np.float32, copy=False), np.stack(labels))


def consecutive(movie: AnnotatedMovie, last: int, length: int) -> list[int]:
    """The frames up to ``last`` whose numbers follow each other; where the movie has fewer, the first one again.

    A movie that is not tracked gives a frame that stands still.
    """
    times = [last]
    while len(times) < length:
        times.append(movie.before(times[-1]))
    return times[::-1]


def collate(clips: Sequence[Clip]) -> Windows:
    """Number the cells of all clips and find their neighbours."""
    frames = np.stack([clip.frames for clip in clips])[:, :, None]  # [B, T, c, c] -> [B, T, 1, c, c]
    numbered, pairs, owners = [], [], []
    count = 0
    for index, clip in enumerate(clips):
        cells = np.unique(clip.labels[clip.labels > 0])
        lookup = np.full(int(clip.labels.max(initial=0)) + 2, IGNORED, np.int64)
        lookup[0] = BACKGROUND
        lookup[cells] = count + np.arange(cells.size)
        numbered.append(lookup[clip.labels])  # UNKNOWN = -1 reads the last entry, which is IGNORED
        local = np.zeros_like(clip.labels)
        local[clip.labels > 0] = np.searchsorted(cells, clip.labels[clip.labels > 0]) + 1
        diameter = typical_diameter(list(local)) or 1.0
        pairs.append(neighbours(local, REACH * diameter, DILATION * diameter))
        owners += [index] * cells.size
        count += cells.size
    matrix = np.zeros((count, count), np.bool_)
    begin = 0
    for pair in pairs:
        matrix[begin : begin + len(pair), begin : begin + len(pair)] = pair
        begin += len(pair)
    return Windows(
        torch.from_numpy(frames),
        torch.from_numpy(np.stack(numbered)),
        torch.from_numpy(matrix),
        torch.tensor(owners, dtype=torch.int64),
    )


def neighbours(labels: NDArray[np.int32], reach: float, dilation: float) -> NDArray[np.bool_]:
    """Which instances are to differ from which.

    j is a neighbour of i if any pixel of j lies within ``dilation`` pixels of i, or within ``reach`` of i's centre of
    gravity over time, in the frames from one before i appears to one after it leaves; in these two its first and its
    last mask stand for it. So a mother is a neighbour of her daughters, and they are of hers.

    Args:
        labels: int32[T, H, W], the instances 1 to n, each of them there; what is not positive is none.
        reach: pixels.
        dilation: pixels.

    Returns:
        bool[n, n]: row i has the neighbours of i + 1; no instance is its own.
    """
    count, length = int(labels.max(initial=0)), len(labels)
    found = np.zeros((count, count + 1), np.bool_)
    for instance, box in enumerate(find_objects(labels.clip(0)), start=1):
        if box is None:
            continue
        _, rows, columns = np.nonzero(labels[box] == instance)
        first, last = box[0].start, box[0].stop - 1
        middle = rows.mean() + box[1].start, columns.mean() + box[2].start
        around = _box(box[1:], middle, reach, dilation, labels.shape[1:])
        y, x = np.ogrid[around]
        disc = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 <= reach**2
        for time in range(max(first - 1, 0), min(last + 2, length)):
            own = labels[min(max(time, first), last)][around] == instance
            near = disc | (distance_to(own) <= dilation) if own.any() else disc
            found[instance - 1, labels[time][around][near].clip(0)] = True
    found[np.arange(count), np.arange(1, count + 1)] = False
    matrix: NDArray[np.bool_] = found[:, 1:]
    return matrix


def _box(
    mask: tuple[slice, ...], middle: tuple[float, float], reach: float, dilation: float, shape: tuple[int, ...]
) -> tuple[slice, ...]:
    """The part of the frame that holds all within the two distances of a mask's box and of a point."""
    return tuple(
        slice(
            max(math.floor(min(side.start - dilation, point - reach)), 0),
            min(math.ceil(max(side.stop + dilation, point + reach + 1)), size),
        )
        for side, point, size in zip(mask, middle, shape, strict=True)
    )


def _place(
    movie: AnnotatedMovie, sampling: Sampling, length: int, rng: np.random.Generator
) -> tuple[int, NDArray[np.float64]]:
    """A window's last frame and the place of the crop's middle: anywhere, or where a cell or division is in sight."""
    full = [t for t in range(len(movie.frames)) if len(set(consecutive(movie, t, length))) == length]
    last = int(rng.choice(full or range(len(movie.frames))))
    kind, centre, middle = rng.random(), rng.uniform(0, movie.shapes[last]), last
    if kind >= sampling.anywhere:
        known = list(movie.centres[last])
        if kind > 1 - sampling.events and movie.divisions:
            middle, cell = movie.divisions[rng.integers(len(movie.divisions))]
            later = [t for t in full if middle < t + 1 < middle + length]
            last, known = (int(rng.choice(later)) if later else middle), [cell]
        if known:
            cell = known[rng.integers(len(known))]
            centre = near(movie.centres[middle][cell], sampling.crop, rng)
    return last, inside(centre, movie.shapes[last], sampling.crop)
