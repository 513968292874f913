"""Where a training begins: a network without knowledge, whose cells have the size of those in the movies."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from embedtrack.config import ModelConfig, Recipe
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.truth.annotated import AnnotatedMovie


def start(training: Sequence[AnnotatedMovie], recipe: Recipe) -> tuple[BranchedERFNet, ModelConfig]:
    """The untrained network and its configuration, as far as they follow from the training masks."""
    sizes = outlined_sizes(training)
    torch.manual_seed(recipe.seed)
    network = BranchedERFNet(recipe.dropout)
    radius, scale = math.sqrt(float(np.median(sizes)) / math.pi), training[0].scale
    network.start_at(radius, recipe.pixel_size)
    smallest = max(1, int(np.percentile(sizes, 1) / 2 / scale**2))
    clustering = Clustering(min_cell_size=smallest, mask_threshold=0.2, reach=0.3)  # until they are calibrated
    return network, ModelConfig(
        method=EmbedTrackConfig(pixel_size=recipe.pixel_size, clustering=clustering),
        scale=scale, normalisation=recipe.normalisation, working_diameter=recipe.working_diameter,
        cell_diameter=None if recipe.working_diameter else round(2 * radius / scale, 1),
    )  # fmt: skip


def outlined_sizes(training: Sequence[AnnotatedMovie]) -> list[int]:
    """The sizes in working pixels of all cells whose outline is known."""
    return [
        size
        for movie in training
        for cells, partial in zip(movie.sizes, movie.partial, strict=True)
        for label, size in cells.items()
        if label not in partial
    ]
