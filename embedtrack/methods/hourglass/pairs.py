"""The network over a movie: each frame is seen at the end of a window, and gives the embeddings of its pair."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack.config import ModelConfig
from embedtrack.inference.tiles import Tile, crop, largest_side, plan
from embedtrack.machine import device as devices
from embedtrack.machine.pipeline import breathe
from embedtrack.machine.workers import room_for
from embedtrack.method import Shape, State
from embedtrack.methods.hourglass.cells import cells_of
from embedtrack.methods.hourglass.cluster import Points, cluster
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.methods.hourglass.mosaic import Piece, merge
from embedtrack.methods.hourglass.network import RecurrentHourglasses, unit
from embedtrack.movies.scale import frame_to
from embedtrack.types import Cells, Frame, Labels

OVERLAP = 128
"""What neighbouring tiles share, in working pixels."""
BYTES = 64
"""What the network needs at its peak for each pixel, channel and frame of a window."""


class View(NamedTuple):
    """The embeddings of a tile."""

    tile: Tile
    embeddings: Points
    """float32[F, d, h, w] of the last F = 1 or 2 frames, of length 1, at the working scale; not beyond the frame."""


class Pending:
    """A frame at the end of its window; the network runs when its cells are asked for."""

    def __init__(
        self,
        network: RecurrentHourglasses,
        config: ModelConfig,
        window: tuple[Frame, ...],
        shape: Shape,
        tiles: list[Tile],
        precision: str,
    ) -> None:
        self._network, self._config, self._window = network, config, window
        self._shape, self._tiles, self._precision = shape, tiles, precision
        self._kept: list[View] | None = None

    def _views(self) -> list[View]:
        """Made once; not a ``cached_property``, which before Python 3.12 lets no two frames be looked at at a time."""
        if self._kept is None:
            self._kept = embed(self._network, self._window, self._tiles, self._precision)
        return self._kept

    def cells(self, config: ModelConfig | None = None) -> Cells:
        """See ``embedtrack/method.py``."""
        config = config or self._config
        clustering = settings_of(config).clustering
        pieces = [_piece(view, config, self._shape, self._window[-1].shape) for view in self._views()]
        pair, sure = merge(pieces, self._shape)
        grey = frame_to(self._window[-1], self._shape, config.scale)
        return cells_of(pair, sure, grey, clustering.min_cell_size)

    def state(self) -> State:
        """The frames of the window, float32[T, h, w]: all that the next one needs."""
        return {"window": np.stack(self._window)}


class Predictor:
    """Keeps the last frames: states begin at zero with every window, as in training, so that none is kept."""

    def __init__(self, network: RecurrentHourglasses, config: ModelConfig, precision: str) -> None:
        self._network, self._config = network, config
        self._device = next(network.parameters()).device
        self._precision = devices.fast_precision(self._device) if precision == "auto" else precision
        self._window: tuple[Frame, ...] = ()
        self._tiles: list[Tile] = []

    def side_by_side(self, size: Shape) -> int:
        """See ``embedtrack/method.py``: each frame sees its whole window anew."""
        tile = plan_tiles(size, self._config, self._network.multiple, self._device)[0]
        need = need_of(settings_of(self._config)) * tile.height * tile.width
        return room_for(need, self._device)

    def launch(self, frame: Frame, shape: Shape, *, later: bool = False) -> Pending:
        """See ``embedtrack/method.py``; it is always later."""
        self._window = (*self._window, frame)[-settings_of(self._config).length :]
        size = (frame.shape[0], frame.shape[1])
        self._tiles = self._tiles or plan_tiles(size, self._config, self._network.multiple, self._device)
        return Pending(self._network, self._config, self._window, shape, self._tiles, self._precision)

    def used(self) -> Mapping[str, Any]:
        """How many tiles and their sides (height, width), in working pixels."""
        tiles = self._tiles
        return {"tiles": len(tiles), "tile": [tiles[0].height, tiles[0].width]} if tiles else {}

    def forget(self) -> None:
        """See ``embedtrack/method.py``."""
        self._window, self._tiles = (), []

    def restore(self, state: State) -> None:
        """See ``embedtrack/method.py``."""
        self._window = tuple(np.ascontiguousarray(frame, np.float32) for frame in state["window"])


def settings_of(config: ModelConfig) -> HourglassConfig:
    """The method's own part of a configuration."""
    assert isinstance(config.method, HourglassConfig)
    return config.method


def need_of(settings: HourglassConfig) -> int:
    """Bytes for each pixel of a tile."""
    return BYTES * settings.channels * settings.length


def plan_tiles(shape: Shape, config: ModelConfig, multiple: int, device: torch.device) -> list[Tile]:
    """Whole frames as one tile where a quarter of the device's memory holds what a window of the network needs.

    Args:
        shape: (H, W) of the frame.
        config: with the largest side of a tile.
        multiple: of which the sides are.
        device: where the network runs.
    """
    need = need_of(settings_of(config))
    side = largest_side(shape, devices.memory(device) // 4, need, config.tile)
    return [_rounded(tile, multiple) for tile in plan(shape, side, min(OVERLAP, side // 2))]


@torch.inference_mode()
def embed(network: RecurrentHourglasses, window: tuple[Frame, ...], tiles: list[Tile], precision: str) -> list[View]:
    """The embeddings of the last two frames of a window by the second hourglass, tile by tile.

    Args:
        network: in evaluation mode, on any device.
        window: float32[h, w] each.
        tiles: see ``plan_tiles``.
        precision: ``float32`` or ``bfloat16``; states are float32 in both.
    """
    device, (height, width) = next(network.parameters()).device, window[-1].shape
    views = []
    with devices.memory_errors(), devices.at_work(device):
        frames = devices.upload(torch.from_numpy(np.stack(window)), device)  # [T, h, w]
        for tile in tiles:
            breathe()
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                embeddings, _ = network(crop(frames, tile)[None, :, None])  # [2, 1, T, d, h, w]
            last = unit(embeddings[1, 0, -2:])[:, :, : height - tile.top, : width - tile.left]
            views.append(View(tile, np.ascontiguousarray(last.cpu().numpy())))
    return views


def _rounded(tile: Tile, multiple: int) -> Tile:
    """The tile with sides that the network can halve so often."""
    height, width = (-(-side // multiple) * multiple for side in (tile.height, tile.width))
    return tile._replace(height=height, width=width)


def _piece(view: View, config: ModelConfig, shape: Shape, working: tuple[int, ...]) -> Piece:
    """The instances of a tile in the pixels of the frame (H, W), whose working size is (h, w)."""
    fine, scale = view.embeddings, config.scale
    top, left = round(view.tile.top / scale), round(view.tile.left / scale)
    if scale != 1:
        bottom, right = (
            size if begin + length >= whole else round((begin + length) / scale)
            for begin, length, whole, size in zip(view.tile[:2], fine.shape[2:], working, shape, strict=True)
        )
        size = (min(bottom, shape[0]) - top, min(right, shape[1]) - left)
        fine = np.stack([np.stack([frame_to(part, size, scale) for part in frame]) for frame in fine])
        fine /= np.maximum(np.linalg.norm(fine, axis=1, keepdims=True), 1e-6)
    labels = cluster(fine, settings_of(config).clustering)
    return Piece(labels, agreement(fine, labels), top, left)


def agreement(embeddings: Points, labels: Labels) -> NDArray[np.float32]:
    """float32[n + 1]: the length of the mean embedding of each instance, 1 where all its pixels have the same."""
    flat, count = labels.ravel(), int(labels.max(initial=0))
    size = np.maximum(np.bincount(flat, minlength=count + 1), 1)
    sums = [np.bincount(flat, embeddings[:, axis].ravel(), count + 1) / size for axis in range(embeddings.shape[1])]
    length: NDArray[np.float32] = np.sqrt(np.square(sums).sum(axis=0)).astype(np.float32)
    return length
