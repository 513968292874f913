"""Where a training begins: a network without knowledge, whose cells have the size of those in the images."""

from collections.abc import Sequence

import torch

from embedtrack.config import ModelConfig
from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.recipe import Recipe
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.sizes import sizes_of

RAW = 1.0
"""The published begin of a bandwidth without bounds: with its grid a radius of 5.7 pixels."""


def build(settings: EmbedSegConfig, dropout: float = 0.0) -> BranchedERFNet:
    """The network without tracking decoder."""
    return BranchedERFNet(dropout, tracking=False, bounded=settings.bandwidth == "bounded")


def start(training: Sequence[AnnotatedMovie], recipe: Recipe) -> tuple[BranchedERFNet, ModelConfig]:
    """The untrained network and its configuration, as far as they follow from the training masks."""
    settings = recipe.method
    assert isinstance(settings, EmbedSegConfig)
    sizes = sizes_of(training)
    torch.manual_seed(recipe.seed)
    network = build(settings, recipe.dropout)
    clustering = settings.clustering
    if settings.bandwidth == "raw":
        network.start_with(RAW)
    else:
        network.start_at(sizes.radius, recipe.pixel_size)
    if settings.calibrated:
        clustering = Clustering(min_cell_size=sizes.smallest, mask_threshold=0.2, reach=0.3)
    return network, ModelConfig(
        method=settings.model_copy(update={"pixel_size": recipe.pixel_size, "clustering": clustering}),
        scale=training[0].scale, normalisation=recipe.normalisation, working_diameter=recipe.working_diameter,
        cell_diameter=None if recipe.working_diameter else round(sizes.diameter, 1),
    )  # fmt: skip
