"""Frames larger than memory: plan where tiles lie, cut them out, stitch what the network says of them.

A tile travels with its location. Tiles stream: a frame's maps are the only thing that is held whole.
"""

from collections.abc import Sequence
from functools import cache
from math import ceil, isqrt
from typing import NamedTuple

import numpy as np
import torch

MULTIPLE = 8
"""The network halves its input three times, so a tile's sides are multiples of this."""
SMALLEST = 256
"""The crops of the training: a smaller tile would show the network less context than it has learnt from."""

LARGEST = 1448
"""No side of a tile that is chosen by itself is above this: the largest blocks of memory of EmbedTrack's network are 32
MiB then. A larger block comes from the system page by page, each time anew, which took half as long again and more."""


class Tile(NamedTuple):
    """Where a tile lies in its frame, in pixels; it reaches beyond the far edges of a frame that is smaller."""

    top: int
    left: int
    height: int
    width: int


def largest_side(shape: tuple[int, int], memory: int | None, bytes_per_pixel: int, largest: int = 2048) -> int:
    """The greatest side of tiles for which the network has the memory: the frame's longer side, if that fits.

    Args:
        shape: (H, W) of the frame.
        memory: bytes that the network may use, or None for no limit.
        bytes_per_pixel: what the network needs for each pixel of its input.
        largest: no side above this, whatever the memory.

    Returns:
        A multiple of 8, at least 256 even if that is more than the memory holds; for ``plan``.

    Raises:
        ValueError: memory or bytes_per_pixel is not positive, or largest is below 256.
    """
    if bytes_per_pixel < 1 or largest < SMALLEST or (memory is not None and memory < 1):
        raise ValueError(
            f"expected positive memory and bytes per pixel and a largest side of at least {SMALLEST}, "
            f"got {memory}, {bytes_per_pixel} and {largest}"
        )
    short, long = sorted(_round_up(side) for side in shape)
    side = min(long, largest)
    if memory is not None:
        pixels = memory // bytes_per_pixel
        side = min(side, max(isqrt(pixels), pixels // short))  # a square, or a strip as wide as a narrow frame
    return max(side // MULTIPLE * MULTIPLE, SMALLEST)


def plan(shape: tuple[int, int], tile: int, overlap: int = 64) -> list[Tile]:
    """Cover a frame with tiles of one size, in reading order: a single one if the frame fits.

    Tiles are spread evenly and no larger than so many have to be: what they share beyond the overlap would be seen
    twice for nothing. None reaches beyond the frame unless it is larger than the frame.

    Args:
        shape: (H, W) of the frame.
        tile: largest side of a tile, rounded up to a multiple of 8.
        overlap: neighbours share at least this many pixels.

    Raises:
        ValueError: the frame is empty, or not 0 <= overlap < tile.
    """
    if min(shape) < 1:
        raise ValueError(f"expected a frame of at least one pixel, got shape {tuple(shape)}")
    if not 0 <= overlap < tile:
        raise ValueError(f"expected 0 <= overlap < tile, got overlap {overlap} and tile {tile}")
    height, width = (_even(side, _round_up(tile), overlap) for side in shape)
    tops, lefts = _starts(shape[0], height, overlap), _starts(shape[1], width, overlap)
    return [Tile(top, left, height, width) for top in tops for left in lefts]


def crop(image: torch.Tensor, tile: Tile) -> torch.Tensor:
    """The tile's pixels [..., height, width] of an image [..., H, W]: a view where the tile lies inside.

    What lies beyond the frame is filled by reflection, as often as needed (a side of one pixel is repeated): it has
    the texture and noise of the frame and no step at its edge, which the network could take for a cell's outline.
    """
    height, width = image.shape[-2:]
    piece = image[..., tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
    if tile.top + tile.height > height:
        piece = piece.index_select(-2, _reflected(piece.shape[-2], tile.height, image.device))
    if tile.left + tile.width > width:
        piece = piece.index_select(-1, _reflected(piece.shape[-1], tile.width, image.device))
    return piece


class Stitcher:
    """The running weighted mean of all pieces, sum_i w_i x_i / sum_i w_i, so that equal pieces stay exactly equal.

    A piece's weight w falls towards those of its edges that lie inside the frame, where the network saw the least
    around a pixel; see ``_ramp``. The sum of weights so far follows from the tiles: no map of it is kept.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._means: list[torch.Tensor] = []
        self._tiles: list[Tile] = []

    def add(self, pieces: Sequence[torch.Tensor], tile: Tile) -> None:
        """Blend in ``pieces`` [..., height, width], each into a frame, a block of memory, of its own.

        The first ones set leading axes and device (at least float32).

        Raises:
            ValueError: a piece is not as large as its tile.
        """
        for piece in pieces:
            if piece.shape[-2:] != (tile.height, tile.width):
                raise ValueError(f"expected a piece of {tile.height} x {tile.width}, got shape {tuple(piece.shape)}")
        if not self._tiles:
            self._means = [_frame_for(piece, self.shape) for piece in pieces]
        self._tiles.append(tile)
        rows, columns = self._inside(tile)
        share = self._share(rows, columns)
        for mean, piece in zip(self._means, pieces, strict=True):
            here = mean[..., _slice(rows), _slice(columns)]
            here.lerp_(piece[..., : len(rows), : len(columns)].to(here), share)

    def result(self) -> list[torch.Tensor]:
        """The blended frames [..., H, W].

        Raises:
            ValueError: the pieces do not cover the frame.
        """
        covered = np.zeros(self.shape, np.bool_)  # here, as a GPU's answer would have to be waited for
        for tile in self._tiles:
            covered[tuple(map(_slice, self._inside(tile)))] = True
        if not covered.all():
            raise ValueError(f"expected pieces that cover the frame of {self.shape[0]} x {self.shape[1]}, got too few")
        return self._means

    def _inside(self, tile: Tile) -> tuple[range, range]:
        """The rows and columns of the frame that a tile covers."""
        height, width = self.shape
        bottom, right = min(tile.top + tile.height, height), min(tile.left + tile.width, width)
        return range(tile.top, bottom), range(tile.left, right)

    def _share(self, rows: range, columns: range) -> torch.Tensor:
        """The weight [rows, columns] of the last tile over that of all so far, where it lies."""
        total = self._means[0].new_zeros((len(rows), len(columns)))
        for other in self._tiles:
            its_rows, its_columns = (
                _common(*sides) for sides in zip((rows, columns), self._inside(other), strict=True)
            )
            if its_rows and its_columns:
                weight = self._weight(other, its_rows, its_columns)
                total[_slice(its_rows, rows[0]), _slice(its_columns, columns[0])] += weight
        return weight / total  # the last weight is the tile's own

    def _weight(self, tile: Tile, rows: range, columns: range) -> torch.Tensor:
        """The weight [rows, columns] of a part of a tile."""
        kind = (self._means[0].device, self._means[0].dtype)
        down = _ramp(tile.top, tile.height, self.shape[0], *kind)[_slice(rows, tile.top)]
        across = _ramp(tile.left, tile.width, self.shape[1], *kind)[_slice(columns, tile.left)]
        return torch.outer(down, across)


def _frame_for(piece: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Zeros, of which a processor takes memory only as they are overwritten: torch would write them all at once."""
    dtype, whole = torch.promote_types(piece.dtype, torch.float32), (*piece.shape[:-2], *shape)
    if piece.device.type != "cpu":
        return torch.zeros(whole, dtype=dtype, device=piece.device)
    return torch.from_numpy(np.zeros(whole, torch.empty(0, dtype=dtype).numpy().dtype))


def _common(one: range, two: range) -> range:
    return range(max(one.start, two.start), min(one.stop, two.stop))


def _slice(side: range, origin: int = 0) -> slice:
    """A part of a side, counted from another origin than the frame's."""
    return slice(side.start - origin, side.stop - origin)


def _round_up(side: int) -> int:
    return ceil(side / MULTIPLE) * MULTIPLE


def _even(side: int, tile: int, overlap: int) -> int:
    """The least side of the fewest tiles of at most ``tile`` that cover a side with the overlap."""
    if side <= tile:
        return _round_up(side)
    count = ceil((side - overlap) / (tile - overlap))
    return max(_round_up(ceil((side + (count - 1) * overlap) / count)), min(tile, SMALLEST))


def _starts(side: int, tile: int, overlap: int) -> list[int]:
    """Where the fewest tiles begin that cover a side with at least the overlap, spread evenly."""
    if side <= tile:
        return [0]
    gaps = ceil((side - tile) / (tile - overlap))
    return [i * (side - tile) // gaps for i in range(gaps + 1)]


@cache
@torch.inference_mode(False)
def _reflected(side: int, size: int, device: torch.device) -> torch.Tensor:
    """int64[size]: 0, 1 .. side-1, side-2 ..: the pixels of a side that is too short for its tile.

    Kept, as is ``_ramp``: a copy to a GPU waits until all before it is done.
    """
    return torch.from_numpy(np.pad(np.arange(side), (0, size - side), mode="reflect")).to(device)


@cache
@torch.inference_mode(False)
def _ramp(begin: int, size: int, side: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """float32[size]: (d / size)^2, d the distance to the nearest end of the tile that is not an end of the frame.

    The square makes the passage from one tile to the next S-shaped. A tile that spans the frame weighs 1.
    """
    i, far = torch.arange(size), torch.full((size,), size)
    d = torch.minimum(i + 1 if begin > 0 else far, size - i if begin + size < side else far)
    return ((d / size) ** 2).to(device, dtype)
