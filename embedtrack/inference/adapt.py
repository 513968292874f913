"""A model of all cells is brought to a movie: its kind gives the normalisation, its cells' diameter the scale.

Where nobody says the diameter, the network looks at a frame at several scales. At the right one it finds cells of the
size that it has learnt, and the same ones in both of two views.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.aogm import quality
from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.symmetry import TURNED
from embedtrack.model import Model
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.scale import scale_to, typical_diameter
from embedtrack.options import Options

log = logging.getLogger(__name__)

STEPS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""The scales that are looked at."""
FRAMES, SIDE = 2, 384
"""So many frames are looked at, of each a square of this side in working pixels at the middle."""


def adapt(model: Model, images: Sequence[Any], options: Options) -> Model:
    """The model for this movie: as it is, unless it is one of all cells.

    Args:
        model: on the device where it runs.
        images: the movie's frames [H, W], of which a few are read.
        options: with the diameter, where a person says it.

    Raises:
        ValueError: a diameter is given to a model that has a scale of its own.
    """
    working = model.config.working_diameter
    if working is None:
        if options.diameter is not None:
            raise ValueError(
                "expected --diameter with a model of all cells alone, got it with one that has learnt cells of "
                f"{model.config.cell_diameter or 0:.0f} pixels; leave it out"
            )
        return model
    chosen = sorted({round(i) for i in np.linspace(0, len(images) - 1, FRAMES + 2)[1:-1]})
    some = [np.asarray(images[index]) for index in chosen]
    diameter = options.diameter or find_diameter(model, some, options)
    config = at_diameter(model.config, diameter, some)
    log.info(
        "cells of %.0f pixels%s, scale %.2f, %s", config.cell_diameter, "" if options.diameter else ", found by itself",
        config.scale, config.normalisation.method,
    )  # fmt: skip
    return replace(model, config=config)


def at_diameter(config: ModelConfig, diameter: float, images: Sequence[NDArray[Any]]) -> ModelConfig:
    """The configuration of a model of all cells for cells of a diameter in pixels; its sizes are in pixels then."""
    assert config.working_diameter
    scale = scale_to(config.working_diameter, diameter)
    sized = config.method.implementation().at_working_scale(config.model_copy(update={"scale": 1 / scale}))
    found = {
        "scale": scale,
        "normalisation": normalisation_for(images),
        "cell_diameter": round(config.working_diameter / scale, 1),
        "working_diameter": None,
    }
    return sized.model_copy(update=found)


def find_diameter(model: Model, images: Sequence[NDArray[Any]], options: Options) -> float:
    """The cells' diameter in pixels by what the network finds; the working diameter where it finds nothing."""
    assert model.config.working_diameter
    best, found = 0.0, model.config.working_diameter
    for scale in STEPS:
        config = at_diameter(model.config, model.config.working_diameter / scale, images)
        segmenter = Segmenter(replace(model, config=config), replace(options, views=1))
        seen = [segmenter.in_views(middle(image, round(SIDE / scale)), TURNED) for image in images]
        diameter = typical_diameter([whole.labels for whole, _ in seen])
        if diameter:
            agreed = float(np.mean([quality(whole.labels, one.labels) for whole, views in seen for one in views]))
            score = agreed / math.exp(abs(math.log(diameter * scale / model.config.working_diameter)))
            log.debug("scale %.2f: cells of %.1f pixels, agreement %.2f, score %.2f", scale, diameter, agreed, score)
            if score > best:
                best, found = score, diameter
    return found


def middle(image: NDArray[Any], side: int) -> NDArray[Any]:
    """The square of this side in the middle of an image [H, W], or as much as there is."""
    top, left = (max(0, (length - side) // 2) for length in image.shape)
    return image[top : top + side, left : left + side]
