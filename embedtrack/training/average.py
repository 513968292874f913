"""Means over the steps of a training, of the weights and of the norms' statistics: single steps are noisy."""

import copy

import torch
from torch import nn

MEMORY = 100
"""The norms' running statistics are means over this many steps. The last ten, torch's habit, hold ten large crops: with
their statistics the scores of whole frames jumped by .15 from one validation to the next."""


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


def remember(network: nn.Module, steps: int) -> None:
    """Before step number ``steps``, from 0: let the norms keep the mean over all steps so far, at most the last 100."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # torch's SyncBatchNorm is no BatchNorm2d
            module.momentum = 1 / min(steps + 1, MEMORY)
