"""Many data sets for one network: each movie and each image is brought to one working diameter and its kind's range."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from embedtrack.challenge.stills import IMAGES, MEASURING_ONLY, Still, has_stills, open_stills, part_of
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.normalise import as_frame
from embedtrack.movies.open import open_frames
from embedtrack.movies.scale import scale_to, typical_diameter
from embedtrack.movies.settings import Normalisation
from embedtrack.recipe import Recipe
from embedtrack.truth.annotated import AnnotatedMovie, see
from embedtrack.truth.derive import measure
from embedtrack.truth.holdout import split
from embedtrack.truth.kept import Kept, Room
from embedtrack.truth.merge import Merged, where_seen
from embedtrack.truth.reading import read_annotated, roomy
from embedtrack.truth.sequences import sequences
from embedtrack.types import Frame

log = logging.getLogger(__name__)

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
    barred = [dataset.name for dataset in datasets if dataset.resolve().name in MEASURING_ONLY]
    if barred:
        raise ValueError(
            f"expected data sets that may train, got {', '.join(barred)}, which is for measuring; leave it out"
        )
    training, validation, room = [], [], roomy()
    for dataset in datasets:
        if has_stills(dataset):
            trains, validates = ([read_stills(part, recipe, room)] for part in _parts(dataset))
        else:
            movies = [_working(folder, recipe, room) for folder in sequences(dataset)]
            trains, validates = split(movies, recipe.validation)
        training += trains
        validation += validates
    return training, validation


def _parts(dataset: Path) -> tuple[list[Still], list[Still]]:
    """The images that train and those that validate, by their names; of a few that may be the last one.

    Raises:
        ValueError: there are too few.
    """
    stills = open_stills(dataset)
    trains, validates = ([one for one in stills if part_of(one.name) == part] for part in ("training", "validation"))
    if not validates:
        trains, validates = trains[:-1], trains[-1:]
    if not trains:
        raise ValueError(
            f"{dataset}: expected images that train beside one that validates and those that are held back, got "
            f"{len(stills)} in all; add more, or leave it out"
        )
    return trains, validates


def _working(folder: Path, recipe: Recipe, room: Room) -> AnnotatedMovie:
    """A sequence at the working diameter."""
    assert recipe.working_diameter
    frames = list(open_frames(folder).values())
    kind = normalisation_for([read() for read in frames[:: max(1, len(frames) // SOME)]])
    diameters = measure([folder]).diameters
    if not len(diameters):
        raise ValueError(f"{folder}: expected cells in its masks, got none in the frames looked at; leave it out")
    scale = scale_to(recipe.working_diameter, float(np.median(diameters)))
    movie = read_annotated(folder, kind, scale, centre=recipe.centre, room=room)
    log.info("%s: scale %.2f, %s", movie.name, scale, kind.method)
    return movie.working()


def read_stills(stills: Sequence[Still], recipe: Recipe, room: Room) -> AnnotatedMovie:
    """Single images as one movie without tracks.

    With a working diameter each image has a scale and a normalisation of its own, and those without cells are left out;
    otherwise all have the recipe's.

    Raises:
        ValueError: no image has any cell, or a file is damaged.
    """
    frames, seen, nothing = [], [], frozenset[int]()
    for still in stills:
        grey, masks = still.read()
        scale, kind = recipe.scale or 1.0, recipe.normalisation
        if recipe.working_diameter:
            if (diameter := typical_diameter([masks])) is None:
                continue
            scale, kind = scale_to(recipe.working_diameter, diameter), normalisation_for([grey])
        frames.append(partial(_frame, still, scale, kind))
        seen.append(see(where_seen(Merged(masks, nothing), grey), scale, recipe.centre))
    if not any(one.centres for one in seen):
        raise ValueError(f"expected images with cells, got {len(stills)} without any; check the masks")
    shapes = [one.shape for one in seen]
    movie = AnnotatedMovie(
        name=f"{stills[0].name.partition('/')[0]}/{IMAGES}",
        numbers=list(range(len(frames))),
        frames=Kept(frames, shapes, room),
        labels=Kept([one.labels for one in seen], shapes, room),
        partial=[nothing for _ in seen],
        centres=[one.centres for one in seen],
        sizes=[one.sizes for one in seen],
        parents={},
        truth=Kept([one.truth for one in seen], [one.whole for one in seen], room),
        scale=recipe.scale or 1.0,
        centre=recipe.centre,
        tracked=[False for _ in seen],
    )
    return movie.working() if recipe.working_diameter else movie


def _frame(still: Still, scale: float, kind: Normalisation) -> Frame:
    """An image as the network sees it."""
    return as_frame(still.read()[0], scale, kind)
