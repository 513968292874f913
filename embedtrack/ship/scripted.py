"""A network as one TorchScript function, grey values in and maps out, for programs that know nothing of this one."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.movies.noise import GAUSSIAN


def scripted(network: BranchedERFNet, config: ModelConfig) -> torch.jit.ScriptModule:
    """The network with all that comes before it, in single precision and for images of its own scale.

    As ``inference/segmenter.py`` in one view, but for what other programs bring: an uneven ground stays, and places
    without content count.

    Args:
        network: on the CPU.
        config: its scale is among ``SCALES``; sides of images are then multiples of ``step(config)``.
    """
    kind = ImageNetwork if network.tracking is None else FrameNetwork
    with warnings.catch_warnings():  # of torch, which has no successor for other programs
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(kind(network, config).eval())


def step(config: ModelConfig) -> int:
    """What divides the sides of images that the network can see: 8 working pixels, and whole ones of the image."""
    return max(round(8 / config.scale), 1)


class GreyNetwork(nn.Module):
    """What comes before the decoders."""

    def __init__(self, network: BranchedERFNet, config: ModelConfig) -> None:
        super().__init__()
        self.smaller = round(1 / config.scale) if config.scale < 1 else 1
        self.larger = round(config.scale) if config.scale > 1 else 1
        self.asinh = config.normalisation.method == "asinh"
        self.high, self.floor = config.normalisation.high / 100, config.normalisation.floor
        self.bounded, self.noise = network.bounded, GAUSSIAN * 2**0.5
        self.grouped = config.normalisation.noise == "image"
        self.encoder, self.segmentation, self.seediness = network.encoder, network.segmentation, network.seediness

    def features(self, grey: Tensor) -> Tensor:
        """[B, 1, H, W] -> [B, 128, h/8, w/8] at the working scale, see ``movies/scale.py``."""
        if self.smaller > 1:
            grey = functional.avg_pool2d(grey, self.smaller)
        image = grey
        if self.larger > 1:
            grey = functional.interpolate(grey, scale_factor=float(self.larger), mode="bilinear", align_corners=False)
        steps = typical_step(image if self.grouped else grey, self.grouped)
        features: Tensor = self.encoder(self.normalised(grey, steps / self.noise))
        return features

    def normalised(self, grey: Tensor, sigma: Tensor) -> Tensor:
        """Each image [B, 1, h, w] by itself, whose noise is [B, 1, 1, 1], see ``movies/normalise.py``."""
        values = grey.flatten(1).sort(dim=1).values  # [B, h w]
        if self.asinh:
            frame = torch.asinh((grey - quantile(values, 0.5)) / (2 * sigma)) / 2
        else:
            low, high = quantile(values, 0.01), quantile(values, self.high)
            frame = (grey - low) / torch.maximum(high - low, self.floor * sigma)
        return torch.where(sigma > 0, frame, torch.zeros_like(frame))

    def cells(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, 128, h/8, w/8] -> seediness [B, 1, H, W], offset and bandwidth [B, 2, H, W]."""
        spatial = self.segmentation(features)
        bandwidth = torch.sigmoid(spatial[:, 2:]) if self.bounded else spatial[:, 2:]
        seediness, offset = torch.sigmoid(self.seediness(features)), torch.tanh(spatial[:, :2])
        return self.full(seediness), self.full(offset), self.full(bandwidth)

    def full(self, maps: Tensor) -> Tensor:
        """[B, n, h, w] at the working scale -> [B, n, H, W]."""
        if self.smaller > 1:
            maps = functional.interpolate(maps, scale_factor=float(self.smaller), mode="bilinear", align_corners=False)
        if self.larger > 1:
            maps = functional.avg_pool2d(maps, self.larger)
        return maps


class ImageNetwork(GreyNetwork):
    """Without tracking decoder."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, 1, H, W] -> seediness [B, 1, H, W], offset and bandwidth [B, 2, H, W]."""
        return self.cells(self.features(image))


class FrameNetwork(GreyNetwork):
    """With it."""

    def __init__(self, network: BranchedERFNet, config: ModelConfig) -> None:
        super().__init__(network, config)
        assert network.tracking is not None
        self.tracking = network.tracking

    def forward(self, image: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As ``ImageNetwork`` of frame t, and with frame t-1, [B, 1, H, W] too, the tracking offset [B, 2, H, W]."""
        now = self.features(image)
        shift = torch.tanh(self.tracking(torch.cat([now, self.features(before)], dim=1)))
        seediness, offset, bandwidth = self.cells(now)
        return seediness, offset, bandwidth, self.full(shift)


def typical_step(grey: Tensor, grouped: bool) -> Tensor:
    """Between neighbours of each image [B, 1, h, w], as ``movies/noise.py`` takes it: [B, 1, 1, 1]."""
    steps = torch.cat([grey.diff(dim=2).flatten(1), grey.diff(dim=3).flatten(1)], dim=1).abs().sort(dim=1).values
    typical, mean = quantile(steps, 0.5), steps.mean(dim=1)[:, None, None, None]
    most_equal = (2 * (steps > 0).sum(dim=1) < steps.shape[1])[:, None, None, None]
    if grouped:
        typical = between(steps, typical[:, 0, 0])
    least = torch.where(typical > 0, torch.minimum(typical, mean), mean)
    return torch.where(most_equal, least, typical)


def between(values: Tensor, middle: Tensor) -> Tensor:
    """Of sorted values [B, n] with their median [B, 1] the grouped one, see ``movies/median.py``: [B, 1, 1, 1]."""
    less, upto = (values < middle).sum(dim=1, keepdim=True), (values <= middle).sum(dim=1, keepdim=True)
    lower = torch.where(less > 0, values.gather(1, (less - 1).clamp(min=0)), middle)
    upper = torch.where(upto < values.shape[1], values.gather(1, upto.clamp(max=values.shape[1] - 1)), middle)
    start, end = (lower + middle) / 2, (middle + upper) / 2
    spread = start + (end - start) * (values.shape[1] / 2 - less) / (upto - less).clamp(min=1)
    return torch.where(upto > less, spread, middle)[:, :, None, None]


def quantile(values: Tensor, q: float) -> Tensor:
    """Of sorted values [B, n], between two of them as NumPy has it: [B, 1, 1, 1]."""
    place = q * (values.shape[1] - 1)
    first = int(place)
    last = min(first + 1, values.shape[1] - 1)
    between = values[:, first] + (place - first) * (values[:, last] - values[:, first])
    return between[:, None, None, None]
