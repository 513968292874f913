"""How large the cells of annotated movies are."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from embedtrack.truth.annotated import AnnotatedMovie


class Sizes(NamedTuple):
    """Of the cells whose outline is known."""

    radius: float
    """Of a disc of the median size, in working pixels."""
    diameter: float
    """The same in the frame's own pixels."""
    smallest: int
    """Pixels of the frame: half of what one in a hundred cells has at most."""


def sizes_of(training: Sequence[AnnotatedMovie]) -> Sizes:
    """The sizes in movies of one scale."""
    sizes = [
        size
        for movie in training
        for cells, partial in zip(movie.sizes, movie.partial, strict=True)
        for label, size in cells.items()
        if label not in partial
    ]
    radius, scale = math.sqrt(float(np.median(sizes)) / math.pi), training[0].scale
    return Sizes(radius, 2 * radius / scale, max(1, int(np.percentile(sizes, 1) / 2 / scale**2)))
