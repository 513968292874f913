"""Single images to crops, and crops to the batches that the loss is taught with."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from embedtrack.methods.embedtrack.samples import Cells, Crop, cut, number, shares
from embedtrack.recipe import Augmentation, Sampling
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.augment import random_views, vary_grey
from embedtrack.truth.place import Point, inside, near

Place = tuple[AnnotatedMovie, int, Point]
"""A movie, a frame's index in it, and where the crop's middle lies (y, x)."""


class Batch(NamedTuple):
    """B samples as tensors."""

    frames: Tensor
    """float32[B, 1, c, c]."""
    cells: Cells

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        return Batch(self.frames.to(device, non_blocking=True), self.cells.to(device))


def draw(
    movies: Sequence[AnnotatedMovie],
    sampling: Sampling,
    crops: Literal["around", "centred"],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Crop:
    """Draw one random crop of any frame, tracked or not."""
    movie, t, centre = (_centred if crops == "centred" else _around)(movies, sampling, rng)
    view, _ = random_views(inside(centre, movie.shapes[t], sampling.crop), sampling.crop, augmentation, rng)
    crop = cut(movie, t, view)
    [frame] = vary_grey([crop.frame], [crop.labels], augmentation, rng)
    return crop._replace(frame=frame)


def collate(crops: Sequence[Crop], pixel_size: float) -> Batch:
    """Crops to tensors; ``pixel_size`` is the width of a pixel in grid units."""
    frames = torch.from_numpy(np.stack([crop.frame for crop in crops])[:, None])  # [B, c, c] -> [B, 1, c, c]
    return Batch(frames, number(crops, pixel_size))


def _around(movies: Sequence[AnnotatedMovie], sampling: Sampling, rng: np.random.Generator) -> Place:
    """A place anywhere in a frame, or one that has a cell in sight."""
    movie = movies[rng.choice(len(movies), p=shares(movies, sampling))]
    t = int(rng.integers(len(movie.frames)))
    known = list(movie.centres[t].values())
    if not known or rng.random() < sampling.anywhere:
        return movie, t, rng.uniform(0, movie.shapes[t])
    return movie, t, near(known[rng.integers(len(known))], sampling.crop, rng)


def _centred(movies: Sequence[AnnotatedMovie], sampling: Sampling, rng: np.random.Generator) -> Place:
    """The middle of a cell of all frames: crowded images are drawn more often, empty ones never."""
    counts = [[len(centres) for centres in movie.centres] for movie in movies]
    place = int(rng.integers(sum(map(sum, counts))))
    for movie, cells in zip(movies, counts, strict=True):
        for t, count in enumerate(cells):
            if place < count:
                return movie, t, np.array(list(movie.centres[t].values())[place], np.float64)
            place -= count
    raise AssertionError("a place beyond the last cell")
