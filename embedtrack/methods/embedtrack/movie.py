"""A movie by EmbedTrack: the network over its frames, and the clustering of what it says."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedtrack.config import ModelConfig
from embedtrack.inference.budget import CELLS, MAPS
from embedtrack.inference.symmetry import AVERAGED
from embedtrack.inference.tiles import Tile, plan
from embedtrack.machine.workers import room_for
from embedtrack.method import Shape, State
from embedtrack.methods.embedtrack.accelerate import worth_a_graph
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cells import cells_of, origins
from embedtrack.methods.embedtrack.features import Features
from embedtrack.methods.embedtrack.maps import Maps, to_frame
from embedtrack.methods.embedtrack.pending import Later, Pending
from embedtrack.methods.embedtrack.predict import (
    BYTES_PER_PIXEL,
    OVERLAP,
    TOGETHER,
    Predictor,
    Prepared,
    plan_tiles,
)
from embedtrack.movies.scale import frame_to
from embedtrack.options import Options
from embedtrack.types import Cells, Frame, Origin


class PendingCells:
    """The maps of a frame, on their way."""

    def __init__(
        self, frame: Frame, pending: Pending | Later, shape: Shape, config: ModelConfig, features: Features
    ) -> None:
        self._frame, self._pending, self._shape, self._config, self._features = frame, pending, shape, config, features
        self._kept: tuple[Maps[Frame], Origin] | None = None

    def _seen(self) -> tuple[Maps[Frame], Origin]:
        """The maps at the size of the frame, those of the tracking offset as origins, which need half the memory.

        They are kept, but not by ``cached_property``: before Python 3.12 it lets no two frames be looked at at a time.
        """
        if self._kept is None:
            maps = to_frame(self._pending.fetch(), self._shape, self._config.scale)
            del self._pending  # nothing else holds its maps
            origin = origins(maps.shift, pixel_size(self._config))
            self._kept = maps._replace(shift=np.zeros((2, 0, 0), np.float32)), origin
        return self._kept

    def cells(self, config: ModelConfig | None = None) -> Cells:
        """See ``embedtrack/method.py``."""
        maps, origin = self._seen()
        return clustered(maps, origin, frame_to(self._frame, self._shape, self._config.scale), config or self._config)

    @property
    def state(self) -> Callable[[], State]:
        """Gives the features of each tile, float32[1, 128, h/8, w/8], of bfloat16 the bits as int16."""
        return partial(_kept, self._features)  # whoever keeps it keeps no maps


class MoviePredictor:
    """The network over a movie, and the clustering of what it says."""

    def __init__(self, network: BranchedERFNet, config: ModelConfig, options: Options, frames: int | None) -> None:
        self._network, self._config, self._options = network, config, options
        self._device = next(network.parameters()).device
        self._views = options.views or max(AVERAGED)
        self._graphed = worth_a_graph(options.compiling, self._device, frames)
        self._predictor: Predictor | None = None
        self._size = (0, 0)
        self._restored: dict[int, Tensor] = {}

    def side_by_side(self, size: Shape) -> int:
        """See ``embedtrack/method.py``."""
        tile = self._tiles(size)[0]
        need = BYTES_PER_PIXEL * tile.height * tile.width + (MAPS + CELLS) * size[0] * size[1]
        return room_for(need, self._device)

    def launch(self, frame: Frame, shape: Shape, *, later: bool = False) -> PendingCells:
        """See ``embedtrack/method.py``."""
        if self._predictor is None or self._size != frame.shape:
            self._predictor, self._size = self._begun((frame.shape[0], frame.shape[1])), frame.shape[:2]
        later = later and self._predictor.begun
        pending = self._predictor.later(frame) if later else self._predictor.launch(frame)
        return PendingCells(frame, pending, shape, self._config, self._predictor.before)

    def _begun(self, size: tuple[int, int]) -> Predictor:
        """The network on the tiles of frames of this size."""
        tiles = self._tiles(size)
        together = 0 if self._options.memory else TOGETHER
        predictor = Predictor(self._prepared, tiles, self._views, graphed=self._graphed, together=together)
        if all(_fits(self._restored.get(number), tile) for number, tile in enumerate(tiles)):
            predictor.before = Features.restored({number: self._restored[number] for number in range(len(tiles))})
        return predictor

    def _tiles(self, size: Shape) -> list[Tile]:
        tile = self._options.tile
        return plan(size, tile, OVERLAP) if tile else plan_tiles(size, self._config.tile, self._device, self._views)

    @cached_property
    def _prepared(self) -> Prepared:
        precision = self._options.precision or self._config.precision
        return Prepared(self._network, precision, self._config.ranges)

    def forget(self) -> None:
        """See ``embedtrack/method.py``."""
        self._restored = {}
        if self._predictor is not None:
            self._predictor.before = Features()

    def restore(self, state: State) -> None:
        """See ``embedtrack/method.py``."""
        self._restored = {
            int(name.removeprefix("features")): _to_tensor(value, self._device)
            for name, value in state.items()
            if name.startswith("features")
        }

    def used(self) -> Mapping[str, Any]:
        """How many tiles and their sides (height, width), as short memory has left them; in working pixels."""
        tiles = self._predictor.tiles if self._predictor else []
        return {"tiles": len(tiles), "tile": [tiles[0].height, tiles[0].width]} if tiles else {}


def clustered(maps: Maps[Frame], origin: Origin, grey: Frame, config: ModelConfig) -> Cells:
    """From maps, origins and grey values at the frame's own scale."""
    return cells_of(maps, origin, grey, config.offsets.clustering, pixel_size(config))


def pixel_size(config: ModelConfig) -> float:
    """Width of a pixel of the frame in grid units."""
    return config.offsets.pixel_size * config.scale


def _fits(features: Tensor | None, tile: Tile) -> bool:
    """Whether features are those of such a tile: short memory may have halved the tiles of the run that kept them."""
    return features is not None and tuple(features.shape[2:]) == (tile.height // 8, tile.width // 8)


def _kept(features: Features) -> State:
    return {f"features{number}": _to_numpy(value) for number, value in features.all().items()}


def _to_numpy(features: Tensor) -> NDArray[Any]:
    kept = features.detach().cpu()
    return kept.view(torch.int16).numpy() if kept.dtype == torch.bfloat16 else kept.numpy()


def _to_tensor(kept: NDArray[Any], device: torch.device) -> Tensor:
    features = torch.from_numpy(kept.copy())
    features = features.view(torch.bfloat16) if features.dtype == torch.int16 else features
    return features.to(device, memory_format=torch.channels_last)
