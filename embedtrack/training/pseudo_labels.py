"""Self-training for sparse truth: the network's own masks, where they agree with markers and views, join the truth."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedtrack import checkpoint
from embedtrack.challenge.aogm import match_labels
from embedtrack.files.guard import reading
from embedtrack.files.whole import whole_file
from embedtrack.inference.segmenter import Segmenter
from embedtrack.machine import device
from embedtrack.model import Model
from embedtrack.options import Options
from embedtrack.training.calibrate import calibrate
from embedtrack.training.distributed import ProcessGroup
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
    stable = alike(eight, one)
    markers = np.where(np.isin(truth.labels, list(truth.partial)), truth.labels, 0)
    holds = match_labels(markers.astype(np.int32), eight)
    others = set(match_labels(truth.masks(), eight).finders)
    keep = [mask for mask in stable - others if holds.finders.count(mask) == 1]
    return np.where(np.isin(eight, keep), eight, 0).astype(np.int32)


def alike(labels: Labels, view: Labels) -> set[int]:
    """The masks of ``labels`` int32[H, W] that ``view`` has nearly the same, by a Jaccard index of AGREE or more."""
    match = match_labels(labels, view)
    return {mask for mask, jaccard in zip(match.found, match.jaccards, strict=True) if jaccard >= AGREE}


def taught(
    training: Sequence[AnnotatedMovie], validation: Sequence[AnnotatedMovie], teacher: Path, group: ProcessGroup
) -> list[AnnotatedMovie]:
    """The training movies, completed by the trusted masks of the network in the folder ``teacher``.

    The first process makes them, once: they are kept there.
    """
    files = [teacher / f"masks{number}.npz" for number in range(len(training))]
    if group.leads and not files[-1].is_file():
        model, precision = checkpoint.load(teacher), device.fast_precision(group.device)
        device.move(model.network, group.device)
        config, _ = calibrate(model.network, model.config, validation, precision)
        for movie, file in zip(training, files, strict=True):
            masks = pseudo_labels(replace(model, config=config), movie, precision)
            with whole_file(file) as new:
                np.savez_compressed(new, allow_pickle=False, **{str(t): labels for t, labels in masks.items()})
    group.wait()
    completed = []
    for movie, file in zip(training, files, strict=True):
        with reading(file, "masks of this training", f"delete {teacher} to begin anew"):
            masks = {int(number): labels for number, labels in np.load(file).items()}
        completed.append(movie.completed(masks))
    return completed
