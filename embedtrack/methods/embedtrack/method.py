"""EmbedTrack behind the contract of ``embedtrack/method.py``: one line or two for each of its functions."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from embedtrack.config import ModelConfig
from embedtrack.inference.symmetry import AVERAGED, Symmetry, do
from embedtrack.method import Shape
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cells import origins
from embedtrack.methods.embedtrack.loss import Losses, embedtrack_loss
from embedtrack.methods.embedtrack.maps import Maps, to_frame, undo_maps
from embedtrack.methods.embedtrack.movie import MoviePredictor, clustered, pixel_size
from embedtrack.methods.embedtrack.predict import (
    BYTES_PER_PIXEL,
    Predictor,
    Prepared,
    plan_tiles,
)
from embedtrack.methods.embedtrack.samples import Batch, collate, draw
from embedtrack.methods.embedtrack.start import start as start
from embedtrack.movies.scale import frame_to
from embedtrack.options import Options
from embedtrack.recipe import Recipe
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.types import Cells, Frame

CHOICES: Mapping[str, tuple[float | None, ...]] = {
    "reach": (0.5, 0.4, 0.3, 0.2, 0.15, None),
    "mask_threshold": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5),
    "seed_threshold": (0.3, 0.4, 0.5, 0.6, 0.7),
}
"""The fields of ``Clustering`` that suit the weights. A wide reach wants a low mask threshold: they go together.

They begin with what lets most be a cell: those of another movie are seen less surely than those that validate, and the
decision over a window drops what is none."""


def build(config: ModelConfig) -> nn.Module:
    """The branched ERFNet."""
    return BranchedERFNet()


def predictor(network: nn.Module, config: ModelConfig, options: Options, frames: int | None) -> MoviePredictor:
    """Tiles are planned when the first frame is there."""
    return MoviePredictor(cast(BranchedERFNet, network), config, options, frames)


def views() -> tuple[int, ...]:
    """The maps turn back with the frame."""
    return tuple(AVERAGED)


def bytes_per_pixel(config: ModelConfig) -> int:
    """The same for all."""
    return BYTES_PER_PIXEL


def history(config: ModelConfig) -> int:
    """The masks of a frame are its own."""
    return 0


def in_views(
    network: nn.Module, config: ModelConfig, frame: Frame, shape: Shape, views: Sequence[Symmetry], precision: str
) -> tuple[Cells, list[Cells]]:
    """Each view by itself; the mean of their maps is clustered too."""
    network, maps = cast(BranchedERFNet, network), []
    prepared = Prepared(network, precision, config.ranges)
    for symmetry in views:
        turned = do(frame, symmetry).copy()  # a side of one pixel may keep a negative stride otherwise
        tiles = plan_tiles((turned.shape[0], turned.shape[1]), config.tile, prepared.device, 1)
        one = undo_maps(Predictor(prepared, tiles, 1)(turned), symmetry)
        maps.append(to_frame(Maps(*(part.copy() for part in one)), shape, config.scale))
    mean = Maps(*(np.mean(parts, axis=0) for parts in zip(*maps, strict=True)))
    grey = frame_to(frame, shape, config.scale)
    whole, *single = (clustered(one, origins(one.shift, pixel_size(config)), grey, config) for one in (mean, *maps))
    return whole, single


def choices() -> Mapping[str, Sequence[Any]]:
    """Both seediness thresholds and the reach."""
    return CHOICES


def choose(config: ModelConfig, field: str, value: Any) -> ModelConfig | None:
    """A mask's threshold is never above that of its centre."""
    clustering = config.offsets.clustering.model_copy(update={field: value})
    if clustering.mask_threshold > clustering.seed_threshold:
        return None
    return config.model_copy(update={"method": config.offsets.model_copy(update={"clustering": clustering})})


def describe(config: ModelConfig) -> list[str]:
    """The thresholds of clustering."""
    clustering = config.offsets.clustering
    return [
        f"seed threshold {clustering.seed_threshold:g}, mask threshold {clustering.mask_threshold:g}, "
        f"votes > {clustering.min_votes}, least cell size {clustering.min_cell_size} pixels",
        f"reach {clustering.reach:g}" if clustering.reach else "no reach: masks are not refined",
    ]


def at_working_scale(config: ModelConfig) -> ModelConfig:
    """The least size of a cell is in pixels."""
    clustering = config.offsets.clustering
    smallest = max(1, round(clustering.min_cell_size * config.scale**2))
    clustering = clustering.model_copy(update={"min_cell_size": smallest})
    method = config.offsets.model_copy(update={"clustering": clustering})
    return config.model_copy(update={"method": method, "scale": 1.0})


def batch(
    movies: Sequence[AnnotatedMovie], recipe: Recipe, crop: int, generators: Sequence[np.random.Generator]
) -> Batch:
    """Pairs of crops."""
    sampling = recipe.sampling.model_copy(update={"crop": crop})
    return collate([draw(movies, sampling, recipe.augmentation, rng) for rng in generators], recipe.pixel_size)


def loss(network: nn.Module, batch: Batch, recipe: Recipe, precision: torch.dtype) -> Losses:
    """The network in ``precision``, the loss always in single precision."""
    with torch.autocast(batch.now.device.type, precision, enabled=precision != torch.float32):
        now, before = network(batch.now, batch.before)
    cells = (batch.cells_now, batch.cells_before, batch.links)
    return embedtrack_loss(now, before, *cells, recipe.pixel_size, recipe.variance_weight, recipe.tracking_weight)
