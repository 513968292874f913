"""What a run made of its options and its movie, gathered for the record of its result; in words: challenge/used.py."""

from typing import Any

from embedtrack.inference.segmenter import Segmenter
from embedtrack.machine.heap import peak_memory
from embedtrack.movies.movie import Movie
from embedtrack.movies.normalise import levelled_by
from embedtrack.movies.settings import Normalisation
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
        uneven = how and (round(levelled_by(movie.frames[0], scale, how), 1) or None)
        found |= {"frames_without_image": sorted(movie.blank), "uneven_ground": uneven}
    return found
