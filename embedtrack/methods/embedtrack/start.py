"""Where a training begins: a network without knowledge, whose cells have the size of those in the movies."""

from collections.abc import Sequence

import torch

from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.recipe import Recipe
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.sizes import sizes_of


def start(training: Sequence[AnnotatedMovie], recipe: Recipe) -> tuple[BranchedERFNet, ModelConfig]:
    """The untrained network and its configuration, as far as they follow from the training masks."""
    sizes = sizes_of(training)
    torch.manual_seed(recipe.seed)
    network = BranchedERFNet(recipe.dropout)
    network.start_at(sizes.radius, recipe.pixel_size)
    clustering = Clustering(min_cell_size=sizes.smallest, mask_threshold=0.2, reach=0.3)  # until they are calibrated
    return network, ModelConfig(
        method=EmbedTrackConfig(pixel_size=recipe.pixel_size, clustering=clustering),
        scale=training[0].scale, normalisation=recipe.normalisation, working_diameter=recipe.working_diameter,
        cell_diameter=None if recipe.working_diameter else round(sizes.diameter, 1),
    )  # fmt: skip
