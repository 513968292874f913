"""Which shipped model fits a movie: the best two of a first look see a few frames in eight views, which must agree.

A network that knows such cells finds the same ones however the frame is turned; one that does not finds something else
in each view. The size of what it finds must be that of the cells which it has learnt.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack import checkpoint
from embedtrack.challenge.aogm import quality
from embedtrack.challenge.convention import model_names, models
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.suit import middle, suit
from embedtrack.machine import device
from embedtrack.movies.kind import DARK, skew
from embedtrack.movies.movie import Movie
from embedtrack.options import Options

log = logging.getLogger(__name__)

FRAMES = 3
"""So many frames are looked at, evenly spaced."""
GLANCE = 2
"""Views of one frame in the first look, which every model has."""
FINALISTS = 2
"""So many models at most look at all frames in all views."""
SIDE = 512
"""Of larger frames only a square of this side in working pixels, at their middle."""
AGREE, DOUBTFUL = 0.88, 0.5
"""Agreement from which on a model fits, and below which it does not. On movies that the model never saw SEG was .93 at
an agreement of .97, .46 and .50 at .86 and .79, .65 and .11 at .56 and .52, and at most .17 below: docs/movies.md."""
AHEAD = 0.1
"""A model that is ahead of the next by less is not surely the best."""
LIKE = 2.0
"""What a model finds may be larger or smaller by this factor than what it has learnt."""


class Assessment(NamedTuple):
    """How a model sees a movie."""

    model: Path
    qualities: tuple[float, ...]
    """Of each frame and view the panoptic quality between the view's masks and those of all views; 0: no cell."""
    diameters: tuple[float, ...]
    """Of discs of the masks' areas, in pixels."""
    learnt: float | None
    """The typical diameter of the cells that trained the model."""

    @property
    def agreement(self) -> float:
        """How well the eight views agree: the mean over the frames that were tried."""
        return float(np.mean(self.qualities))

    @property
    def diameter(self) -> float:
        """The typical one; 0 if nothing is found."""
        return float(np.median(self.diameters)) if self.diameters else 0.0

    @property
    def like(self) -> bool:
        """Whether what it finds has the size of what it has learnt."""
        known = self.learnt or self.diameter
        return self.diameter > 0 and abs(math.log(self.diameter / known)) <= math.log(LIKE)

    @property
    def score(self) -> float:
        """The agreement, halved where the size is another."""
        return self.agreement * (1.0 if self.like else 0.5)


class Fit(NamedTuple):
    """The model that was chosen, and how far to trust that."""

    model: Path
    agreement: float
    """Of its views, halved where its cells have another size than those which it has learnt."""
    verdict: str
    sure: bool

    def note(self) -> dict[str, Any]:
        """As a result's record has it."""
        return {"model_choice": self.verdict, "agreement": round(self.agreement, 3), "sure": self.sure}


def choose_model(movie: Movie, device_name: str = "auto", precision: str = "auto") -> Path:
    """The shipped model that fits a movie best: see ``choose``."""
    return choose(movie, device_name, precision).model


def choose(movie: Movie, device_name: str = "auto", precision: str = "auto") -> Fit:
    """The shipped model that fits a movie best; the log says how sure that is, and warns if none fits.

    All models glance at one frame, the middle one unless it is empty; the best of them look at more, unless another
    one fits twice as well.

    Args:
        movie: what will be tracked.
        device_name: where the networks run.
        precision: theirs; what a choice needs is not much.

    Raises:
        ValueError: no model is there.
    """
    names = model_names()
    if not names:
        raise ValueError(f"expected models in {models()}, got none; train one, or name a folder with --model")
    images = [movie.frames[i] for i in sorted({round(i) for i in np.linspace(0, len(movie) - 1, FRAMES)})]
    where = device.choose(device_name)
    middle = len(images) // 2
    for image in (images[middle], *images[:middle], *images[middle + 1 :]):  # some may be empty
        glances = [assess(models() / name, [image], where, precision, GLANCE) for name in names]
        if any(one.score for one in glances):
            break
    for name, one in zip(names, glances, strict=True):
        log.info("%s: two views agree to %.2f; %s", name, one.agreement, _found(one, 1))
    glances.sort(key=lambda one: one.score, reverse=True)
    likely = [one.model for one in glances[:FINALISTS] if 2 * one.score >= glances[0].score]
    assessed = [assess(folder, images, where, precision) for folder in likely]
    for one in assessed:
        log.info("%s: eight views agree to %.2f; %s", one.model.name, one.agreement, _found(one, len(images)))
    assessed.sort(key=lambda one: one.score, reverse=True)
    verdict, sure = judge(assessed, skew(images))
    log.log(logging.INFO if sure else logging.WARNING, "--model auto: %s", verdict)
    return Fit(assessed[0].model, assessed[0].score, verdict, sure)


def assess(
    folder: Path, images: Sequence[NDArray[Any]], where: torch.device, precision: str = "float32", views: int = 8
) -> Assessment:
    """How the model in a folder sees some frames [H, W] of a movie in so many views."""
    options = Options(device=str(where), precision=precision)
    segmenter = Segmenter(suit(Segmenter(checkpoint.load(folder), options).model, images, options), options)
    config = segmenter.model.config
    qualities: list[float] = []
    diameters: list[float] = []
    for image in images:
        mean, single = segmenter.in_views(middle(image, round(SIDE / config.scale)), views)
        whole = mean.labels
        qualities += [quality(whole, view.labels) for view in single]
        areas = np.unique(whole[whole > 0], return_counts=True)[1]
        diameters += (2 * np.sqrt(areas / np.pi)).tolist()
    return Assessment(folder, tuple(qualities), tuple(diameters), config.cell_diameter)


def judge(assessed: Sequence[Assessment], skewed: float) -> tuple[str, bool]:
    """What to tell of the fits, the best one first, and whether it is good news."""
    best, others = assessed[0], assessed[1:]
    lead = best.score - others[0].score if others else best.score
    cells = (
        f"cells of {best.diameter:.0f} pixels, {'bright on dark' if skewed > DARK else 'no brighter than the ground'}"
    )
    rival = f"; the next, {others[0].model.name}: {others[0].agreement:.2f}" if others else ""
    seen = f"its eight views agree to {best.agreement:.2f}{rival}; {cells}"
    if not best.diameters:
        return f"no model finds any cell; going on with {best.model.name}; train one on some of your own frames", False
    if best.score < DOUBTFUL:
        return f"none fits: {best.model.name} is the nearest, {seen}; train one on some of your own frames", False
    if not best.like:
        return (
            f"none fits: {best.model.name} is the nearest, {seen}, and it has learnt cells of {best.learnt:.0f}; "
            "train one on some of your own frames"
        ), False
    if best.score < AGREE:
        return f"{best.model.name} fits best, but not well: {seen}; look at the result before you trust it", False
    if lead < AHEAD:
        return f"{best.model.name} fits, the next nearly as well: {seen}; either will do, or compare both", True
    return f"{best.model.name} fits: {seen}", True


def _found(one: Assessment, frames: int) -> str:
    if not one.diameters:
        return "no cell found"
    learnt = f", learnt from {one.learnt:.0f}" if one.learnt else ""
    return f"{len(one.diameters) / frames:.0f} cells a frame of {one.diameter:.0f} pixels{learnt}"
