"""The network over a movie: tiles, symmetries and the memory of the frame before."""

from typing import NamedTuple

import torch
from torch import Tensor

from embedtrack import device as devices
from embedtrack.data.symmetry import SYMMETRIES, Symmetry, do, undo_maps
from embedtrack.data.tiles import Stitcher, Tile, cut, fit, plan
from embedtrack.networks.branched import BranchedERFNet
from embedtrack.networks.fast import for_inference
from embedtrack.pipeline import breathe
from embedtrack.types import Frame, Maps

PRECISIONS = ("auto", "float32", "bfloat16")
BYTES_PER_PIXEL = 400
"""What the network needs at its peak for each pixel of a tile, in single precision."""


def plan_tiles(shape: tuple[int, int], largest: int, device: torch.device | None = None, views: int = 8) -> list[Tile]:
    """Whole frames as one tile where a quarter of the device's memory holds what the network needs for them.

    No tile's side is above ``largest``. It is the memory built in, not what happens to be free: the same machine
    always cuts the same tiles.

    Args:
        shape: (H, W) of the frame.
        largest: side of a tile in pixels.
        device: where the network runs, by default on the CPU.
        views: 1 or 8.
    """
    device = device or torch.device("cpu")
    together = max(map(len, _groups(views, device)))
    side = fit(shape, devices.memory(device) // 4, BYTES_PER_PIXEL * together, largest)
    return plan(shape, side, overlap=64)


class Pending(NamedTuple):
    """The maps of a frame [7, H, W], on their way to the processor's memory."""

    channels: Tensor
    arrived: "torch.cuda.Event | None"

    def fetch(self) -> Maps[Frame]:
        """Wait until they are there."""
        if self.arrived is not None:
            self.arrived.synchronize()
        channels: Frame = self.channels.numpy()
        return Maps(channels[0:2], channels[2:4], channels[4], channels[5:7])


class Predictor:
    """Feed it the frames of a movie in order; it gives each one's maps.

    The encoder and the segmentation decoders see each frame once: its features are kept for the next pair.
    """

    def __init__(self, network: BranchedERFNet, tiles: list[Tile], views: int = 8, precision: str = "float32") -> None:
        """Take a copy of the network where it is: its device is the device of all that is computed.

        Args:
            network: in evaluation mode.
            tiles: where the network looks; see ``data/tiles.py``.
            views: 1, or 8 for the mean over all symmetries of the square.
            precision: ``float32``, ``bfloat16``, or ``auto`` for the faster one.

        Raises:
            ValueError: no such precision.
        """
        if precision not in PRECISIONS:
            raise ValueError(f"expected --precision {', '.join(PRECISIONS)}, got {precision}")
        self.device = next(network.parameters()).device
        self.precision = getattr(torch, devices.fast_precision(self.device) if precision == "auto" else precision)
        self.network = for_inference(network, self.precision)
        self.tiles = tiles
        self.before: dict[tuple[int, Symmetry], Tensor] = {}
        self.groups = _groups(views, self.device)

    def __call__(self, frame: Frame) -> Maps[Frame]:
        """The maps of the next frame float32[H, W], averaged over views and blended over tiles.

        The tracking offset of the first frame of a movie points at the cell's own centre.

        Raises:
            MemoryError: the device has too little memory for a tile.
        """
        return self.launch(frame).fetch()

    @torch.inference_mode()
    def launch(self, frame: Frame) -> Pending:
        """As a call, but a GPU may still be at work: it need not idle while the processor fetches and clusters."""
        with devices.memory_errors():
            image = devices.upload(torch.from_numpy(frame), self.device)
            stitcher = Stitcher((frame.shape[0], frame.shape[1]))
            for number, tile in enumerate(self.tiles):
                stitcher.add(self._views(cut(image, tile), number), tile)
            return Pending(*devices.download(stitcher.result()))  # [7, H, W]

    def _views(self, piece: Tensor, number: int) -> Tensor:
        """The mean of the maps of all views of one tile: [h, w] -> [7, h, w]."""
        total = torch.zeros((7, *piece.shape), device=piece.device)
        for group in self.groups:
            breathe()
            batch = torch.stack([do(piece, symmetry) for symmetry in group])[:, None]  # [g, 1, h', w']
            maps = self._pair(batch, number, group)
            for index, symmetry in enumerate(group):
                one = undo_maps(Maps(*(m[index] for m in maps)), symmetry)
                total += torch.cat([one.offset, one.bandwidth, one.seediness[None], one.shift])  # [7, h, w]
        return total / sum(map(len, self.groups))

    def _pair(self, batch: Tensor, number: int, group: list[Symmetry]) -> Maps[Tensor]:
        """The maps of one batch of views [g, 1, h, w], with the features of the same views of the frame before."""
        features = self.network.encode(batch.to(self.precision, memory_format=torch.channels_last))
        before = self.before.get((number, group[0]), features)
        self.before[(number, group[0])] = features
        return Maps(*self.network.segment(features), self.network.shift(features, before))


def _groups(views: int, device: torch.device) -> list[list[Symmetry]]:
    """The symmetries by batch: on a GPU the views that share a shape are one; a CPU is faster one by one."""
    symmetries = SYMMETRIES[:views]
    if device.type == "cpu":
        return [[symmetry] for symmetry in symmetries]
    groups = [[s for s in symmetries if s.swaps is swaps] for swaps in (False, True)]
    return [group for group in groups if group]
