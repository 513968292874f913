"""Frame pairs to crops, and crops to the batches that the loss is taught with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedtrack.recipe import Augmentation, Sampling
from embedtrack.tracks.relabel import at_edge
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.augment import View, random_views, vary_grey
from embedtrack.truth.medoid import CENTRES
from embedtrack.truth.merge import UNKNOWN
from embedtrack.truth.place import inside, near
from embedtrack.types import Frame, Labels

BACKGROUND, IGNORED = -2, -3
"""Of a pixel's instance, beside 0..n-1: no cell is there, and nobody knows. Neither is a label: those know 0 and
UNKNOWN (``truth/merge.py``), so that labels that are taken for instances show."""
SLIVER = 0.1
"""A cell of which the crop's edge leaves less than this share cannot be judged and is ignored."""

Centres = dict[int, NDArray[np.float64]]


class Crop(NamedTuple):
    """A part of one frame with its cells."""

    frame: Frame
    """float32[c, c], normalised."""
    labels: Labels
    """int32[c, c]; UNKNOWN pixels are ignored."""
    centres: Centres
    """Label -> medoid (y, x) in the crop's pixels."""
    partial: frozenset[int]
    """The labels that only a marker shows."""


class Sample(NamedTuple):
    """A training pair: the crops of t and t-1 and, for each cell of t, the cell of t-1 that it was."""

    now: Crop
    before: Crop
    sources: dict[int, int]
    """Label at t -> label at t-1, 0 where there is none, UNKNOWN where the crop does not show it."""


class Cells(NamedTuple):
    """The instances of B crops, numbered 0..n-1 through all crops."""

    instances: Tensor
    """int64[B, H, W]: the instance of a pixel, BACKGROUND or IGNORED."""
    centres: Tensor
    """float[n, 2]: (y, x) in grid units, where the instance's pixels should point."""
    images: Tensor
    """int64[n]: the crop, 0..B-1, of each instance."""
    partial: Tensor
    """bool[n]: of these instances only a marker is known, neither outline nor size."""

    def to(self, device: torch.device | str) -> "Cells":
        """The same on another device."""
        return Cells(*(tensor.to(device, non_blocking=True) for tensor in self))


class Batch(NamedTuple):
    """B samples as tensors."""

    now: Tensor
    """float32[B, 1, c, c], frame t."""
    before: Tensor
    """float32[B, 1, c, c], frame t-1."""
    cells_now: Cells
    cells_before: Cells
    links: Cells
    """The cells of t with their centres at t-1; sisters are one instance, which points at the mother's centre."""

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        now, before = (frames.to(device, non_blocking=True) for frames in (self.now, self.before))
        return Batch(now, before, self.cells_now.to(device), self.cells_before.to(device), self.links.to(device))


def draw(
    movies: Sequence[AnnotatedMovie], sampling: Sampling, augmentation: Augmentation, rng: np.random.Generator
) -> Sample:
    """Draw one random training pair."""
    movie = movies[rng.choice(len(movies), p=shares(movies, sampling))]
    t, centre = _place(movie, sampling, rng)
    side = sampling.crop
    views = random_views(centre, side, augmentation, rng)
    crops = [cut(movie, time, view) for time, view in zip((t, movie.before(t)), views, strict=True)]
    frames = vary_grey([crop.frame for crop in crops], [crop.labels for crop in crops], augmentation, rng)
    now, before = (crop._replace(frame=frame) for crop, frame in zip(crops, frames, strict=True))
    return Sample(now, before, sources(movie, t, now, before))


def shares(movies: Sequence[AnnotatedMovie], sampling: Sampling) -> NDArray[np.float64]:
    """How often each movie is drawn: by its frames, or within its data set's share, by the root of all its frames."""
    lengths = np.array([len(movie.frames) for movie in movies], np.float64)
    if sampling.balance == "roots":
        _, owner = np.unique([movie.name.partition("/")[0] for movie in movies], return_inverse=True)
        lengths /= np.sqrt(np.bincount(owner, lengths))[owner]
    lengths /= lengths.sum()
    return lengths


def _place(movie: AnnotatedMovie, sampling: Sampling, rng: np.random.Generator) -> tuple[int, NDArray[np.float64]]:
    """A frame and the place of a crop's middle: anywhere, or where a cell (or a new daughter) is in sight."""
    t = movie.paired[rng.integers(len(movie.paired))]
    kind, centre = rng.random(), rng.uniform(0, movie.shapes[t])
    if kind >= sampling.anywhere:
        known = list(movie.centres[t])
        if kind > 1 - sampling.events and movie.divisions:
            t, cell = movie.divisions[rng.integers(len(movie.divisions))]
            known = [cell]
        elif movie.whole and rng.random() < sampling.masks:
            t, cell = movie.whole[rng.integers(len(movie.whole))]
            known = [cell]
        if known:
            centre = near(movie.centres[t][known[rng.integers(len(known))]], sampling.crop, rng)
    return t, inside(centre, movie.shapes[t], sampling.crop)


def cut(movie: AnnotatedMovie, t: int, view: View) -> Crop:
    """One crop of frame t; a cell that the crop's edge cuts has the medoid of what is left as its centre."""
    labels = view.labels(movie.labels[t])
    visible = np.bincount(labels[labels > 0]) if (labels > 0).any() else np.zeros(1, np.int64)
    edge = at_edge(labels)
    centres: Centres = {}
    for label in np.flatnonzero(visible).tolist():
        if visible[label] < SLIVER * movie.sizes[t][label] * view.scale():
            labels[labels == label] = UNKNOWN
        elif label in edge:
            centres[label] = np.array(CENTRES[movie.centre](labels == label), np.float64)
        else:
            centres[label] = view.points(np.array(movie.centres[t][label], np.float64))
    return Crop(view.image(movie.frames[t]), labels, centres, movie.partial[t] & centres.keys())


def sources(movie: AnnotatedMovie, t: int, now: Crop, before: Crop) -> dict[int, int]:
    """For each cell of the crop at t the label at t-1 that it was: its own, its mother's, 0 or UNKNOWN.

    A cell that was there before and has no label at t-1, as nothing was recorded where it lay, has an unknown past.
    """
    past, number = movie.centres[movie.before(t)], movie.numbers[t]
    found = {}
    for label in now.centres:
        source = label
        if label not in past:
            source = UNKNOWN if movie.begins.get(label, number) < number else movie.parents.get(label, 0)
        seen = source in before.centres or source == 0
        found[label] = source if seen else UNKNOWN
    return found


def collate(samples: Sequence[Sample], pixel_size: float) -> Batch:
    """Samples to tensors; ``pixel_size`` is the width of a pixel in grid units."""
    nows, befores = [sample.now for sample in samples], [sample.before for sample in samples]
    links = []
    for sample in samples:
        lookup = _lookup(sample.now.labels, 0, UNKNOWN)
        for label, source in sample.sources.items():
            lookup[label] = source
        centres = {source: sample.before.centres[source] for source in sample.sources.values() if source > 0}
        links.append(Crop(sample.now.frame, lookup[sample.now.labels].astype(np.int32), centres, frozenset()))
    return Batch(
        torch.from_numpy(np.stack([crop.frame for crop in nows])[:, None]),  # [B, c, c] -> [B, 1, c, c]
        torch.from_numpy(np.stack([crop.frame for crop in befores])[:, None]),
        number(nows, pixel_size),
        number(befores, pixel_size),
        number(links, pixel_size),
    )


def number(crops: Sequence[Crop], pixel_size: float) -> Cells:
    """Number the cells of several crops 0..n-1."""
    instances: list[NDArray[np.int64]] = []
    centres: list[NDArray[np.float64]] = []
    images: list[int] = []
    partial: list[bool] = []
    for image, crop in enumerate(crops):
        lookup = _lookup(crop.labels, IGNORED, IGNORED)
        lookup[0] = BACKGROUND
        for label, centre in crop.centres.items():
            lookup[label] = len(centres)
            centres.append(centre * pixel_size)
            images.append(image)
            partial.append(label in crop.partial)
        instances.append(lookup[crop.labels])
    return Cells(
        torch.from_numpy(np.stack(instances)),
        torch.tensor(np.array(centres).reshape(-1, 2), dtype=torch.float32),
        torch.tensor(images, dtype=torch.int64),
        torch.tensor(partial, dtype=torch.bool),
    )


def _lookup(labels: Labels, usual: int, unknown: int) -> NDArray[np.int64]:
    """A table to be indexed by labels: ``usual`` for 0 and each positive one, ``unknown`` for UNKNOWN at its end."""
    table = np.full(int(labels.max(initial=0)) + 1 - UNKNOWN, usual, np.int64)
    table[UNKNOWN] = unknown  # a negative index counts from the end
    return table
