"""Self-training for sparse truth: the network's own masks, where they agree with markers and views, join the truth."""

import logging
from collections.abc import Iterator

import numpy as np

from embedtrack.challenge.aogm import match_labels
from embedtrack.inference.segmenter import Segmenter
from embedtrack.model import Model
from embedtrack.options import Options
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.merge import Merged
from embedtrack.types import Labels

log = logging.getLogger(__name__)

AGREE = 0.8
"""The Jaccard index that a mask must have with one of a single view to be trusted."""


def pseudo_labels(model: Model, movie: AnnotatedMovie, precision: str) -> dict[int, Labels]:
    """Trusted masks by frame number, int32[H, W] each, for the frames in which cells lack one.

    A mask of the mean over eight views is trusted if a single view gives nearly the same one, and if it holds exactly
    one marker, of a cell without mask; the truth's own masks are left alone.
    """
    found = {}
    options = [Options(views=views, device=str(model.device), precision=precision) for views in (8, 1)]
    segmenters = [Segmenter(model, one) for one in options]
    for t in range(len(movie.frames)):
        if movie.partial[t]:
            height, width = movie.truth[t].labels.shape
            eight, one = (each.frame(movie.frames[t], (height, width)).cells().labels for each in segmenters)
            found[movie.numbers[t]] = trusted(eight, one, movie.truth[t])
    asked = sum(map(len, movie.partial))
    got = sum(len(np.unique(labels[labels > 0])) for labels in found.values())
    log.info("%s: %d of %d cells without mask have one of the network's own now", movie.name, got, asked)
    return found


def trusted(eight: Labels, one: Labels, truth: Merged) -> Labels:
    """The masks of ``eight`` int32[H, W] that can be trusted, 0 elsewhere."""
    stable = {mask for mask, jaccard in _agreement(eight, one) if jaccard >= AGREE}
    markers = np.where(np.isin(truth.labels, list(truth.partial)), truth.labels, 0)
    holds = match_labels(markers.astype(np.int32), eight)
    others = set(match_labels(truth.masks(), eight).finders)
    keep = [mask for mask in stable - others if holds.finders.count(mask) == 1]
    return np.where(np.isin(eight, keep), eight, 0).astype(np.int32)


def _agreement(eight: Labels, one: Labels) -> Iterator[tuple[int, float]]:
    """Each mask of ``eight`` that one of ``one`` covers by more than half, and their Jaccard index."""
    match = match_labels(eight, one)
    yield from zip(match.found, match.jaccards, strict=True)
