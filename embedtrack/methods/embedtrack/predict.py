"""The network over a movie: tiles, symmetries and the memory of the frame before."""

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from embedtrack.inference.symmetry import AVERAGED, SYMMETRIES, Symmetry, do, undo, undo_axes, undo_vectors
from embedtrack.inference.tiles import LARGEST, SMALLEST, Stitcher, Tile, crop, largest_side, plan
from embedtrack.machine import device as devices
from embedtrack.machine import heap
from embedtrack.machine.pipeline import breathe
from embedtrack.machine.workers import Workers
from embedtrack.methods.embedtrack.accelerate import Accelerated, NetworkOutput, PairNetwork
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.eight_bits import Ranges, in_eight_bits
from embedtrack.methods.embedtrack.fast import for_inference
from embedtrack.methods.embedtrack.features import Features
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.pending import OWN, Later, Pending, named, sent
from embedtrack.options import PRECISIONS
from embedtrack.types import Frame

log = logging.getLogger(__name__)

BYTES_PER_PIXEL = 400
"""What the network needs at its peak for each pixel of a tile, in single precision."""
TOGETHER = 2**29
"""Bytes for which a processor looks at several views at a time; larger tiles keep all of its threads busy by
themselves."""
OVERLAP = 64
"""What neighbouring tiles share, in pixels."""
STRAIGHT = SYMMETRIES[0]
"""The view that gives tracking offsets: the frame as it is. All pixels of a cell vote for its predecessor, so that the
mean over eight views finds hardly more of them (one in a thousand by ``benchmarks.links``) and costs a seventh more."""


def plan_tiles(shape: tuple[int, int], largest: int, device: torch.device | None = None, views: int = 8) -> list[Tile]:
    """Whole frames as one tile where a quarter of the device's memory holds what the network needs for them.

    No tile's side is above ``largest`` or ``LARGEST``. It is the memory built in, not what happens to be free: the same
    machine always cuts the same tiles.

    Args:
        shape: (H, W) of the frame.
        largest: side of a tile in pixels.
        device: where the network runs, by default on the CPU.
        views: 1, 2, 4 or 8.
    """
    device = device or torch.device("cpu")
    together = max(map(len, _groups(views, device)))
    room = devices.memory(device) // 4
    side = largest_side(shape, room, BYTES_PER_PIXEL * together, min(largest, LARGEST))
    return plan(shape, side, OVERLAP)


TIDY = 8
"""After so many tiles the heap is tidied: the features of the frame before leave holes that suit no others."""


class _Pair(NamedTuple):
    """What a frame knows of the one before, and what it keeps for the next one."""

    before: Features
    now: Features


class Prepared:
    """A copy of a network as it predicts, which any number of movies and images can share."""

    def __init__(self, network: BranchedERFNet, precision: str = "float32", ranges: Ranges | None = None) -> None:
        """Take a copy of the network where it is: its device is the device of all that is computed.

        Args:
            network: in evaluation mode.
            precision: ``float32``, ``bfloat16``, or ``auto`` for the faster one; ``int8`` for the deep blocks in it,
                and the others in the faster one of the two.
            ranges: of its activations, for ``int8``.

        Raises:
            ValueError: no such precision, or no ranges for it.
        """
        if precision not in PRECISIONS:
            raise ValueError(f"expected --precision {', '.join(PRECISIONS)}, got {precision}")
        self.device = next(network.parameters()).device
        in_float = devices.fast_precision(self.device) if precision in ("auto", "int8") else precision
        self.precision = getattr(torch, in_float)
        fast = for_inference(network, self.precision)
        self.pair_network = PairNetwork(in_eight_bits(fast, ranges or {}) if precision == "int8" else fast)


class Predictor:
    """Feed it the frames of a movie in order; it gives each one's maps.

    The encoder and the segmentation decoders see each view of a frame once. The features of the view that gives
    tracking offsets are kept for the next pair.
    """

    def __init__(
        self, network: Prepared, tiles: list[Tile], views: int = 8, *, graphed: bool = False, together: int = TOGETHER
    ) -> None:
        """Begin a movie.

        Args:
            network: what looks.
            tiles: where it looks; see ``inference/tiles.py``.
            views: as ``symmetry.AVERAGED`` has them, 8 for the mean over all symmetries of the square.
            graphed: replay the network as a CUDA graph from the second frame on.
            together: bytes for views that a processor looks at at the same time; one at least.
        """
        self.device, self.precision, self.pair_network = network.device, network.precision, network.pair_network
        self.accelerated = Accelerated(self.pair_network, graphed=graphed)
        self.tiles = tiles
        self.begun = False
        self.before = Features()
        self.groups = _groups(views, self.device)
        fitting = together // (BYTES_PER_PIXEL * max(tile.height * tile.width for tile in tiles))
        self.workers = Workers(min(fitting, len(self.groups)) if self.device.type == "cpu" else 1)

    def __call__(self, frame: Frame) -> Maps[Frame]:
        """The maps of the next frame float32[H, W], blended over tiles; those of its cells are means over all views.

        The tracking offset of the first frame of a movie points at the cell's own centre.

        Raises:
            MemoryError: the device has too little memory for a tile.
        """
        return self.launch(frame).fetch()

    def launch(self, frame: Frame) -> Pending:
        """As a call, but a GPU may still be at work: it need not idle while the processor fetches and clusters.

        Where the memory is too small for the first frame of a movie or for a single image, others perhaps having taken
        it, its tiles are halved until they fit.
        """
        alone = not self.before
        while True:
            pair = self._pair()
            try:
                pending = self._launch(frame, pair)
            except MemoryError as error:
                side = max(self.tiles[0].height, self.tiles[0].width)
                if (self.begun and not alone) or side <= SMALLEST:
                    raise
                log.warning("out of memory with tiles of %d pixels: %s; going on with smaller ones", side, error)
            else:
                self.begun, self.before = True, pair.now
                return pending
            self.tiles = plan((frame.shape[0], frame.shape[1]), max(side // 2, SMALLEST), OVERLAP)
            self.before = Features()

    def later(self, frame: Frame) -> Later:
        """As ``launch``, of a frame that is not the first, for whoever fetches its maps, in whatever thread.

        Of the frame before only the features are awaited, tile by tile: frames can be seen side by side. They have to
        be fetched, if at all, in the order in which they were given.
        """
        pair = self._pair()
        self.before = pair.now
        return Later(partial(self._launch_aside, frame, pair))

    def _launch_aside(self, frame: Frame, pair: _Pair) -> Pending:
        try:
            return self._launch(frame, pair, aside=True)
        except BaseException as error:
            pair.now.fail(error)  # nobody waits for ever
            raise

    def _pair(self) -> _Pair:
        tracked = self.pair_network.network.tracking is not None
        return _Pair(self.before, Features(len(self.tiles) if tracked else 0))

    @torch.inference_mode()
    def _launch(self, frame: Frame, pair: _Pair, *, aside: bool = False) -> Pending:
        """``aside``: others are at work on other frames, so that this thread does all by itself."""
        with devices.memory_errors(), devices.at_work(self.device):
            image = devices.upload(torch.from_numpy(frame), self.device)
            height, width = frame.shape
            if len(self.tiles) == 1:  # nothing to blend
                whole = self._views(crop(image, self.tiles[0]), 0, pair, aside)[:, :height, :width]
                return sent((whole[:OWN].contiguous(), whole[OWN:].contiguous()))
            stitcher = Stitcher((height, width))
            for number, tile in enumerate(self.tiles):
                seen = self._views(crop(image, tile), number, pair, aside)
                stitcher.add((seen[:OWN], seen[OWN:]), tile)
                if number % TIDY == TIDY - 1 and self.device.type == "cpu":
                    heap.give_back()
            return sent(stitcher.result())

    def _views(self, piece: Tensor, number: int, pair: _Pair, aside: bool) -> Tensor:
        """The maps of one tile, [h, w] -> [7, h, w]: the means of all views, and the tracking offset of one."""

        def seen(group: list[Symmetry]) -> NetworkOutput:
            return self._run(torch.stack([do(piece, s) for s in group]), number, group, pair, aside)

        total: Tensor | None = None
        # one after the other in the first frame, which says how large tiles may be and what the heap keeps
        outputs = self.workers.map(seen, self.groups) if self.begun and not aside else map(seen, self.groups)
        for group, output in zip(self.groups, outputs, strict=True):
            breathe()
            if total is None:  # not before the network needs most memory
                total = torch.zeros((7, *piece.shape), device=piece.device)
            maps = named(total[:OWN], total[OWN:])
            for cells, symmetry in zip(output.cells, group, strict=True):  # [5, h', w']
                maps.offset.add_(undo_vectors(cells[0:2], symmetry))
                maps.bandwidth.add_(undo_axes(cells[2:4], symmetry))
                maps.seediness.add_(undo(cells[4], symmetry))
            if len(output.shift):
                maps.shift.copy_(output.shift[0])
        assert total is not None
        total[:OWN] /= sum(map(len, self.groups))
        return total

    def _run(self, views: Tensor, number: int, group: list[Symmetry], pair: _Pair, aside: bool) -> NetworkOutput:
        """What the network makes of views [g, h, w], with the features of the first one of the frame before."""
        batch = views[:, None].to(self.precision, memory_format=torch.channels_last)  # [g, 1, h, w]
        pair_network = (
            self.accelerated if self.begun else self.pair_network
        )  # warmed up with tiles of which it is known that they fit
        with self._compact(number):
            if group[0] != STRAIGHT or self.pair_network.network.tracking is None:
                return pair_network(batch, batch[:0])
            if aside:
                features = self.pair_network.network.encode(batch)
                pair.now[number] = features[:1].clone()  # at once: the next frame may be waiting
                return self.pair_network.seen(features, pair.before[number])
            output = pair_network(batch, pair.before[number]) if pair.before else self.pair_network.first(batch)
        pair.now[number] = output.features.clone()  # they outlast the next step, and the other views' need not
        return output

    def _compact(self, number: int) -> AbstractContextManager[None]:
        """For the first tile of a movie on a CPU: it takes its time."""
        first = number == 0 and not self.begun and self.device.type == "cpu"
        return heap.compact(self.pair_network.network.children()) if first else nullcontext()


def _groups(views: int, device: torch.device) -> list[list[Symmetry]]:
    """The symmetries by batch: on a GPU the views that share a shape are one; a CPU is faster one by one."""
    symmetries = AVERAGED[views]
    if device.type == "cpu":
        return [[symmetry] for symmetry in symmetries]
    groups = [[s for s in symmetries if s.swaps is swaps] for swaps in (False, True)]
    return [group for group in groups if group]
