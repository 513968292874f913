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
from embedtrack.methods.embedtrack.maps import Maps

SHARPNESS = 10.0
"""S = exp(SHARPNESS b)."""


def precision(bandwidth: Tensor) -> Tensor:
    """S = exp(10 b): the inverse squared width of a cell, in grid units, for b in [0, 1]; any shape."""
    return torch.exp(SHARPNESS * bandwidth)


def bandwidth_of_radius(radius: float, pixel_size: float) -> float:
    """The bandwidth b with which d = 0.5 at ``radius`` pixels: exp(-S (r pixel_size)^2) = 1/2."""
    return math.log(math.log(2) / (radius * pixel_size) ** 2) / SHARPNESS


class BranchedERFNet(nn.Module):
    """Two frames in, the ``Maps`` of frame t out. About 2.5 million parameters; 2.3 without tracking decoder."""

    def __init__(self, dropout: float = 0.0, *, tracking: bool = True, bounded: bool = True) -> None:
        """Make an untrained network.

        Args:
            dropout: of the deep blocks.
            tracking: whether it has a decoder for the tracking offset.
            bounded: whether a sigmoid keeps the bandwidth in [0, 1]; otherwise it is what the decoder gives.
        """
        super().__init__()
        self.bounded = bounded
        self.encoder = encoder(dropout)
        self.segmentation = decoder(FEATURES, 4)  # offset y, x; bandwidth y, x
        self.seediness = decoder(FEATURES, 1)
        self.tracking = decoder(2 * FEATURES, 2) if tracking else None

    def start_at(self, radius: float, pixel_size: float) -> None:
        """Let the bandwidth start where a cell's radius is ``radius`` pixels: far pixels get no gradient otherwise."""
        self.start_with(min(max(bandwidth_of_radius(radius, pixel_size), 0.05), 0.95))

    def start_with(self, bandwidth: float) -> None:
        """Let the bandwidth start with a value, which lies in (0, 1) where it is bounded."""
        output = self.segmentation[-1]
        assert isinstance(output, nn.ConvTranspose2d)
        assert output.bias is not None
        with torch.no_grad():
            output.bias[2:] = math.log(bandwidth / (1 - bandwidth)) if self.bounded else bandwidth

    def encode(self, frames: Tensor) -> Tensor:
        """[B, 1, H, W] -> [B, 128, H/8, W/8]; frames of a pair pass separately."""
        features: Tensor = self.encoder(frames)
        return features

    def segment(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, 128, H/8, W/8] -> offset [B, 2, H, W], bandwidth [B, 2, H, W], seediness [B, H, W]."""
        spatial = _single(self.segmentation(features))  # [B, 4, H, W]
        seediness = _single(self.seediness(features))[:, 0]  # [B, 1, H, W] -> [B, H, W]
        bandwidth = torch.sigmoid(spatial[:, 2:]) if self.bounded else spatial[:, 2:]
        return torch.tanh(spatial[:, :2]), bandwidth, torch.sigmoid(seediness)

    def shift(self, now: Tensor, before: Tensor) -> Tensor:
        """The features of t and of t-1, both [B, 128, H/8, W/8] -> tracking offset [B, 2, H, W]; 0 without decoder."""
        if self.tracking is None:
            return now.new_zeros((len(now), 2, 8 * now.shape[2], 8 * now.shape[3]), dtype=torch.float32)
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
