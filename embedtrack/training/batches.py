"""Annotated movies -> the batches of a training, prepared while the network works."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from embedtrack.method import Batch
from embedtrack.recipe import Recipe
from embedtrack.truth.annotated import AnnotatedMovie

SIDES = 32
"""Large crops have sides that are multiples of this."""


def batches(training: Sequence[AnnotatedMovie], recipe: Recipe, first: int, rank: int = 0) -> Iterator[Batch]:
    """Batches from step ``first`` on, prepared while the network works; each depends on seed and step alone.

    Of the crops of all processes, this one's are those of its ``rank``.
    """
    sides = (side for movie in training for shape in movie.shapes for side in shape)
    method = recipe.method.implementation()
    large, fewer = large_crops(recipe, max(sides))

    def make(number: int) -> Batch:
        """The batch of a step, whatever was drawn before it."""
        crop, count = recipe.sampling.crop, recipe.batch  # (seed, step) and (seed, step, 0) would be one stream
        if np.random.default_rng((recipe.seed, number)).random() < recipe.sampling.large:
            crop, count = large, fewer
        places = range(1 + rank * count, 1 + (rank + 1) * count)
        generators = [np.random.default_rng((recipe.seed, number, place)) for place in places]
        return method.batch(training, recipe, crop, generators)

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(make, first)
        while True:
            batch, first = following.result(), first + 1
            following = pool.submit(make, first)
            yield batch


def large_crops(recipe: Recipe, longest: int) -> tuple[int, int]:
    """Side and number of a batch's large crops: of twice the side, but not larger than frames of that longest side."""
    crop = recipe.sampling.crop
    side = max(crop, min(2 * crop, -(-longest // SIDES) * SIDES))
    return side, max(1, recipe.batch * crop**2 // side**2)


def pairs_per_epoch(training: Sequence[AnnotatedMovie], recipe: Recipe) -> int:
    """As many crops as cover every frame about twice."""
    area = recipe.sampling.crop**2
    return sum(math.ceil(2 * math.prod(shape) / area) for movie in training for shape in movie.shapes)
