"""The blocks of ERFNet (Romera et al. 2018): an encoder to 1/8 of the resolution and a decoder back."""

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 128
"""Channels of the encoder's output."""


class Downsampler(nn.Module):
    """A strided convolution beside a max pool, concatenated: half the resolution, no information thrown away."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs - inputs, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H/2, W/2]."""
        halved = torch.cat([self.convolution(x), functional.max_pool2d(x, 2)], dim=1)
        halved = halved.contiguous(memory_format=torch.channels_last)  # a frame's one channel has no layout; others
        return functional.relu(self.norm(halved))  # have one, and two in one step take a third longer


class NonBottleneck1D(nn.Module):
    """A residual block of 3x1 and 1x3 convolutions, the second pair dilated."""

    def __init__(self, channels: int, dropout: float = 0.0, dilation: int = 1) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(channels, channels, (3, 1), padding=(1, 0))
        self.right1 = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1))
        self.norm1 = nn.BatchNorm2d(channels, eps=1e-3)
        self.down2 = nn.Conv2d(channels, channels, (3, 1), padding=(dilation, 0), dilation=(dilation, 1))
        self.right2 = nn.Conv2d(channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation))
        self.norm2 = nn.BatchNorm2d(channels, eps=1e-3)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> the same shape."""
        y = self.right1(functional.relu(self.down1(x)))
        y = functional.relu(self.norm1(y))
        y = self.right2(functional.relu(self.down2(y)))
        return functional.relu(x + self.dropout(self.norm2(y)))


class Upsampler(nn.Module):
    """A transposed convolution to twice the resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, 2H, 2W]."""
        return functional.relu(self.norm(self.convolution(x)))


def encoder(dropout: float = 0.0) -> nn.Sequential:
    """[B, 1, H, W] -> [B, 128, H/8, W/8]; H and W are multiples of 8.

    Args:
        dropout: of the deep blocks, 0.3 in the paper; the early ones have a tenth of it.
    """
    return nn.Sequential(
        Downsampler(1, 16),
        Downsampler(16, 64),
        *(NonBottleneck1D(64, dropout=dropout / 10) for _ in range(5)),
        Downsampler(64, FEATURES),
        *(NonBottleneck1D(FEATURES, dropout, dilation) for dilation in (2, 4, 8, 16) * 2),
    )


def decoder(inputs: int, outputs: int) -> nn.Sequential:
    """[B, inputs, H/8, W/8] -> [B, outputs, H, W].

    The output layer starts at zero: with random weights some of its four sub-pixels throw their offsets so far from
    the centre that they never get a gradient, and every mask becomes a checkerboard.
    """
    output = nn.ConvTranspose2d(16, outputs, 2, stride=2)
    nn.init.zeros_(output.weight)
    assert output.bias is not None
    nn.init.zeros_(output.bias)
    return nn.Sequential(
        Upsampler(inputs, 64),
        NonBottleneck1D(64),
        NonBottleneck1D(64),
        Upsampler(64, 16),
        NonBottleneck1D(16),
        NonBottleneck1D(16),
        output,
    )
