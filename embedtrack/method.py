"""The contract of a method: all that the rest of the package knows of how cells are found.

A method is a folder in ``methods/``. Its configuration is a member of the union ``config.MethodConfig`` and names the
module that holds the functions below: there is no registry and no base class.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embedtrack.options import Options
from embedtrack.types import Cells, Frame

if TYPE_CHECKING:
    import torch
    from torch import nn

    from embedtrack.config import ModelConfig
    from embedtrack.inference.symmetry import Symmetry
    from embedtrack.recipe import Recipe
    from embedtrack.truth.annotated import AnnotatedMovie

Shape = tuple[int, int]
"""(H, W) in pixels."""
State = Mapping[str, NDArray[Any]]
"""What a predictor knows of the frames before, as arrays that can be kept in a file."""


class Pending(Protocol):
    """A frame that the network has taken; a GPU may still be at work on it."""

    def cells(self, config: "ModelConfig | None" = None) -> Cells:
        """Wait for the network, then find the cells; another configuration finds them by other thresholds."""

    def state(self) -> State:
        """What the predictor knew after this frame."""


class Predictor(Protocol):
    """Feed it the frames of one movie in order."""

    def side_by_side(self, size: Shape) -> int:
        """At how many frames [h, w] at a time the threads of a processor can be at work; 1: at one after the other."""

    def launch(self, frame: Frame, shape: Shape, *, later: bool = False) -> Pending:
        """Let the network see the next frame.

        Args:
            frame: float32[h, w], normalised, at the working scale.
            shape: (H, W) of the frame as it was recorded, in whose pixels the cells are wanted.
            later: the network may see it when its cells are asked for, in any thread; frames are asked for in order,
                each before the one before it has to be ready. It is for a method that can look at frames side by side.

        Raises:
            MemoryError: the device has too little memory for the smallest tiles.
        """

    def restore(self, state: State) -> None:
        """Go on after the frame whose ``state`` this is."""

    def forget(self) -> None:
        """Take the next frame for the first one, which may have another size."""

    def used(self) -> Mapping[str, Any]:
        """How it looks at the frames, for the record of a result, e.g. in how many tiles; as JSON has it."""


class Batch(Protocol):
    """What a step of the training is taught with."""

    def to(self, device: "torch.device | str") -> Any:
        """The same on another device."""


class Losses(Protocol):
    """The parts of a loss, scalars, in the order in which they are reported; ``total`` is their weighted sum."""

    @property
    def total(self) -> "torch.Tensor":
        """What is minimised."""

    def _asdict(self) -> dict[str, "torch.Tensor"]: ...


class Method(Protocol):
    """The functions of a method's module."""

    def build(self, config: "ModelConfig") -> "nn.Module":
        """The network of a configuration, with weights of no meaning."""

    def predictor(self, network: "nn.Module", config: "ModelConfig", options: Options, frames: int | None) -> Predictor:
        """A predictor for a movie of so many frames (None: nobody knows yet), on the network's device."""

    def views(self) -> tuple[int, ...]:
        """Over how many views, of 1, 2, 4 and 8, the network's maps may be averaged, the fewest first."""

    def bytes_per_pixel(self, config: "ModelConfig") -> int:
        """What the network needs at its peak for each pixel of a tile, on a processor."""

    def history(self, config: "ModelConfig") -> int:
        """How many frames before one the network needs to see that one as it does in a movie; 0: it stands alone."""

    def in_views(
        self,
        network: "nn.Module",
        config: "ModelConfig",
        frame: Frame,
        shape: Shape,
        views: "Sequence[Symmetry]",
        precision: str,
    ) -> tuple[Cells, list[Cells]]:
        """The cells of a single frame by the mean of some views, and by each view, all turned back."""

    def choices(self) -> Mapping[str, Sequence[Any]]:
        """The settings that suit the weights, to be chosen by validation frames: field -> values.

        Of values that are equally good the first is taken.
        """

    def choose(self, config: "ModelConfig", field: str, value: Any) -> "ModelConfig | None":
        """A configuration with one of the ``choices`` made; None where it does not go with the others."""

    def describe(self, config: "ModelConfig") -> list[str]:
        """The method's own settings for people, a line or two."""

    def at_working_scale(self, config: "ModelConfig") -> "ModelConfig":
        """The configuration for frames that are at the working scale already: a scale of 1, and sizes to match."""

    def start(self, training: "Sequence[AnnotatedMovie]", recipe: "Recipe") -> "tuple[nn.Module, ModelConfig]":
        """The untrained network and its configuration, as far as they follow from the annotated movies."""

    def batch(
        self, movies: "Sequence[AnnotatedMovie]", recipe: "Recipe", crop: int, generators: Sequence[np.random.Generator]
    ) -> Batch:
        """Draw one sample with each generator, in crops of this side, and put the targets of all together."""

    def loss(self, network: "nn.Module", batch: Any, recipe: "Recipe", precision: "torch.dtype") -> Losses:
        """The loss of a batch that is on the network's device; the network runs in this precision."""
