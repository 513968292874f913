"""The moving average of a network's weights: what a training with large steps finds is noisy, its mean is better."""

import copy

import torch
from torch import nn


def average_of(network: nn.Module) -> nn.Module:
    """A copy that follows the network."""
    average = copy.deepcopy(network).eval()
    for parameter in average.parameters():
        parameter.requires_grad_(False)
    return average


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Go a part of the way to the network, the statistics of its norms too: a' = d a + (1 - d) w; in place.

    d = min(decay, step / (step + 9)): the first steps are forgotten soon.

    Args:
        average: what ``average_of`` gave.
        network: after its step number ``step``, from 1.
        decay: per step, in [0, 1).
        step: of the training.
    """
    share = 1 - min(decay, step / (step + 9))
    for mean, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now.to(mean.dtype), share)
        else:
            mean.copy_(now)
