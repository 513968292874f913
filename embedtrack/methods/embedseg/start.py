"""Where a training begins: a network without knowledge, whose cells have the size of those in the images."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from embedtrack.config import ModelConfig, Recipe
from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.start import outlined_sizes
from embedtrack.truth.annotated import AnnotatedMovie

RAW = 1.0
"""The published begin of a bandwidth without bounds: with its grid a radius of 5.7 pixels."""


def build(settings: EmbedSegConfig, dropout: float = 0.0) -> BranchedERFNet:
    """The network without tracking decoder."""
    return BranchedERFNet(dropout, tracking=False, bounded=settings.bandwidth == "bounded")


def start(training: Sequence[AnnotatedMovie], recipe: Recipe) -> tuple[BranchedERFNet, ModelConfig]:
    """The untrained network and its configuration, as far as they follow from the training masks."""
    settings = recipe.method
    assert isinstance(settings, EmbedSegConfig)
    sizes = outlined_sizes(training)
    torch.manual_seed(recipe.seed)
    network = build(settings, recipe.dropout)
    radius, scale = math.sqrt(float(np.median(sizes)) / math.pi), training[0].scale
    clustering = settings.clustering
    if settings.bandwidth == "raw":
        network.start_with(RAW)
    else:
        network.start_at(radius, recipe.pixel_size)
    if settings.calibrated:
        smallest = max(1, int(np.percentile(sizes, 1) / 2 / scale**2))
        clustering = Clustering(min_cell_size=smallest, mask_threshold=0.2, reach=0.3)
    return network, ModelConfig(
        method=settings.model_copy(update={"pixel_size": recipe.pixel_size, "clustering": clustering}),
        scale=scale, normalisation=recipe.normalisation, working_diameter=recipe.working_diameter,
        cell_diameter=None if recipe.working_diameter else round(2 * radius / scale, 1),
    )  # fmt: skip
