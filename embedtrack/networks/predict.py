"""The network over a movie: tiles, symmetries and the memory of the frame before."""

import os

import torch
from torch import Tensor

from embedtrack.data.symmetry import SYMMETRIES, Symmetry, do, undo_maps
from embedtrack.data.tiles import Stitcher, Tile, cut, fit, plan
from embedtrack.device import fast_precision
from embedtrack.networks.branched import BranchedERFNet
from embedtrack.types import Frame, Maps

BYTES_PER_PIXEL = 400
"""What the network needs at its peak for each pixel of a tile, in single precision."""


def plan_tiles(shape: tuple[int, int], largest: int) -> list[Tile]:
    """Whole frames as one tile where a quarter of the machine's memory holds what the network needs for them.

    No tile's side is above ``largest``. It is the memory built in, not what happens to be free: the same machine
    always cuts the same tiles.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if torch.cuda.is_available():
        memory = min(memory, torch.cuda.get_device_properties(0).total_memory)
    side = fit(shape, memory // 4, BYTES_PER_PIXEL, largest)
    return plan(shape, side, overlap=64)


class Predictor:
    """Feed it the frames of a movie in order; it gives each one's maps.

    The encoder and the segmentation decoders see each frame once: its features are kept for the next pair.
    """

    def __init__(self, network: BranchedERFNet, tiles: list[Tile], views: int = 8, precision: str = "float32") -> None:
        """Take the network where it is: its device is the device of all that is computed.

        Args:
            network: in evaluation mode.
            tiles: where the network looks; see ``data/tiles.py``.
            views: 1, or 8 for the mean over all symmetries of the square.
            precision: ``float32``, ``bfloat16``, or ``auto`` for the faster one.

        Raises:
            ValueError: no such precision.
        """
        if precision not in ("float32", "bfloat16", "auto"):
            raise ValueError(f"expected --precision auto, float32 or bfloat16, got {precision}")
        self.network = network
        self.device = next(network.parameters()).device
        self.tiles = tiles
        self.precision = getattr(torch, fast_precision(self.device) if precision == "auto" else precision)
        self.before: dict[tuple[int, Symmetry], Tensor] = {}
        symmetries = SYMMETRIES[:views]
        # On a GPU the views that share a shape are one batch; a CPU is faster one by one.
        groups = [[s for s in symmetries if s.swaps is swaps] for swaps in (False, True)]
        self.groups = [g for g in groups if g] if self.device.type != "cpu" else [[s] for s in symmetries]

    @torch.inference_mode()
    def __call__(self, frame: Frame) -> Maps[Frame]:
        """The maps of the next frame float32[H, W], averaged over views and blended over tiles.

        The tracking offset of the first frame of a movie points at the cell's own centre.
        """
        image = torch.from_numpy(frame).to(self.device)
        stitcher = Stitcher((frame.shape[0], frame.shape[1]))
        for number, tile in enumerate(self.tiles):
            stitcher.add(self._views(cut(image, tile), number), tile)
        channels: Frame = stitcher.result().cpu().numpy()  # [7, H, W]
        return Maps(channels[0:2], channels[2:4], channels[4], channels[5:7])

    def _views(self, piece: Tensor, number: int) -> Tensor:
        """The mean of the maps of all views of one tile: [h, w] -> [7, h, w]."""
        total = torch.zeros((7, *piece.shape), device=piece.device)
        for group in self.groups:
            batch = torch.stack([do(piece, symmetry) for symmetry in group])[:, None]  # [g, 1, h', w']
            maps = self._pair(batch, number, group)
            for index, symmetry in enumerate(group):
                one = undo_maps(Maps(*(m[index] for m in maps)), symmetry)
                total += torch.cat([one.offset, one.bandwidth, one.seediness[None], one.shift])  # [7, h, w]
        return total / sum(map(len, self.groups))

    def _pair(self, batch: Tensor, number: int, group: list[Symmetry]) -> Maps[Tensor]:
        """The maps of one batch of views [g, 1, h, w], with the features of the same views of the frame before."""
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            features = self.network.encode(batch.contiguous(memory_format=torch.channels_last))
            before = self.before.get((number, group[0]), features)
            self.before[(number, group[0])] = features
            return Maps(*self.network.segment(features), self.network.shift(features, before))
