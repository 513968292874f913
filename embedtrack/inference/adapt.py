"""A model is brought to the cells of a movie: their diameter gives the scale at which the network sees its frames.

A model of all cells is always brought to them, and their kind gives the normalisation too; any other one where a person
asks for it. Where nobody says the diameter, the network looks at a frame at several scales. At the right one it finds
cells of the size that it has learnt, and the same ones in both of two views.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.aogm import quality
from embedtrack.config import ModelConfig
from embedtrack.inference.model_ranks import DOUBTFUL
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.symmetry import TURNED
from embedtrack.model import Model
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.memory import readable
from embedtrack.movies.scale import BOUNDS, typical_diameter
from embedtrack.options import FOUND, Diameter, Options

log = logging.getLogger(__name__)

STEPS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Of the scale at which cells of the learnt size are seen: what is looked at."""
HALF_STEP = 1.19
"""What is found may be so many times as large, or small, as what was learnt: the right scale lies between two steps."""
TEXTURE = 8.0
"""What is less than so many pixels across is taken for texture, which any network finds where it is enlarged enough."""
SAME = 1.1
"""Cells that are found to be so many times as large, or small, as those that were learnt are seen as they are."""
HALF = 0.5
"""What is more than this share of the frame's shorter side is taken for ground."""
BEYOND = 1.5
"""A person's diameter may be so many times as large, or small, as that which the bounds of scales allow."""
SIDE = 384
"""Of a frame a square of this side in working pixels is looked at, at the middle."""
SHARES = ((1 / 3, 2 / 3), (1 / 6, 1 / 2), (0, 5 / 6))
"""Where in the movie the frames lie that are looked at; the further ones where the first leave doubt."""


def adapt(model: Model, images: Sequence[Any], options: Options) -> Model:
    """As ``brought``; the log says to what, and warns where that is not sure."""
    there, score = brought(model, images, options)
    if there is model:
        return model
    name, config = model.folder.name if model.folder else "model", there.config
    if score == 0:
        log.warning(
            "%s: finds no cells of any size in the frames that were looked at; goes on as with those of %.0f pixels; "
            "say --diameter", name, config.cell_diameter,
        )  # fmt: skip
        return there
    log.info(
        "%s: cells of %.0f pixels%s, seen at %.2f of their size", name, config.cell_diameter,
        "" if score is None else ", which it found", config.scale,
    )  # fmt: skip
    if score is not None and score < DOUBTFUL:
        log.warning(
            "%s: the diameter is not sure (score %.2f): look at the result, or say it by --diameter", name, score
        )
    return there


def brought(model: Model, images: Sequence[Any], options: Options) -> tuple[Model, float | None]:
    """The model for this movie: as it is, unless it is one of all cells or ``options`` name a diameter.

    Args:
        model: on the device where it runs.
        images: the movie's frames [H, W], of which a few are read; more where these leave doubt.
        options: with the diameter, where a person says it or wants it to be found.

    Returns:
        The model, and how sure a diameter is that was found, from 0 to 1.

    Raises:
        ValueError: a diameter is asked for, and the model does not say what cells it has learnt; or one that is told
            is too far from it.
    """
    if options.diameter is None and model.config.working_diameter is None:
        return model, None
    check_reach(model.config, options.diameter)
    rounds = (readable(images, some) for some in _rounds(len(images)))
    if options.diameter is not None and options.diameter != FOUND:
        return replace(model, config=at_diameter(model.config, options.diameter, next(rounds, []))), None
    learnt = model.config.learnt_diameter
    assert learnt
    best, some = Look(0.0, learnt), []
    for some in rounds:
        best = max(best, find_diameter(model, some, options))
        if best.score >= DOUBTFUL:
            break
    same = abs(math.log(best.diameter / learnt)) < math.log(SAME)
    return replace(model, config=at_diameter(model.config, learnt if same else best.diameter, some)), best.score


def _rounds(count: int) -> Iterator[list[int]]:
    """The indices of the frames that are looked at, those of the first round alone where they leave no doubt."""
    seen: set[int] = set()
    for shares in SHARES:
        new = {round(share * (count - 1)) for share in shares if count} - seen
        seen |= new
        if new:
            yield sorted(new)


def check_reach(config: ModelConfig, diameter: Diameter) -> None:
    """Raise ValueError where the model cannot be brought to a diameter."""
    if not reaches(config, diameter):
        raise ValueError(_out_of_reach(config, diameter))


def reaches(config: ModelConfig, diameter: Diameter) -> bool:
    """Whether the model can be brought to a diameter."""
    learnt = config.learnt_diameter
    if diameter is None or not learnt:
        return diameter is None
    return diameter == FOUND or BOUNDS[0] / BEYOND <= config.scale * learnt / diameter <= BOUNDS[1] * BEYOND


def _out_of_reach(config: ModelConfig, diameter: Diameter) -> str:
    learnt = config.learnt_diameter
    if not learnt:
        return (
            "expected --diameter with a model that says how large the cells are that it has learnt (cell_diameter in "
            "config.json), got one that does not; leave it out"
        )
    least, most = config.scale * learnt / BOUNDS[1] / BEYOND, config.scale * learnt / BOUNDS[0] * BEYOND
    return (
        f"expected --diameter {least:.0f} to {most:.0f} pixels with a model that has learnt cells of {learnt:.0f}, got "
        f"{diameter:g}; scale the movie, or name another model"
    )


def at_diameter(config: ModelConfig, diameter: float, images: Sequence[NDArray[Any]]) -> ModelConfig:
    """The configuration for cells of a diameter in pixels; its sizes are in pixels then.

    The scale stays within BOUNDS, or at the model's own one beyond them. A model of all cells takes its normalisation
    from the images [H, W].
    """
    learnt = config.learnt_diameter
    assert learnt
    least, most = min(BOUNDS[0], config.scale), max(BOUNDS[1], config.scale)
    scale = float(np.clip(config.scale * learnt / diameter, least, most))
    larger = config.scale / scale
    sized = config.method.implementation().at_working_scale(config.model_copy(update={"scale": larger}))
    found: dict[str, Any] = {"scale": scale, "cell_diameter": round(learnt * larger, 1)}
    if config.working_diameter:
        kind = normalisation_for(images).model_copy(update={"noise": config.normalisation.noise})
        found |= {"normalisation": kind, "working_diameter": None}
    return sized.model_copy(update=found)


class Look(NamedTuple):
    """What a network finds at a scale."""

    score: float
    """How well it agrees with itself and with what was learnt, from 0 to 1."""
    diameter: float
    """In pixels."""


def find_diameter(model: Model, images: Sequence[NDArray[Any]], options: Options) -> Look:
    """What the network finds best in images [H, W]; what it has learnt, with score 0, if it finds nothing."""
    learnt = model.config.learnt_diameter
    assert learnt
    return max(_looks(model, learnt, images, options), default=Look(0.0, learnt))


def _looks(model: Model, learnt: float, images: Sequence[NDArray[Any]], options: Options) -> Iterator[Look]:
    """At each scale."""
    options = replace(options, views=1, device=str(model.device))
    for step in STEPS:
        config = at_diameter(model.config, learnt / step, images)
        if not math.isclose(config.scale, model.config.scale * step, rel_tol=1e-3):
            continue  # beyond the bounds
        segmenter = Segmenter(replace(model, config=config), options)
        seen = [segmenter.in_views(middle(image, round(SIDE / config.scale)), TURNED) for image in images]
        diameter = typical_diameter([whole.labels for whole, _ in seen])
        if diameter and TEXTURE <= diameter <= HALF * min(min(image.shape) for image in images):
            agreed = float(np.mean([quality(whole.labels, one.labels) for whole, views in seen for one in views]))
            off = abs(math.log(diameter * step / learnt))
            score = agreed / math.exp(max(0.0, off - math.log(HALF_STEP)))
            log.debug(
                "scale %.2f: cells of %.1f pixels, agreement %.2f, score %.2f", config.scale, diameter, agreed, score
            )
            yield Look(score, diameter)


def middle(image: NDArray[Any], side: int) -> NDArray[Any]:
    """The square of this side in the middle of an image [H, W], or as much as there is."""
    top, left = (max(0, (length - side) // 2) for length in image.shape)
    return image[top : top + side, left : left + side]
