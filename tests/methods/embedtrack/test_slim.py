"""A network with fewer channels: of those that are silent nothing is lost."""

import pytest
import torch
from torch import nn

from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.erfnet import Channels, Downsampler, NonBottleneck1D, Upsampler
from embedtrack.methods.embedtrack.slim import slimmed

SMALL: Channels = (4, 8, 16)


def network(channels: Channels, *, tracking: bool = True) -> BranchedERFNet:
    torch.manual_seed(0)
    made = BranchedERFNet(tracking=tracking, channels=channels)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    return made.eval()


def same(one: BranchedERFNet, other: BranchedERFNet, frames: torch.Tensor) -> bool:
    pairs = zip(
        (*one(frames, frames)[0], *one(frames, frames)[1]),
        (*other(frames, frames)[0], *other(frames, frames)[1]),
        strict=True,
    )
    return all(torch.allclose(mine, theirs, atol=1e-5) for mine, theirs in pairs)


@pytest.mark.parametrize("tracking", [True, False])
def test_a_network_with_all_its_channels_is_itself(tracking: bool):
    whole, frames = network(SMALL, tracking=tracking), torch.randn(2, 1, 16, 24)
    same_size = slimmed(whole, frames, SMALL)
    assert {name: value.shape for name, value in same_size.state_dict().items()} == {
        name: value.shape for name, value in whole.state_dict().items()
    }
    assert same(same_size.eval(), whole, frames)


def silence(block: nn.Module, channels: list[int], *layers: str) -> None:
    """Let some channels of layers be zero whatever comes in."""
    for name in layers:
        layer = getattr(block, name)
        for value in (layer.weight, layer.bias):
            value.data[channels] = 0
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean[channels] = 0


def test_silent_channels_are_the_ones_that_go():
    wide, frames = network((8, 16, 32)), torch.randn(2, 1, 16, 24)
    encoder = wide.encoder
    silence(encoder[0], [1, 3, 4, 6], "norm")
    silence(encoder[1], [0, 1, 2, 3, 9, 10, 11, 14], "norm")
    for branch in (wide.encoder, wide.segmentation, wide.seediness, wide.tracking):
        assert branch is not None
        for block in branch:
            if isinstance(block, NonBottleneck1D):
                half = list(range(len(block.norm1.weight) // 2))
                silence(block, half, "down1", "norm1", "down2")
            elif isinstance(block, Upsampler):
                silence(block, list(range(0, len(block.norm.weight), 2)), "norm")
    slim = slimmed(wide, frames, (4, 8, 16))
    assert [block.norm.num_features for block in slim.encoder if isinstance(block, Downsampler)] == [4, 8, 16]
    block = next(block for block in slim.encoder if isinstance(block, NonBottleneck1D))
    old = next(block for block in wide.encoder if isinstance(block, NonBottleneck1D))
    assert torch.equal(block.norm1.weight, old.norm1.weight[8:])
    up, before = slim.seediness[0], wide.seediness[0]
    assert isinstance(up, Upsampler)
    assert isinstance(before, Upsampler)
    assert torch.equal(up.norm.bias, before.norm.bias[1::2])


def test_it_draws_no_random_numbers_of_a_training():
    wide, frames = network(SMALL), torch.randn(1, 1, 8, 8)
    state = torch.get_rng_state()
    slimmed(wide, frames, (2, 4, 8))
    assert torch.equal(torch.get_rng_state(), state)
