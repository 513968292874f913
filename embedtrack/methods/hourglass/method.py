"""The recurrent hourglass behind the contract of ``embedtrack/method.py``: one line or two for each function."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from embedtrack.config import ModelConfig
from embedtrack.inference.symmetry import Symmetry, do, undo
from embedtrack.method import Shape
from embedtrack.methods.hourglass import start as begin
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.methods.hourglass.loss import Losses, cosine_loss
from embedtrack.methods.hourglass.network import RecurrentHourglasses
from embedtrack.methods.hourglass.pairs import Predictor, need_of, settings_of
from embedtrack.methods.hourglass.start import start as start
from embedtrack.methods.hourglass.windows import Windows, collate, draw
from embedtrack.options import Options
from embedtrack.recipe import Recipe
from embedtrack.tracks.cells import at_rest
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.types import Cells, Frame

CHOICES: Mapping[str, tuple[float, ...]] = {
    "bandwidth": (0.025, 0.05, 0.1, 0.15, 0.2, 0.3),
    "background": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
}
"""The fields of ``Clustering`` that suit the weights."""


def build(config: ModelConfig) -> nn.Module:
    """The two recurrent hourglasses."""
    return begin.build(settings_of(config))


def views() -> tuple[int, ...]:
    """One: each view has embeddings of its own, whose mean says nothing."""
    return (1,)


def bytes_per_pixel(config: ModelConfig) -> int:
    """Of a whole window."""
    return need_of(settings_of(config))


def history(config: ModelConfig) -> int:
    """A window's."""
    return settings_of(config).length - 1


def predictor(network: nn.Module, config: ModelConfig, options: Options, frames: int | None) -> Predictor:
    """A window that begins empty."""
    if options.tile:
        config = config.model_copy(update={"tile": options.tile})
    return Predictor(cast(RecurrentHourglasses, network), config, options.precision or config.precision)


def in_views(
    network: nn.Module, config: ModelConfig, frame: Frame, shape: Shape, views: Sequence[Symmetry], precision: str
) -> tuple[Cells, list[Cells]]:
    """Each view by itself; as there is no mean of embeddings, the frame as it is stands for all."""
    network, found = cast(RecurrentHourglasses, network), []
    for symmetry in views:
        turned = np.ascontiguousarray(do(frame, symmetry))
        size = (shape[1], shape[0]) if symmetry.swaps else shape
        cells = Predictor(network, config, precision).launch(turned, size).cells()
        labels = np.ascontiguousarray(undo(cells.labels, symmetry))
        found.append(cells._replace(labels=labels, origin=at_rest(labels.shape)))
    return found[0], found


def choices() -> Mapping[str, Sequence[Any]]:
    """The bandwidth of mean shift and the background's threshold."""
    return CHOICES


def choose(config: ModelConfig, field: str, value: Any) -> ModelConfig | None:
    """Any of them goes with any other."""
    return _with(config, {field: value})


def describe(config: ModelConfig) -> list[str]:
    """Size, window and clustering."""
    settings = settings_of(config)
    clustering = settings.clustering
    above = f" from level {settings.recurrent_from}, 0 is the finest, on" if settings.recurrent_from else ""
    return [
        f"{settings.channels} channels, {settings.levels} levels, ConvGRUs{above or ' at all levels'}, "
        f"{settings.dimensions} dimensions, windows of {settings.length} frames",
        f"bandwidth {clustering.bandwidth:g}, a pixel counts {clustering.place:g}, background from "
        f"{clustering.background:g} on, least cell size {clustering.min_cell_size} pixels",
    ]


def at_working_scale(config: ModelConfig) -> ModelConfig:
    """The least size of a cell and what a pixel counts are of the frame's pixels."""
    clustering = settings_of(config).clustering
    smallest = max(1, round(clustering.min_cell_size * config.scale**2))
    changed = _with(config, {"min_cell_size": smallest, "place": clustering.place / config.scale})
    return changed.model_copy(update={"scale": 1.0})


def batch(
    movies: Sequence[AnnotatedMovie], recipe: Recipe, crop: int, generators: Sequence[np.random.Generator]
) -> Windows:
    """Windows of consecutive frames."""
    settings = recipe.method
    assert isinstance(settings, HourglassConfig)
    sampling = recipe.sampling.model_copy(update={"crop": crop})
    return collate([draw(movies, sampling, recipe.augmentation, settings.length, rng) for rng in generators])


def loss(network: nn.Module, batch: Windows, recipe: Recipe, precision: torch.dtype) -> Losses:
    """The network in ``precision``, its states and the loss always in single precision."""
    settings = recipe.method
    assert isinstance(settings, HourglassConfig)
    with torch.autocast(batch.frames.device.type, precision, enabled=precision != torch.float32):
        embeddings, _ = network(batch.frames)
    return cosine_loss(embeddings, batch, squared=settings.squared)


def _with(config: ModelConfig, changes: Mapping[str, object]) -> ModelConfig:
    """The configuration with other fields of ``Clustering``."""
    settings = settings_of(config)
    clustering = settings.clustering.model_copy(update=dict(changes))
    return config.model_copy(update={"method": settings.model_copy(update={"clustering": clustering})})
