import pytest
import torch

from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.erfnet import encoder, remember


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


def test_dropout_is_the_recipes():
    rates = [block.p for block in encoder(0.2).modules() if isinstance(block, torch.nn.Dropout2d)]
    assert rates == pytest.approx([0.02] * 5 + [0.2] * 8)
