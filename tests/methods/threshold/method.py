"""The toy method behind the contract of ``embedtrack/method.py``."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.ndimage import label
from torch import nn

from embedtrack.config import ModelConfig
from embedtrack.inference.symmetry import Symmetry
from embedtrack.method import Shape, State
from embedtrack.options import Options
from embedtrack.recipe import Recipe
from embedtrack.tracks.cells import at_rest
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.types import Cells, Frame


class Nothing(nn.Module):
    """A network that has learnt nothing, but is somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1))


def views() -> tuple[int, ...]:
    """One."""
    return (1,)


def bytes_per_pixel(config: ModelConfig) -> int:
    """Hardly any."""
    return 16


def history(config: ModelConfig) -> int:
    """The masks of a frame are its own."""
    return 0


def build(config: ModelConfig) -> nn.Module:
    """No layers."""
    return Nothing()


class Seen(NamedTuple):
    """A frame that waits to be thresholded."""

    frame: Frame
    config: ModelConfig

    def cells(self, config: ModelConfig | None = None) -> Cells:
        """Components of enough pixels."""
        return cells_of(self.frame, config or self.config)

    def state(self) -> State:
        """It remembers nothing."""
        return {}


class Thresholder:
    """A predictor without memory."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config

    def side_by_side(self, size: Shape) -> int:
        """Each frame is by itself."""
        return torch.get_num_threads()

    def launch(self, frame: Frame, shape: Shape, *, later: bool = False) -> Seen:
        """Works at the frame's own scale only."""
        return Seen(frame, self._config)

    def restore(self, state: State) -> None:
        """There is nothing to restore."""

    def used(self) -> Mapping[str, Any]:
        """Nothing to tell."""
        return {}


def predictor(network: nn.Module, config: ModelConfig, options: Options, frames: int | None) -> Thresholder:
    """The same for every movie."""
    return Thresholder(config)


def in_views(
    network: nn.Module, config: ModelConfig, frame: Frame, shape: Shape, views: Sequence[Symmetry], precision: str
) -> tuple[Cells, list[Cells]]:
    """A threshold sees the same however a frame is turned."""
    cells = cells_of(frame, config)
    return cells, [cells for _ in views]


def cells_of(frame: Frame, config: ModelConfig) -> Cells:
    """Each cell votes for where it is now."""
    labels = label(frame > config.method.threshold)[0].astype(np.int32)
    small = np.bincount(labels.ravel()) < config.method.min_cell_size
    labels[small[labels]] = 0
    kept = np.unique(labels[labels > 0])
    labels = (np.searchsorted(kept, labels) + 1).astype(np.int32) * (labels > 0)
    sure = np.ones(len(kept) + 1, np.float32)
    return Cells(labels, at_rest(labels.shape), sure, sure)


def choices() -> Mapping[str, Sequence[Any]]:
    """Nothing to calibrate."""
    return {}


def choose(config: ModelConfig, field: str, value: Any) -> ModelConfig | None:
    """See ``choices``."""
    return None


def describe(config: ModelConfig) -> list[str]:
    """For the description of a submission."""
    return [f"threshold {config.method.threshold:g}"]


def at_working_scale(config: ModelConfig) -> ModelConfig:
    """It is there."""
    return config


def start(training: Sequence[AnnotatedMovie], recipe: Recipe) -> tuple[nn.Module, ModelConfig]:
    """Nothing follows from the movies."""
    return Nothing(), ModelConfig(method=recipe.method)


def batch(
    movies: Sequence[AnnotatedMovie], recipe: Recipe, crop: int, generators: Sequence[np.random.Generator]
) -> Any:
    """It is not trained."""
    raise ValueError("expected a method that learns, got threshold")


def loss(network: nn.Module, batch: Any, recipe: Recipe, precision: torch.dtype) -> Any:
    """It is not trained."""
    raise ValueError("expected a method that learns, got threshold")
