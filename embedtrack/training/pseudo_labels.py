"""Self-training for sparse truth: the network's own masks, where they agree with markers and views, join the truth."""

import logging
from collections.abc import Iterator

import numpy as np

from embedtrack.challenge.aogm import match_labels
from embedtrack.checkpoint import Model
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.predict import Predictor, plan_tiles
from embedtrack.movies.scale import to_frame
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.merge import Merged
from embedtrack.types import Frame, Labels

log = logging.getLogger(__name__)

AGREE = 0.8
"""The Jaccard index that a mask must have with one of a single view to be trusted."""


def pseudo_labels(model: Model, movie: AnnotatedMovie, precision: str) -> dict[int, Labels]:
    """Trusted masks by frame number, int32[H, W] each, for the frames in which cells lack one.

    A mask of the mean over eight views is trusted if a single view gives nearly the same one, and if it holds exactly
    one marker, of a cell without mask; the truth's own masks are left alone.
    """
    found = {}
    for t in range(len(movie.frames)):
        if movie.partial[t]:
            eight, one = (_labels(model, movie.frames[t], movie, t, views, precision) for views in (8, 1))
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


def _labels(model: Model, frame: Frame, movie: AnnotatedMovie, t: int, views: int, precision: str) -> Labels:
    """The cells of one frame in its own pixels."""
    tiles = plan_tiles((frame.shape[0], frame.shape[1]), model.config.tile, model.device, views)
    shape = movie.truth[t].labels.shape
    maps = to_frame(Predictor(model.network, tiles, views, precision)(frame), (shape[0], shape[1]), movie.scale)
    return cluster(maps, model.config.clustering, model.config.frame_pixel_size)
