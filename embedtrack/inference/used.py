"""What a run made of its options and its movie, gathered for the record of its result; in words: challenge/used.py."""

from typing import Any

from embedtrack.inference.segmenter import Segmenter
from embedtrack.machine.heap import peak_memory
from embedtrack.movies.content import content
from embedtrack.movies.movie import Movie
from embedtrack.movies.scale import to_working
from embedtrack.movies.settings import Normalisation
from embedtrack.movies.shading import unevenness
from embedtrack.tracks.tracker import Tracker


def used_by_run(
    tracker: Tracker,
    movie: Movie | None = None,
    segmenter: Segmenter | None = None,
    normalisation: Normalisation | None = None,
) -> dict[str, Any]:
    """Border, memory, and of what was at work: views, normalisation, scale, tiles, frames without image, uneven ground.

    Args:
        tracker: which has seen all frames.
        movie: whose frames were read.
        segmenter: what segmented it.
        normalisation: of its grey values, where no segmenter was at work.
    """
    config = segmenter.model.config if segmenter else None
    scale, how = (config.scale, config.normalisation) if config else (1.0, normalisation)
    found: dict[str, Any] = {"border": tracker.border, "cells_removed_by_border": tracker.removed}
    if how:
        found |= {"normalisation": how.model_dump(), "scale": round(scale, 4)}
    if segmenter:
        found |= {"views": segmenter.options.views, "precision": segmenter.options.precision, **segmenter.used()}
        if config and segmenter.options.diameter is not None:
            found["brought_to_diameter"] = config.cell_diameter
    found["peak_memory_mb"] = peak_memory()
    if movie:
        uneven = _unevenness(movie, scale, how) if how else None
        found |= {"frames_without_image": sorted(movie.blank), "uneven_ground": uneven}
    return found


def _unevenness(movie: Movie, scale: float, how: Normalisation) -> float | None:
    """By how many times its noise the ground of the first frame differs, if that is so much that it is levelled."""
    first = to_working(movie.frames[0], scale)
    return round(unevenness(first, content(first), bright=how.bright), 1) or None
