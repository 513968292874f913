"""The deep blocks in 8 bits, on a processor: integers in their convolutions, floats everywhere else.

What such a block gets and makes is never negative: it becomes uint8, of which 255 is the largest value that was seen
when the model was made; what is above is cut. Weights become int8, with a scale for each channel that they make. They
end at 64: a processor without VNNI adds two products in 16 bits, and 2 x 64 x 255 just fits. So all processors come to
the same integers, and those without VNNI are as exact as the others.

What goes from block to block is float32: uint8 there is no faster, and features err twice as much. The blocks of 16
channels stay as they are: they are next to the output, where rounding shows most.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import groupby
from typing import Any

import cv2
import torch
from torch import Tensor, nn

from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.erfnet import NonBottleneck1D
from embedtrack.methods.embedtrack.fast import FoldedBlock

DEEP = 64
"""Channels from which on a block is worth it."""
TOP, TOP_WEIGHT = 255, 64

Range = tuple[float, float, float, float]
"""The largest values of what a block gets and of what its first three convolutions make."""
Ranges = Mapping[str, Range]
"""By the block's name in the network, e.g. ``encoder.2``."""


@torch.inference_mode()
def ranges(network: BranchedERFNet, pairs: Iterable[tuple[Tensor, Tensor]]) -> Ranges:
    """The ranges of a network's deep blocks on frames t and t-1, [B, 1, H, W] each, on its device."""
    found: dict[str, list[float]] = {}

    def note(name: str, place: int, values: Tensor) -> None:
        found[name][place] = max(found[name][place], float(values.max()))

    def got(name: str, module: nn.Module, given: tuple[Tensor]) -> None:
        note(name, 0, given[0])

    def made(name: str, place: int, module: nn.Module, given: tuple[Tensor], result: Tensor) -> None:
        note(name, place, result)

    handles = []
    for name, block in network.named_modules():
        if isinstance(block, NonBottleneck1D) and block.down1.in_channels >= DEEP:
            found[name] = [1e-6] * 4
            handles.append(block.register_forward_pre_hook(partial(got, name)))
            for place, module in enumerate((block.down1, block.norm1, block.down2), 1):
                handles.append(module.register_forward_hook(partial(made, name, place)))
    for now, before in pairs:
        network(now, before)
    for handle in handles:
        handle.remove()
    return {name: (x, a, b, c) for name, (x, a, b, c) in found.items()}


def in_eight_bits(fast: BranchedERFNet, known: Ranges) -> BranchedERFNet:
    """The same network with its chains of deep blocks in 8 bits.

    Args:
        fast: made by ``for_inference``, on a processor that ``has_int8``; it is changed.
        known: the ranges of all its deep blocks.

    Raises:
        ValueError: there are no ranges of some.
    """
    for branch, blocks in list(fast.named_children()):
        assert isinstance(blocks, nn.Sequential)
        parts = list[nn.Module]()
        for deep, run in groupby(blocks.named_children(), lambda child: _is_deep(child[1])):
            members = [(f"{branch}.{index}", block) for index, block in run]
            parts += [_chain(members, known)] if deep else [block for _, block in members]
        setattr(fast, branch, nn.Sequential(*parts))
    return fast


def _is_deep(block: nn.Module) -> bool:
    return isinstance(block, FoldedBlock) and block.down1.in_channels >= DEEP


def _chain(members: list[tuple[str, Any]], known: Ranges) -> "Chain":
    missing = [name for name, _ in members if name not in known]
    if missing:
        raise ValueError(f"expected the range of the network's block {missing[0]} for --precision int8, got none")
    return Chain([Block(block, known[name]) for name, block in members])


class Chain(nn.Module):
    """Blocks one after the other."""

    def __init__(self, blocks: list["Block"]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W], not negative -> the same shape and type."""
        y: Tensor = self.blocks(x.to(torch.float32, memory_format=torch.channels_last, copy=True))
        return y.to(x.dtype)


class Block(nn.Module):
    """A ``FoldedBlock`` whose convolutions are ``Convolution``."""

    def __init__(self, block: FoldedBlock, largest: Range) -> None:
        super().__init__()
        x, a, b, c = (value / TOP for value in largest)
        self.scale = x
        self.down1, self.right1 = Convolution(block.down1, x, a), Convolution(block.right1, a, b)
        self.down2, self.right2 = Convolution(block.down2, b, c), Convolution(block.right2, c)

    def forward(self, x: Tensor) -> Tensor:
        """float32[B, channels, H, W] -> the same, in the memory of x."""
        y = self.down2(self.right1(self.down1(quantised(x, self.scale))))
        return self.right2.add(y, x)


def quantised(x: Tensor, scale: float) -> Tensor:
    """round(x / scale), at most ``TOP``: float32[B, channels, H, W], not negative -> uint8; both with channels last.

    OpenCV does in one pass over the memory what torch takes four for, ten times as long. It counts to 2^31 alone, which
    is millions of times the range.
    """
    y = torch.empty_like(x, dtype=torch.uint8)
    rows = (len(x) * x.shape[2], -1)
    read, made = (part.permute(0, 2, 3, 1).view(rows).numpy() for part in (x, y))
    cv2.convertScaleAbs(read, dst=made, alpha=1 / scale)
    return y


class Convolution(nn.Module):
    """relu(W x + b), of uint8."""

    def __init__(self, convolution: nn.Conv2d, scale: float, scale_made: float = 1.0) -> None:
        """Round the weights.

        Args:
            convolution: with a bias, of one group.
            scale: a step of what it reads.
            scale_made: a step of what it makes.
        """
        super().__init__()
        weight, bias = convolution.weight.float(), convolution.bias
        assert bias is not None
        steps = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / TOP_WEIGHT  # [outputs]
        rounded = (weight / steps[:, None, None, None]).round().to(torch.int8)
        self.scale, self.scale_made = scale, scale_made
        self.place = [*map(list, (convolution.stride, convolution.padding, convolution.dilation)), 1]
        packed = torch.ops.onednn.qconv_prepack(rounded, steps, scale, 0, *self.place)
        self.weights = (packed, steps, torch.zeros(len(steps), dtype=torch.int32))
        self.bias = bias.float()

    def forward(self, x: Tensor) -> Tensor:
        """uint8[B, inputs, H, W] -> uint8[B, outputs, H, W], rounded to the nearest."""
        read, made = (x, self.scale, 0, *self.weights), (self.scale_made, 0, torch.uint8)
        y: Tensor = torch.ops.onednn.qconv_pointwise(*read, self.bias, *self.place, *made, "relu", [], "")
        return y

    def add(self, x: Tensor, plus: Tensor) -> Tensor:
        """relu(W x + b + plus), float32[B, outputs, H, W], in the memory of ``plus``."""
        read, made = (x, self.scale, 0, *self.weights, plus), (1.0, 0, torch.float32)
        added = torch.ops.onednn.qconv2d_pointwise.binary
        y: Tensor = added(*read, self.bias, *self.place, *made, 1.0, 0, "sum", 1.0, "relu", [], "")
        return y
