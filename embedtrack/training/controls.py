"""What a person sets of a training: fields of its recipe, whole movies that validate, and the time of all of it."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from embedtrack.machine import device
from embedtrack.recipe import Recipe
from embedtrack.training.calibrate import PASSES, most, validation_seg
from embedtrack.training.distributed import ProcessGroup
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.holdout import require_masks, split

MOST_RESERVED = 0.5
"""Of a budget in minutes the training gets the other part at least; calibration looks at fewer frames then."""


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with fields that a person has set, checked.

    Raises:
        ValueError: a value that the field cannot have.
    """
    if recipe.working_diameter and "normalisation" in changes:
        raise ValueError("expected --normalisation without --all-cells: each movie is normalised by its kind")
    try:
        checked = Recipe.model_validate({name: getattr(value, "model_dump", lambda v=value: v)()
                                         for name, value in changes.items()})  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + str(first["loc"][0]).replace("_", "-")
        raise ValueError(f"expected {flag} as in embedtrack/recipe.py: {first['msg']}, got {first['input']}") from None
    return recipe.model_copy(update={name: getattr(checked, name) for name in changes})


def check_budget(minutes: float | None, epochs: float | None) -> None:
    """Raise ValueError unless there is one budget at most, and a time that can be spent."""
    if minutes is not None and not 0 < minutes < math.inf:
        raise ValueError(f"expected --minutes above 0, got {minutes}")
    if minutes is not None and epochs is not None:
        raise ValueError(f"expected one budget, got --minutes {minutes} and --epochs {epochs}; leave one out")


def check_held(held: Sequence[Path], folders: Sequence[Path]) -> None:
    """Raise ValueError unless the movies that validate are among those that were given, and others are left."""
    known = {folder.resolve() for folder in folders}
    for movie in held:
        if movie.resolve() not in known:
            there = ", ".join(map(str, folders)) or "none, for --all-cells reads whole data sets"
            raise ValueError(f"expected --validation to be one of the annotated movies ({there}), got {movie}")
    if held and len({movie.resolve() for movie in held}) == len(known):
        raise ValueError("expected a movie that trains beside those of --validation, got none")


def parted(
    movies: Sequence[AnnotatedMovie], folders: Sequence[Path], share: float, held: Sequence[Path]
) -> tuple[list[AnnotatedMovie], list[AnnotatedMovie]]:
    """What trains and what validates: parts of each movie, or whole ones."""
    if not held:
        return split(movies, share)
    validate = {movie.resolve() for movie in held}
    sides: tuple[list[AnnotatedMovie], list[AnnotatedMovie]] = ([], [])
    for movie, folder in zip(movies, folders, strict=True):
        sides[folder.resolve() in validate].append(movie)
    require_masks(sides[0], "training")
    require_masks(sides[1], "validation")
    return sides


def calibration_seconds(
    training: Sequence[AnnotatedMovie], validation: Sequence[AnnotatedMovie], recipe: Recipe, group: ProcessGroup
) -> float:
    """What the last validation and the calibration take, about, by a second look at one frame: the first compiles."""
    network, config = recipe.method.implementation().start(training, recipe)
    device.move(network.eval(), group.device)
    begin = 0.0
    for _ in range(2):
        begin = time.perf_counter()
        validation_seg(network, config, [validation[0].part([0])], device.fast_precision(group.device))
    frames = sum(min(most(validation), len(movie.frames)) for movie in validation)
    return (PASSES + 1) * frames * (time.perf_counter() - begin)
