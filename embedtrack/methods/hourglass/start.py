"""Where a training begins: a network without knowledge, and what of its configuration follows from the movies."""

from collections.abc import Sequence

import torch

from embedtrack.config import Costs, ModelConfig
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.methods.hourglass.network import RecurrentHourglasses
from embedtrack.recipe import Recipe
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.sizes import sizes_of

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
    sizes = sizes_of(training)
    torch.manual_seed(recipe.seed)
    clustering = settings.clustering.model_copy(
        update={
            "min_cell_size": sizes.smallest,
            "place": round(PLACE / sizes.diameter, 6),
        }
    )
    costs = Costs(division={**Costs().division, "short": SHORT})
    return build(settings), ModelConfig(
        method=settings.model_copy(update={"clustering": clustering}), costs=costs,
        scale=training[0].scale, normalisation=recipe.normalisation, cell_diameter=round(sizes.diameter, 1),
    )  # fmt: skip
