"""Where a training begins: a network without knowledge, and what of its configuration follows from the movies."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from embedtrack.config import Costs, ModelConfig, Recipe
from embedtrack.methods.embedtrack.start import outlined_sizes
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.methods.hourglass.network import RecurrentHourglasses
from embedtrack.truth.annotated import AnnotatedMovie

PLACE = 0.005 * 51
"""What a cell's diameter of distance counts: the paper's c for its cells of 51 pixels."""

SHORT = -10.0
"""Log-odds of a division whose daughters do not last. Mean shift at times cuts a cell in two for some frames; Payer et
al. undo splits that close again within ten frames, ours hardly take them for divisions."""


def build(settings: HourglassConfig) -> RecurrentHourglasses:
    """The network, with random weights."""
    return RecurrentHourglasses(settings.channels, settings.levels, settings.dimensions, settings.recurrent_from)


def start(training: Sequence[AnnotatedMovie], recipe: Recipe) -> tuple[RecurrentHourglasses, ModelConfig]:
    """The untrained network and its configuration."""
    settings = recipe.method
    assert isinstance(settings, HourglassConfig)
    sizes, scale = outlined_sizes(training), training[0].scale
    torch.manual_seed(recipe.seed)
    diameter = 2 * math.sqrt(float(np.median(sizes)) / math.pi) / scale
    clustering = settings.clustering.model_copy(
        update={
            "min_cell_size": max(1, int(np.percentile(sizes, 1) / 2 / scale**2)),
            "place": round(PLACE / diameter, 6),
        }
    )
    costs = Costs(division={**Costs().division, "short": SHORT})
    return build(settings), ModelConfig(
        method=settings.model_copy(update={"clustering": clustering}), costs=costs,
        scale=scale, normalisation=recipe.normalisation, cell_diameter=round(diameter, 1),
    )  # fmt: skip
