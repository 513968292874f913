"""How good a network is on whole annotated frames, and the thresholds that suit it best."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from embedtrack.challenge.aogm import match_labels
from embedtrack.challenge.evaluate import jaccards
from embedtrack.config import Clustering, ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.predict import Predictor, plan_tiles
from embedtrack.movies.scale import to_frame
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.merge import UNKNOWN, Merged
from embedtrack.types import Frame, Labels, Maps

log = logging.getLogger(__name__)

FRAMES = 12
"""At most so many frames of a movie are looked at, evenly spaced."""
TILES = (2048, 512, 256)
"""Largest sides to choose from, the fastest first."""
WORTH = 0.005
"""Smaller tiles overlap and cost up to three times as much; they must be better by this."""
CHOICES: dict[str, tuple[float | None, ...]] = {
    "reach": (None, 0.5, 0.4, 0.3, 0.2, 0.15),
    "mask_threshold": (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5),
    "seed_threshold": (0.3, 0.4, 0.5, 0.6, 0.7),
}
"""The fields of ``Clustering`` that suit the weights. A wide reach wants a low mask threshold: they go together."""
ROUNDS = 4
"""At most so often all of them are looked at."""

Predicted = tuple[Merged, Maps[Frame]]


class Score(NamedTuple):
    """Means over movies, each in [0, 1]."""

    seg: float
    det: float


def validation_seg(
    network: BranchedERFNet, config: ModelConfig, movies: Sequence[AnnotatedMovie], precision: str = "float32"
) -> float:
    """Mean SEG of the movies on whole frames, in one view."""
    predicted = (predictions(network, movie, precision, 1, config.tile) for movie in movies)
    return score(predicted, config.clustering, config.frame_pixel_size).seg


def calibrate(
    network: BranchedERFNet, config: ModelConfig, movies: Sequence[AnnotatedMovie], precision: str
) -> tuple[ModelConfig, dict[int, Score]]:
    """Choose the size of tiles, both seediness thresholds and the reach by (SEG + DET) / 2 of the validation frames.

    Returns:
        The configuration with what was chosen, and the scores that it reaches in one and in eight views.
    """
    config = _choose_tile(network, config, movies, precision)
    predicted = {
        views: [list(predictions(network, movie, precision, views, config.tile)) for movie in movies]
        for views in (1, 8)
    }

    @cache
    def merit(settings: Clustering) -> float:
        return sum(sum(score(maps, settings, config.frame_pixel_size)) for maps in predicted.values())

    best = search(config.clustering, merit)
    scores = {views: score(maps, best, config.frame_pixel_size) for views, maps in predicted.items()}
    log.info("seeds above %.2f, masks above %.2f, reach %s", best.seed_threshold, best.mask_threshold, best.reach)
    return config.model_copy(update={"clustering": best}), scores


def search(start: Clustering, merit: Callable[[Clustering], float]) -> Clustering:
    """Better one field of CHOICES after the other, each with the others as they are, until none gets better."""
    best = start
    for _ in range(ROUNDS):
        before = best
        for field, values in CHOICES.items():
            changed = [best.model_copy(update={field: value}) for value in values]
            possible = (settings for settings in changed if settings.mask_threshold <= settings.seed_threshold)
            best = max([best, *possible], key=merit)
        if best == before:
            break
    return best


def _choose_tile(
    network: BranchedERFNet, config: ModelConfig, movies: Sequence[AnnotatedMovie], precision: str
) -> ModelConfig:
    """Whole frames, unless smaller tiles are better: far from any edge a network may see what it never learnt."""
    found = {}
    for tile in TILES:
        predicted = (predictions(network, movie, precision, 1, tile) for movie in movies)
        found[tile] = sum(score(predicted, config.clustering, config.frame_pixel_size))
        log.info("tiles up to %d: (SEG + DET) / 2 = %.3f", tile, found[tile] / 2)
    best = max(found.values())
    return config.model_copy(update={"tile": next(tile for tile in TILES if found[tile] / 2 >= best / 2 - WORTH)})


def score(movies: Iterable[Iterable[Predicted]], clustering: Clustering, pixel_size: float) -> Score:
    """Cluster the maps of each movie, ``pixel`` grid units wide, and compare with its truth.

    SEG looks at the cells whose masks are known, DET at all.
    """
    segs, dets = [], []
    for movie in movies:
        overlaps: list[float] = []
        errors = worst = 0
        for truth, maps in movie:
            labels = cluster(maps, clustering, pixel_size)
            overlaps += jaccards(truth.masks(), labels)
            cost, most = detection_errors(truth.labels, labels)
            errors, worst = errors + cost, worst + most
        if overlaps:
            segs.append(float(np.mean(overlaps)))
        if worst:
            dets.append(1 - min(errors, worst) / worst)
    return Score(*(float(np.mean(values)) if values else 0.0 for values in (segs, dets)))


def detection_errors(truth: Labels, labels: Labels) -> tuple[int, int]:
    """The detection part of AOGM (Matula et al. 2015), 5 NS + 10 FN + FP, and its value for an empty result.

    A cell is found by the mask that covers more than half of it; a mask that finds k > 1 cells needs k - 1 splits,
    one that finds none is false, unless UNKNOWN pixels are most of it.

    Args:
        truth: int32[H, W] with UNKNOWN pixels.
        labels: int32[H, W].
    """
    match = match_labels(truth, labels)
    area = np.bincount(labels.ravel())
    unknown = np.bincount(labels[truth == UNKNOWN], minlength=len(area))
    found = set(match.finders)
    false = sum(mask not in found and 2 * int(unknown[mask]) <= int(area[mask]) for mask in match.masks)
    splits, missed = len(match.found) - len(found), len(match.cells) - len(match.found)
    return 5 * splits + 10 * missed + false, 10 * len(match.cells)


def predictions(
    network: BranchedERFNet, movie: AnnotatedMovie, precision: str, views: int, tile: int
) -> Iterator[Predicted]:
    """Truth and maps of some frames of a movie, of those with masks if any have; the network is in evaluation mode."""
    times = range(len(movie.frames))
    candidates = [t for t in times if movie.has_masks(t)] or list(times)
    for t in candidates[:: -(-len(candidates) // FRAMES)]:
        frame, truth = movie.frames[t], movie.truth[t]
        where = next(network.parameters()).device
        tiles = plan_tiles((frame.shape[0], frame.shape[1]), tile, where, views)
        maps = Predictor(network, tiles, views, precision)(frame)
        shape = (truth.labels.shape[0], truth.labels.shape[1])
        yield truth, to_frame(maps, shape, movie.scale)
