"""The loss of EmbedSeg (Lalit et al. 2021): EmbedTrack's of a single frame, and the published form of the seed loss."""

from typing import NamedTuple

import torch
from torch import Tensor

from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedtrack.branched import precision
from embedtrack.methods.embedtrack.loss import segmentation_losses
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.samples import BACKGROUND, Cells


class Losses(NamedTuple):
    """The parts, unweighted, and their weighted sum; all are scalars."""

    total: Tensor
    instance: Tensor
    variance: Tensor
    seed: Tensor


def embedseg_loss(
    maps: Maps[Tensor], cells: Cells, settings: EmbedSegConfig, pixel_size: float, weight: float
) -> Losses:
    """L = L_instance + ``weight`` L_var + L_seed of B images; see ``methods/embedtrack/loss.py``."""
    instance, variance, seed = segmentation_losses(maps, cells, pixel_size)
    if settings.seed_loss == "pixels":
        seed = seed_loss_of_pixels(maps, cells, pixel_size, settings.foreground_weight)
    return Losses(instance + weight * variance + seed, instance, variance, seed)


def seed_loss_of_pixels(maps: Maps[Tensor], cells: Cells, pixel_size: float, foreground: float) -> Tensor:
    """Mean over crops of (sum over the background of s^2 + ``foreground`` sum over cells of (s - stop(D))^2) / (H W).

    s is the seediness, D = exp(-sum_k S_k (c_k - e_k)^2) with the mean bandwidth of the pixel's instance. Large cells
    weigh more than small ones, and pixels of which the truth says nothing count as well predicted.
    """
    owner = cells.instances.flatten()  # [B*H*W]
    pixels = torch.nonzero(owner >= 0).squeeze(1)  # [m]
    owner = owner.index_select(0, pixels)
    with torch.no_grad():
        bandwidth = maps.bandwidth.movedim(1, -1).flatten(0, 2).index_select(0, pixels)  # [B, 2, H, W] -> [m, 2]
        total = bandwidth.new_zeros((len(cells.centres), 2)).index_add(0, owner, bandwidth)
        size = bandwidth.new_zeros(len(cells.centres)).index_add(0, owner, torch.ones_like(bandwidth[:, 0]))
        sharpness = precision(total / size[:, None]).index_select(0, owner)  # [m, 2]
        height, width = maps.seediness.shape[-2:]
        place = torch.stack([(pixels // width) % height, pixels % width], dim=1) * pixel_size  # [m, 2]
        offset = maps.offset.movedim(1, -1).flatten(0, 2).index_select(0, pixels)
        distance = place + offset - cells.centres.index_select(0, owner)
        target = torch.exp(-(sharpness * distance.square()).sum(dim=1))  # [m]
    inside = (maps.seediness.flatten().index_select(0, pixels) - target).square().sum()
    outside = (maps.seediness.square() * (cells.instances == BACKGROUND)).sum()
    return (foreground * inside + outside) / maps.seediness.numel()
