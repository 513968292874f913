"""How good a network is on whole annotated frames, and the thresholds that suit it best."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from torch import nn

from embedtrack.challenge.aogm import match_labels
from embedtrack.challenge.scores import jaccards
from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.method import Pending
from embedtrack.model import Model
from embedtrack.options import USUAL_VIEWS, Options
from embedtrack.settings import Settings
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.merge import UNKNOWN, Merged
from embedtrack.types import Labels

log = logging.getLogger(__name__)

FRAMES, ALL_FRAMES = 12, 36
"""At most so many frames of a movie, and about so many of all movies, are looked at, evenly spaced."""
TILES = (2048, 512, 256)
"""Largest sides to choose from, the fastest first."""
WORTH = 0.005
"""Smaller tiles overlap and cost up to three times as much; they must be better by this."""
PASSES = 20
"""So many times as long as a validation takes a calibration, about: tiles in three sizes, seven views, clusterings."""
ENOUGH = 0.002
"""Fewer views are taken where they lose no more of SEG and of DET than this."""
EQUAL = 0.0005
"""Of what differs by no more in (SEG + DET) / 2 the validation frames cannot tell which is better."""
ROUNDS = 4
"""At most so often all of them are looked at."""

Predicted = tuple[Merged, AnnotatedMovie, Pending]
"""A frame's truth, its movie, and what the network says of it."""


class Score(NamedTuple):
    """Means over movies, each in [0, 1]."""

    seg: float
    det: float


def validation_seg(
    network: nn.Module, config: ModelConfig, movies: Sequence[AnnotatedMovie], precision: str = "float32"
) -> float:
    """Mean SEG of the movies on whole frames, in one view."""
    frames = most(movies)
    return score((predictions(network, config, movie, precision, 1, frames) for movie in movies), config).seg


def affordable(movies: Sequence[AnnotatedMovie], seconds: float, validation: float) -> int:
    """Frames of each movie that a calibration can look at within some seconds, where a validation takes ``validation``.

    At least one, at most as many as a validation.
    """
    usual = most(movies)
    cost = PASSES * validation
    return usual if cost <= seconds else max(1, int(usual * max(seconds, 0) / cost))


def calibrate(
    network: nn.Module,
    config: ModelConfig,
    movies: Sequence[AnnotatedMovie],
    precision: str,
    count: int | None = None,
) -> tuple[ModelConfig, dict[int, Score]]:
    """Choose tiles, what the method lets choose and the number of views, by SEG and DET of the validation frames.

    Args:
        network: in evaluation mode, on its device.
        config: its own.
        movies: what validates.
        precision: of the network.
        count: so many frames of each movie at most.

    Returns:
        The configuration with what was chosen, and its scores by number of views.
    """
    count = count or most(movies)
    config = _choose_tile(network, config, movies, precision, count)
    predicted = {
        views: [list(predictions(network, config, movie, precision, views, count)) for movie in movies]
        for views in config.method.implementation().views()
        if views <= USUAL_VIEWS
    }

    known: dict[str, float] = {}

    def merit(chosen: ModelConfig) -> float:
        name = chosen.method.model_dump_json()
        if name not in known:
            known[name] = sum(sum(score(frames, chosen)) for frames in predicted.values()) / (2 * len(predicted))
        return known[name]

    best = search(config, merit)
    scores = {views: score(frames, best) for views, frames in predicted.items()}
    best = best.model_copy(update={"views": fewest(scores)})
    chosen = {**_chosen(best), "views": best.views}
    log.info("chosen: %s", ", ".join(f"{field} {value}" for field, value in chosen.items()))
    return best, scores


def fewest(scores: Mapping[int, Score]) -> int:
    """The least number of views whose SEG and DET both are as good as those of the most, but for ENOUGH."""
    most = scores[max(scores)]
    return min(n for n, one in scores.items() if one.seg >= most.seg - ENOUGH and one.det >= most.det - ENOUGH)


def search(start: ModelConfig, merit: Callable[[ModelConfig], float]) -> ModelConfig:
    """Better one of the method's choices after the other, each with the others as they are, until none gets better.

    Then of each the first value that is as good as the best, but for EQUAL.
    """
    method, best = start.method.implementation(), start
    for _ in range(ROUNDS):
        before = best
        for field, values in method.choices().items():
            possible = [method.choose(best, field, value) for value in values]
            best = max([best, *(config for config in possible if config)], key=merit)
        if best == before:
            break
    least = merit(best) - EQUAL
    for field, values in method.choices().items():
        possible = [method.choose(best, field, value) for value in values]
        best = next((config for config in possible if config and merit(config) >= least), best)
    return best


def _chosen(config: ModelConfig) -> dict[str, object]:
    """The values of the method's choices, wherever in its configuration they are."""
    flat = {name: value for part in (config.method, *vars(config.method).values()) for name, value in _fields(part)}
    return {field: flat[field] for field in config.method.implementation().choices()}


def _fields(part: object) -> Iterable[tuple[str, object]]:
    return vars(part).items() if isinstance(part, Settings) else ()


def _choose_tile(
    network: nn.Module, config: ModelConfig, movies: Sequence[AnnotatedMovie], precision: str, count: int
) -> ModelConfig:
    """Whole frames, unless smaller tiles are better: far from any edge a network may see what it never learnt."""
    found = {}
    for tile in TILES:
        tiled = config.model_copy(update={"tile": tile})
        predicted = (predictions(network, tiled, movie, precision, 1, count) for movie in movies)
        found[tile] = sum(score(predicted, tiled))
        log.info("tiles up to %d: (SEG + DET) / 2 = %.3f", tile, found[tile] / 2)
    best = max(found.values())
    return config.model_copy(update={"tile": next(tile for tile in TILES if found[tile] / 2 >= best / 2 - WORTH)})


def score(movies: Iterable[Iterable[Predicted]], config: ModelConfig) -> Score:
    """Find the cells of each movie's frames and compare with their truth.

    SEG looks at the cells whose masks are known, DET at all.
    """
    segs, dets = [], []
    for movie in movies:
        overlaps: list[float] = []
        errors = worst = 0
        for truth, source, pending in movie:
            labels = pending.cells(_for(source, config)).labels
            overlaps += jaccards(truth.masks(), labels)
            cost, most = detection_errors(truth.labels, labels)
            errors, worst = errors + cost, worst + most
        if overlaps:
            segs.append(float(np.mean(overlaps)))
        if worst:
            dets.append(1 - min(errors, worst) / worst)
    return Score(*(float(np.mean(values)) if values else 0.0 for values in (segs, dets)))


def _for(movie: AnnotatedMovie, config: ModelConfig) -> ModelConfig:
    """The configuration for a movie that was read at a scale of its own."""
    return config if config.scale == movie.scale else config.model_copy(update={"scale": movie.scale})


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


def most(movies: Sequence[AnnotatedMovie]) -> int:
    """How many frames of each of so many movies are looked at."""
    return max(2, min(FRAMES, ALL_FRAMES // len(movies)))


def predictions(
    network: nn.Module, config: ModelConfig, movie: AnnotatedMovie, precision: str, views: int, frames: int = FRAMES
) -> Iterator[Predicted]:
    """Truth and network of some frames of a movie, of those with masks if any have; the network is in evaluation mode.

    Each frame is seen by itself, or after those that the method needs before it, as far as the movie has them.
    """
    where = str(next(network.parameters()).device)
    options = Options(views=views, device=where, precision=precision)
    segmenter = Segmenter(Model(network, _for(movie, config)), options)
    history = config.method.implementation().history(config)
    times = range(len(movie.frames))
    candidates = [t for t in times if movie.has_masks(t)] or list(times)
    for t in candidates[:: -(-len(candidates) // frames)]:
        height, width = movie.truth[t].labels.shape
        before = [movie.frames[s] for s in earlier(movie, t, history)]
        yield movie.truth[t], movie, segmenter.frame(movie.frames[t], (height, width), before)


def earlier(movie: AnnotatedMovie, t: int, most: int) -> list[int]:
    """Up to so many frames that lead to one without a gap, the earliest first."""
    found = [t]
    while len(found) <= most and movie.before(found[0]) != found[0]:
        found.insert(0, movie.before(found[0]))
    return found[:-1]
