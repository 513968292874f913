"""Which shipped model fits a movie: each looks at a frame in two views, which must agree, and the likely ones at more.

How they are compared says ``model_ranks.py``.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack import checkpoint
from embedtrack.challenge.aogm import quality
from embedtrack.challenge.convention import model_names, models
from embedtrack.inference.adapt import brought, middle, reaches
from embedtrack.inference.model_ranks import AGREE, Assessment, Ranked, in_words, judge, near, rank
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.symmetry import TURNED
from embedtrack.machine import device
from embedtrack.model_files import CONFIG
from embedtrack.movies.kind import normalisation_for, skew
from embedtrack.movies.memory import readable
from embedtrack.movies.movie import Movie
from embedtrack.options import FOUND, Diameter, Options
from embedtrack.tracks.relabel import at_edge
from embedtrack.types import Labels

log = logging.getLogger(__name__)

FRAMES = 3
"""So many frames are looked at, at most, evenly spaced."""
SIDE = 640
"""Of larger frames only a square of this side, at their middle: the same one for all models."""
LARGEST = 1280
"""... in no more than so many working pixels."""


class Fit(NamedTuple):
    """The model that was chosen, and how far to trust that."""

    model: Path
    agreement: float
    """Its score: the agreement of its views, less where its cells have another size or others find more."""
    verdict: str
    sure: bool
    table: tuple[Ranked, ...] = ()
    """All models, the best first."""
    diameter: float | None = None
    """What the model has to be brought to, see ``Options``; None: it stays as it is."""

    def note(self) -> dict[str, Any]:
        """As a result's record has it."""
        return {"model_choice": self.verdict, "agreement": round(self.agreement, 3), "sure": self.sure}

    def run_by(self, options: Options) -> Options:
        """How the model is run: at the diameter that was found, if one was."""
        return replace(options, diameter=self.diameter) if self.diameter else options


OnModel = Callable[[int, int | None], None]
"""Called with the looks that are done, and None: how many there will be nobody knows."""


def choose(
    movie: Movie,
    device_name: str = "auto",
    on_model: OnModel = lambda done, total: None,
    diameter: Diameter = None,
) -> Fit:
    """The shipped model that fits a movie best; the log says how sure that is, and warns if none fits.

    All models look at one frame, the middle one unless it is empty. Those within NEAR of the best look at further ones.
    Where none fits as it is, each is brought to the cells that it finds, see ``adapt.py``, and they look again.

    Args:
        movie: what will be tracked.
        device_name: where the networks run.
        on_model: see ``OnModel``.
        diameter: of a typical cell in pixels, to which all models are brought that can be.

    Raises:
        ValueError: no model is there, or none can be brought to the diameter.
    """
    names = candidates(diameter)
    images = readable(movie.frames, sorted({round(i) for i in np.linspace(0, len(movie) - 1, FRAMES)}))
    centre = len(images) // 2
    order = [images[centre], *images[:centre], *images[centre + 1 :]]
    where = device.choose(device_name)
    looks = count(1)

    def look(folder: Path, image: NDArray[Any], diameter: Diameter) -> Assessment:
        seen = assess(folder, [image], where, "auto", diameter)
        on_model(next(looks), None)
        return seen

    seen = _look_around(look, [models() / name for name in names], diameter, order)
    ranked = rank(seen)
    if diameter is None and ranked[0].score < AGREE:
        seen += _look_around(look, [one.seen.model for one in ranked if one.seen.learnt], FOUND, order)
        ranked = rank(seen)
    for one in ranked:
        log.info("%s: %s", one.seen.model.name, in_words(one))
    verdict, sure = judge(ranked, skew(images))
    log.log(logging.INFO if sure else logging.WARNING, "--model auto: %s", verdict)
    best = ranked[0]
    return Fit(best.seen.model, best.score, verdict, sure, tuple(ranked), best.seen.to_be_told)


def _look_around(
    look: Callable[[Path, NDArray[Any], Diameter], Assessment],
    folders: Sequence[Path],
    diameter: Diameter,
    images: Sequence[NDArray[Any]],
) -> list[Assessment]:
    """All models look at the first frame [H, W] in which there is something, those near the best at more."""
    seen: list[Assessment] = []
    for image in images:
        likely = near(seen) if any(one.diameters for one in seen) else []
        if len(likely) == 1:
            break
        if not likely:
            seen = [look(folder, image, diameter) for folder in folders]
            continue
        for one in likely:
            further = look(one.model, image, one.brought_to)
            if further.diameters:  # an empty frame decides nothing
                seen[seen.index(one)] = one.and_also(further)
    return seen


def candidates(diameter: Diameter = None) -> list[str]:
    """Those of ``choosable``.

    Raises:
        ValueError: there is none.
    """
    names = choosable(diameter)
    if not names:
        size = f" that can be brought to cells of {diameter:g} pixels" if isinstance(diameter, float | int) else ""
        raise ValueError(f"expected models{size} in {models()}, got none; train one, or name a folder with --model")
    return names


def choosable(diameter: Diameter = None) -> list[str]:
    """The models that see a frame by itself as they do in a movie, as a choice looks at few, and reach the diameter."""
    configs = {name: checkpoint.read_config(models() / name / CONFIG) for name in model_names()}
    alone = [(name, config) for name, config in configs.items() if not config.method.implementation().history(config)]
    return [name for name, config in alone if reaches(config, diameter)]


def assess(
    folder: Path,
    images: Sequence[NDArray[Any]],
    where: torch.device,
    precision: str = "float32",
    diameter: Diameter = None,
) -> Assessment:
    """How the model in a folder sees some frames [H, W] of a movie, brought to a diameter if one is said."""
    options = Options(device=str(where), precision=precision, diameter=diameter)
    parts = [middle(image, SIDE) for image in images]
    segmenter = Segmenter(checkpoint.load(folder), options)
    learnt = segmenter.model.config.cell_diameter
    other_kind = bool(learnt) and segmenter.model.config.normalisation.bright != normalisation_for(parts).bright
    segmenter.model, _ = brought(segmenter.model, parts, options)
    small = [middle(image, round(LARGEST / segmenter.model.config.scale)) for image in parts]
    share = sum(image.size for image in small) / sum(image.size for image in parts)
    looks = [_glance(segmenter, image) for image in small]
    diameters, whole = (tuple(np.concatenate([one[i] for one in looks]).tolist()) for i in (1, 2))
    expected = segmenter.model.config.cell_diameter
    brought_to = expected if diameter or not learnt else None
    qualities = tuple(one[0] for one in looks)
    return Assessment(folder, qualities, diameters, learnt, whole, brought_to, share, other_kind)


def _glance(segmenter: Segmenter, image: NDArray[Any]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """How well two views of an image [H, W] agree, the diameters of all masks, and of those that no edge cuts."""
    _, views = segmenter.in_views(image, TURNED)
    found, turned = (_without_ground(view.labels) for view in views)
    labels, areas = np.unique(found[found > 0], return_counts=True)
    sizes = 2 * np.sqrt(areas / np.pi)
    return quality(found, turned), sizes, sizes[~np.isin(labels, at_edge(found))]


def _without_ground(labels: Labels) -> Labels:
    """Labels int32[H, W] without masks of more than half of the image: a whole field may be taken for a cell."""
    ground = np.flatnonzero(np.bincount(labels.ravel()) > labels.size / 2)
    return np.where(np.isin(labels, ground), 0, labels) if ground.any() else labels
