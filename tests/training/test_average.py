import copy

import pytest
import torch

from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.training.average import average_of, follow, remember


def test_the_average_follows_slowly_after_the_first_steps(network: BranchedERFNet):
    average, moved = average_of(network), copy.deepcopy(network)
    name, value = next(iter(network.named_parameters()))
    with torch.no_grad():
        dict(moved.named_parameters())[name].copy_(value + 1)
    follow(average, moved, 0.99, step=1)  # d = 1 / 10
    assert torch.allclose(dict(average.named_parameters())[name], value + 0.9)
    average = average_of(network)
    follow(average, moved, 0.5, step=10_000)
    assert torch.allclose(dict(average.named_parameters())[name], value + 0.5)
    assert torch.equal(dict(network.named_parameters())[name], value)  # a copy, not the network itself


def test_statistics_of_the_norms_are_averaged_too(network: BranchedERFNet):
    average, moved = average_of(network), copy.deepcopy(network)
    norms = [next(m for m in one.modules() if isinstance(m, torch.nn.BatchNorm2d)) for one in (network, average, moved)]
    norms[2].running_mean += 2
    norms[2].num_batches_tracked += 5
    follow(average, moved, 0.5, step=10_000)
    assert torch.allclose(norms[1].running_mean, norms[0].running_mean + 1)
    assert norms[1].num_batches_tracked == norms[2].num_batches_tracked


def test_norms_remember_all_steps_and_then_the_last_hundred():
    norm = torch.nn.BatchNorm2d(1)
    for steps, value in enumerate((1.0, 2.0, 6.0)):
        remember(norm, steps)
        norm(torch.full((2, 1, 4, 4), value))
    assert norm.running_mean.item() == pytest.approx(3)
    remember(norm, 5000)
    norm(torch.full((2, 1, 4, 4), 103.0))
    assert norm.running_mean.item() == pytest.approx(4)


def test_norms_that_several_gpus_share_remember_too():
    network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(BranchedERFNet())
    remember(network, 4)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.SyncBatchNorm)]
    assert {norm.momentum for norm in norms} == {1 / 5}
