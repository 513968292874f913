"""EmbedSeg behind the contract of ``embedtrack/method.py``: what it does as EmbedTrack does is EmbedTrack's.

Without tracking decoder the tracking offset is zero: in a movie a cell is the one that it overlaps most.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from embedtrack.config import ModelConfig
from embedtrack.methods.embedseg import start as begin
from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedseg.loss import Losses, embedseg_loss
from embedtrack.methods.embedseg.samples import Batch, collate, draw
from embedtrack.methods.embedseg.start import start
from embedtrack.methods.embedtrack import method as embedtrack
from embedtrack.methods.embedtrack.method import (
    at_working_scale,
    bytes_per_pixel,
    choices,
    describe,
    history,
    in_views,
    predictor,
    views,
)
from embedtrack.recipe import Recipe
from embedtrack.truth.annotated import AnnotatedMovie

__all__ = [
    "at_working_scale",
    "batch",
    "build",
    "bytes_per_pixel",
    "choices",
    "choose",
    "describe",
    "history",
    "in_views",
    "loss",
    "predictor",
    "start",
    "views",
]


def build(config: ModelConfig) -> nn.Module:
    """The branched ERFNet without tracking decoder."""
    assert isinstance(config.method, EmbedSegConfig)
    return begin.build(config.method)


def choose(config: ModelConfig, field: str, value: float | None) -> ModelConfig | None:
    """As EmbedTrack, unless the thresholds are to stay as they are."""
    assert isinstance(config.method, EmbedSegConfig)
    return embedtrack.choose(config, field, value) if config.method.calibrated else None


def batch(
    movies: Sequence[AnnotatedMovie], recipe: Recipe, crop: int, generators: Sequence[np.random.Generator]
) -> Batch:
    """Crops of single frames."""
    assert isinstance(recipe.method, EmbedSegConfig)
    sampling, crops = recipe.sampling.model_copy(update={"crop": crop}), recipe.method.crops
    return collate([draw(movies, sampling, crops, recipe.augmentation, rng) for rng in generators], recipe.pixel_size)


def loss(network: nn.Module, batch: Batch, recipe: Recipe, precision: torch.dtype) -> Losses:
    """The network in ``precision``, the loss always in single precision."""
    assert isinstance(recipe.method, EmbedSegConfig)
    with torch.autocast(batch.frames.device.type, precision, enabled=precision != torch.float32):
        maps, _ = network(batch.frames, batch.frames[:0])
    return embedseg_loss(maps, batch.cells, recipe.method, recipe.pixel_size, recipe.variance_weight)
