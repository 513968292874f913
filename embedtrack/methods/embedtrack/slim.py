"""A network with fewer channels than another one, begun with those that say most: what it lacks it has to be taught."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.erfnet import Channels, Downsampler, NonBottleneck1D, Upsampler
from embedtrack.truth.annotated import AnnotatedMovie

Layer = nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d
Activity = dict[nn.Module, Tensor]
"""The standard deviation of each channel of a layer's output."""
FRAMES, SIDE = 8, 512
"""Of how many frames, and of which part of each, the activity is taken."""


def some_frames(movies: Sequence[AnnotatedMovie], device: torch.device) -> Tensor:
    """Frames from all over the movies float32[B, 1, H, W], their corners as far as all have them, in multiples of 8."""
    every = -(-sum(len(movie.frames) for movie in movies) // FRAMES)
    frames = [movie.frames[t] for movie in movies for t in range(0, len(movie.frames), every)]
    height, width = (min(SIDE, *(frame.shape[axis] for frame in frames)) // 8 * 8 for axis in range(2))
    return torch.from_numpy(np.stack([frame[:height, :width] for frame in frames])[:, None]).to(device)


def slimmed(network: BranchedERFNet, frames: Tensor, channels: Channels) -> BranchedERFNet:
    """A network of so many channels with the weights between the most active ones of ``network``.

    Args:
        network: with as many channels or more; it is left in evaluation mode.
        frames: float32[B, 1, H, W] of its movies, normalised, on its device; H and W are multiples of 8.
        channels: at 1/2, 1/4 and 1/8 of the resolution.
    """
    with torch.random.fork_rng(devices=()):  # first weights draw random numbers, which belong to a training
        slim = BranchedERFNet(tracking=network.tracking is not None, bounded=network.bounded, channels=channels)
    with _watched(network) as activity, torch.no_grad():
        network.eval()(frames, frames)
    device = next(network.parameters()).device
    features = _copy(slim.encoder, network.encoder, torch.zeros(1, dtype=torch.int64, device=device), activity)
    for new, old in ((slim.segmentation, network.segmentation), (slim.seediness, network.seediness)):
        _copy(new, old, features, activity)
    if slim.tracking is not None and network.tracking is not None:
        before = features + network.channels[-1]
        _copy(slim.tracking, network.tracking, torch.cat([features, before]), activity)
    return slim.to(device)


@contextmanager
def _watched(network: nn.Module) -> Iterator[Activity]:
    """Within, note how much the channels of each layer's last output vary."""
    activity: Activity = {}

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        activity[layer] = output.std(dim=(0, 2, 3))

    hooks = [layer.register_forward_hook(note) for layer in network.modules() if isinstance(layer, Layer)]
    try:
        yield activity
    finally:
        for hook in hooks:
            hook.remove()


def _copy(new: nn.Module, old: nn.Module, inputs: Tensor, activity: Activity) -> Tensor:
    """Fill one branch from the other, of whose input the channels int64[n] are there; those of its output that are."""
    pairs: Iterator[tuple[Any, Any]] = zip(new.children(), old.children(), strict=True)
    for to, block in pairs:
        if isinstance(block, Downsampler):
            made = block.convolution.out_channels
            kept = _most(activity[block.norm][:made], to.convolution.out_channels)
            _take(to.convolution, block.convolution, kept, inputs)
            inputs = torch.cat([kept, inputs + made])  # behind the convolution's come the pooled ones
            _take(to.norm, block.norm, inputs)
        elif isinstance(block, NonBottleneck1D):
            _copy_block(to, block, inputs, activity)
        elif isinstance(block, Upsampler):
            kept = _most(activity[block.norm], to.convolution.out_channels)
            _take(to.convolution, block.convolution, kept, inputs)
            _take(to.norm, block.norm, kept)
            inputs = kept
        else:
            kept = torch.arange(block.out_channels, device=inputs.device)
            _take(to, block, kept, inputs)
    return inputs


def _copy_block(to: NonBottleneck1D, block: NonBottleneck1D, stream: Tensor, activity: Activity) -> None:
    """What is added to the stream has its channels; those in between are the most active ones."""
    first, second, third = (_most(activity[layer], len(stream)) for layer in (block.down1, block.norm1, block.down2))
    _take(to.down1, block.down1, first, stream)
    _take(to.right1, block.right1, second, first)
    _take(to.norm1, block.norm1, second)
    _take(to.down2, block.down2, third, second)
    _take(to.right2, block.right2, stream, third)
    _take(to.norm2, block.norm2, stream)


def _most(activity: Tensor, count: int) -> Tensor:
    """The most active channels, int64[count], in their order."""
    return activity.argsort(descending=True, stable=True)[:count].sort().values


def _take(to: nn.Module, layer: nn.Module, outputs: Tensor, inputs: Tensor | None = None) -> None:
    """The part of a layer's weights that leads from some channels to others."""
    transposed = isinstance(layer, nn.ConvTranspose2d)
    for name, value in layer.state_dict().items():
        if value.ndim == 4:
            value = value[inputs][:, outputs] if transposed else value[outputs][:, inputs]
        elif value.ndim == 1:
            value = value[outputs]
        to.state_dict()[name].copy_(value)
