"""The branched ERFNet of EmbedTrack: one encoder, three decoders (Löffler & Mikut 2022, section 3.1).

The conventions of the maps, stated once for the whole package:

- Offsets and centres live in a grid in which a pixel is ``pixel_size`` wide (1/255), the same for every
  tile.
- A pixel p predicts its cell's centre e = p + o (eq. 4), at t-1 p + o^T; tanh bounds both to one grid unit.
- It belongs to centre c with d = exp(-sum_k S_k (c_k - e_k)^2), S_k = exp(10 b_k), b in [0, 1] (eq. 5).
- A cell is d > 0.5: its radius in direction k is sqrt(ln 2 / S_k) / pixel_size pixels, 1.4 to 212 of them.
- Vectors and axes are in the order (y, x).
"""

import math

import torch
from torch import Tensor, nn

from embedtrack.methods.embedtrack.erfnet import FEATURES, decoder, encoder
from embedtrack.types import Maps

SHARPNESS = 10.0
"""S = exp(SHARPNESS b)."""


def precision(bandwidth: Tensor) -> Tensor:
    """S = exp(10 b): the inverse squared width of a cell, in grid units, for b in [0, 1]; any shape."""
    return torch.exp(SHARPNESS * bandwidth)


def bandwidth_of_radius(radius: float, pixel_size: float) -> float:
    """The bandwidth b with which d = 0.5 at ``radius`` pixels: exp(-S (r pixel_size)^2) = 1/2."""
    return math.log(math.log(2) / (radius * pixel_size) ** 2) / SHARPNESS


class BranchedERFNet(nn.Module):
    """Two frames in, the ``Maps`` of frame t out. About 2.5 million parameters."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = encoder(dropout)
        self.segmentation = decoder(FEATURES, 4)  # offset y, x; bandwidth y, x
        self.seediness = decoder(FEATURES, 1)
        self.tracking = decoder(2 * FEATURES, 2)

    def start_at(self, radius: float, pixel_size: float) -> None:
        """Let the bandwidth start where a cell's radius is ``radius`` pixels: far pixels get no gradient otherwise."""
        b = min(max(bandwidth_of_radius(radius, pixel_size), 0.05), 0.95)
        output = self.segmentation[-1]
        assert isinstance(output, nn.ConvTranspose2d)
        assert output.bias is not None
        with torch.no_grad():
            output.bias[2:] = math.log(b / (1 - b))

    def encode(self, frames: Tensor) -> Tensor:
        """[B, 1, H, W] -> [B, 128, H/8, W/8]; frames of a pair pass separately."""
        features: Tensor = self.encoder(frames)
        return features

    def segment(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, 128, H/8, W/8] -> offset [B, 2, H, W], bandwidth [B, 2, H, W], seediness [B, H, W]."""
        spatial = _single(self.segmentation(features))  # [B, 4, H, W]
        seediness = _single(self.seediness(features))[:, 0]  # [B, 1, H, W] -> [B, H, W]
        return torch.tanh(spatial[:, :2]), torch.sigmoid(spatial[:, 2:]), torch.sigmoid(seediness)

    def shift(self, now: Tensor, before: Tensor) -> Tensor:
        """The features of t and of t-1, both [B, 128, H/8, W/8] -> tracking offset [B, 2, H, W]."""
        return torch.tanh(_single(self.tracking(torch.cat([now, before], dim=1))))

    def forward(self, now: Tensor, before: Tensor) -> tuple[Maps[Tensor], Maps[Tensor]]:
        """Frames t and t-1, [B, 1, H, W] each -> the maps of t and of t-1.

        The tracking offset of t-1 would need t-2: ``shift`` of the second is an empty tensor [0, 2, H, W].
        """
        batch = len(now)
        features = self.encode(torch.cat([now, before]))  # [2B, 128, H/8, W/8]
        offset, bandwidth, seediness = self.segment(features)
        shift = self.shift(features[:batch], features[batch:])
        return (
            Maps(offset[:batch], bandwidth[:batch], seediness[:batch], shift),
            Maps(offset[batch:], bandwidth[batch:], seediness[batch:], shift[:0]),
        )


def _single(maps: Tensor) -> Tensor:
    """In single precision, as bf16 would round positions to tenths of a pixel, and each map in one piece of memory.

    Convolutions leave channels last; what follows takes one channel apart from the others, four times faster so.
    """
    return maps.to(torch.float32, memory_format=torch.contiguous_format)
