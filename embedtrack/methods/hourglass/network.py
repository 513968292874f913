"""The recurrent stacked hourglass (Payer et al. 2019): frames in their order -> an embedding of every pixel of each."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

HOURGLASSES = 2
EPSILON = 1e-4
"""Within the norm of an embedding, so that one of length 0 has a direction, none, and a gradient."""

States = list[Tensor]
"""float32[B, C, h, w] of every recurrent layer, the first hourglass's top level first."""


def unit(embeddings: Tensor, axis: int = 1) -> Tensor:
    """E / sqrt(|e|^2 + epsilon^2) along an axis."""
    return embeddings / (embeddings.square().sum(axis, keepdim=True) + EPSILON**2).sqrt()


class ConvGRU(nn.Module):
    """A gated recurrent unit of 3x3 convolutions, with C states per pixel for C inputs.

    r = sigmoid(W_r * [x, h]), u = sigmoid(W_u * [x, h]), y = relu(W_y * [x, r h]), h' = u h + (1 - u) y: u keeps.
    What x gives is computed for all frames at once. States are float32 in any precision: in bfloat16 they drift.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(channels, 3 * channels, 3, padding=1)
        self.gates = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.candidate = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        inputs = 2 * 9 * channels
        for weights, variance in (
            (self.input.weight[: 2 * channels], 1 / inputs),
            (self.input.weight[2 * channels :], 2 / inputs),
            (self.gates.weight, 1 / inputs),
            (self.candidate.weight, 2 / inputs),
        ):
            _truncated(weights, variance)
        nn.init.zeros_(self.input.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, count: int, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features [B * count, C, h, w] of ``count`` frames -> the states after each, and the last one [B, C, h, w].

        Without a state before the first frame it is zero.
        """
        given = self.input(features).unflatten(0, (-1, count))  # [B, T, 3C, h, w]
        states = []
        for time in range(count):
            gates, fresh = given[:, time].float().split((2 * features.shape[1], features.shape[1]), dim=1)
            if state is None:
                keep = gates.chunk(2, dim=1)[1].sigmoid()
                state = (1 - keep) * fresh.relu()
            else:
                reset, keep = (gates + self.gates(state)).sigmoid().chunk(2, dim=1)
                fresh = (fresh + self.candidate(reset * state)).relu()
                state = keep * state + (1 - keep) * fresh
            states.append(state)
        assert state is not None
        return torch.stack(states, dim=1).flatten(0, 1), state


class Hourglass(nn.Module):
    """Features down to the deepest level and up again, with a ConvGRU beside every level, or from some level on."""

    def __init__(self, inputs: int, channels: int, levels: int, dimensions: int, recurrent_from: int = 0) -> None:
        super().__init__()
        self.stem = _convolution(inputs, channels, 1)
        self.contract = nn.ModuleList(_convolution(channels, channels, 3) for _ in range(levels))
        self.memory = nn.ModuleList(
            ConvGRU(channels) if level >= recurrent_from else _convolution(channels, channels, 3)
            for level in range(levels)
        )
        self.expand = nn.ModuleList(_convolution(channels, channels, 3) for _ in range(levels))
        self.head = nn.Conv2d(channels, dimensions, 1)
        _truncated(self.head.weight, 1 / channels)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.head.bias[0] = 1.0  # type: ignore[index]

    def forward(self, frames: Tensor, count: int, states: Sequence[Tensor | None]) -> tuple[Tensor, States]:
        """[B * count, inputs, H, W] -> embeddings [B * count, d, H, W], and the states after the last frame."""
        features = functional.relu(self.stem(frames))
        beside, after, before = [], [], iter(states)
        for level, (contract, memory) in enumerate(zip(self.contract, self.memory, strict=True)):
            features = functional.relu(contract(functional.max_pool2d(features, 2) if level else features))
            if isinstance(memory, ConvGRU):
                remembered, state = memory(features, count, next(before, None))
                after.append(state)
            else:
                remembered = functional.relu(memory(features))
            beside.append(remembered)
        up: Tensor | None = None
        for remembered, expand in zip(reversed(beside), reversed(self.expand), strict=True):
            total = remembered if up is None else remembered + functional.interpolate(up, scale_factor=2.0)
            up = functional.relu(expand(total))
        return self.head(up).float(), after


class RecurrentHourglasses(nn.Module):
    """Two hourglasses in a row: the second sees the frame beside the first one's embedding of it."""

    def __init__(self, channels: int, levels: int, dimensions: int, recurrent_from: int = 0) -> None:
        """With random weights.

        Args:
            channels: C of all inner layers; the paper's 64.
            levels: of each hourglass; the paper's 7.
            dimensions: d of the embeddings; the paper's 16.
            recurrent_from: the first level with a ConvGRU, from 0; levels above it have a convolution in its place.
        """
        super().__init__()
        self.multiple = 2 ** (levels - 1)
        self.first = Hourglass(1, channels, levels, dimensions, recurrent_from)
        self.second = Hourglass(1 + dimensions, channels, levels, dimensions, recurrent_from)

    def forward(self, frames: Tensor, states: Sequence[Tensor | None] = ()) -> tuple[Tensor, States]:
        """Consecutive frames -> their embeddings by both hourglasses, and the states after the last one.

        Args:
            frames: float32[B, T, 1, H, W], sides multiples of ``multiple``.
            states: after the frame before the first one; none: zero, as at the start of a window.

        Returns:
            float32[2, B, T, d, H, W], of any length; the second hourglass's are those to use.
        """
        if frames.shape[-1] % self.multiple or frames.shape[-2] % self.multiple:
            raise ValueError(
                f"expected sides that are multiples of {self.multiple}, got {frames.shape[-2]} x {frames.shape[-1]}"
            )
        size, count = frames.shape[:2]
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # [B * T, 1, H, W]
        half = len(states) // HOURGLASSES
        one, after = self.first(flat, count, states[:half])
        two, later = self.second(torch.cat([flat, unit(one)], dim=1), count, states[half:])
        return torch.stack([one, two]).unflatten(1, (size, count)), [*after, *later]  # type: ignore[no-untyped-call]


def _convolution(inputs: int, outputs: int, side: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, side, padding=side // 2)
    _truncated(layer.weight, 2 / (inputs * side**2))
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _truncated(weights: Tensor, variance: float) -> None:
    """Normal, cut at two deviations, in place."""
    deviation = math.sqrt(variance)
    with torch.no_grad():
        nn.init.trunc_normal_(weights, std=deviation, a=-2 * deviation, b=2 * deviation)
