"""Many data sets for one network: each movie and each image is brought to one working diameter and its kind's range."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtrack.config import Recipe
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.normalise import normalise
from embedtrack.movies.open import open_frames
from embedtrack.movies.scale import labels_to_working, to_working
from embedtrack.truth.annotated import AnnotatedMovie, read_annotated
from embedtrack.truth.derive import measure
from embedtrack.truth.holdout import split
from embedtrack.truth.medoid import medoids
from embedtrack.truth.merge import Merged
from embedtrack.truth.sequences import sequences
from embedtrack.truth.stills import IMAGES, Still, has_stills, open_stills, part_of
from embedtrack.types import Labels

log = logging.getLogger(__name__)

SCALES = (0.125, 4.0)
"""The least and the largest scale: what is far off is rather a fault of the truth."""
SOME = 5
"""So many frames of a movie tell its kind."""


def read_collection(datasets: Sequence[Path], recipe: Recipe) -> tuple[list[AnnotatedMovie], list[AnnotatedMovie]]:
    """Movies and images that train, and those that validate; images that are held back are in neither.

    All sizes are in working pixels and the scale of each is 1, so that they train and validate as one data set.

    Args:
        datasets: folders with annotated sequences, or with ``images`` and ``masks``.
        recipe: with a working diameter.

    Raises:
        ValueError: anything that is wrong with the data.
    """
    training, validation = [], []
    for dataset in datasets:
        if has_stills(dataset):
            stills = open_stills(dataset)
            trains, validates = (
                [read_stills([still for still in stills if part_of(still.name) == part], recipe)]
                for part in ("training", "validation")
            )
        else:
            movies = [_working(folder, recipe) for folder in sequences(dataset)]
            trains, validates = split(movies, recipe.validation)
        training += [compact(movie) for movie in trains]
        validation += validates
    return training, validation


def compact(movie: AnnotatedMovie) -> AnnotatedMovie:
    """The same movie in half the memory; samples are drawn from it in single precision."""
    frames: list[Any] = [frame.astype(np.float16) for frame in movie.frames]
    labels: list[Any]
    labels = [
        one.astype(np.int16 if one.max(initial=0) <= np.iinfo(np.int16).max else np.int32) for one in movie.labels
    ]
    truth = [Merged(one, partial) for one, partial in zip(labels, movie.partial, strict=True)]
    return replace(movie, frames=frames, labels=labels, truth=truth)


def scale_to(working: float, diameter: float) -> float:
    """The scale that brings cells of a diameter in pixels to a working diameter, within bounds."""
    return float(np.clip(working / diameter, *SCALES))


def typical_diameter(labels: Sequence[Labels]) -> float | None:
    """The median diameter in pixels of the cells of some frames, of discs of their areas; None: no cell."""
    areas = np.concatenate([np.bincount(one[one > 0])[1:] if (one > 0).any() else np.zeros(0) for one in labels])
    return 2 * math.sqrt(float(np.median(areas[areas > 0])) / math.pi) if areas.any() else None


def _working(folder: Path, recipe: Recipe) -> AnnotatedMovie:
    """A sequence at the working diameter."""
    assert recipe.working_diameter
    frames = list(open_frames(folder).values())
    kind = normalisation_for([read() for read in frames[:: max(1, len(frames) // SOME)]])
    scale = scale_to(recipe.working_diameter, float(np.median(measure([folder]).diameters)))
    movie = read_annotated(folder, kind, scale, centre=recipe.centre)
    log.info("%s: scale %.2f, %s", movie.name, scale, kind.method)
    truth = [Merged(labels, partial) for labels, partial in zip(movie.labels, movie.partial, strict=True)]
    return replace(movie, truth=truth, scale=1.0)


def read_stills(stills: Sequence[Still], recipe: Recipe) -> AnnotatedMovie:
    """Single images as one movie without tracks.

    With a working diameter each image has a scale and a normalisation of its own, and those without cells are left out;
    otherwise all have the recipe's.

    Raises:
        ValueError: no image has any cell, or a file is damaged.
    """
    frames, labels, truth = [], [], []
    for still in stills:
        grey, masks = still.read()
        scale, kind = recipe.scale or 1.0, recipe.normalisation
        if recipe.working_diameter:
            if (diameter := typical_diameter([masks])) is None:
                continue
            scale, kind = scale_to(recipe.working_diameter, diameter), normalisation_for([grey])
        frames.append(normalise(to_working(grey, scale), kind))
        labels.append(labels_to_working(masks, scale))
        truth.append(labels[-1] if recipe.working_diameter else masks)
    if not any((one > 0).any() for one in labels):
        raise ValueError(f"expected images with cells, got {len(stills)} without any; check the masks")
    nothing: frozenset[int] = frozenset()
    return AnnotatedMovie(
        name=f"{stills[0].name.partition('/')[0]}/{IMAGES}",
        numbers=list(range(len(frames))),
        frames=frames,
        labels=labels,
        partial=[nothing for _ in labels],
        centres=[medoids(one, recipe.centre) for one in labels],
        sizes=[{label: int(n) for label, n in enumerate(np.bincount(one[one > 0])) if n} for one in labels],
        parents={},
        truth=[Merged(one, nothing) for one in truth],
        scale=1.0 if recipe.working_diameter else recipe.scale or 1.0,
        centre=recipe.centre,
        tracked=False,
    )
