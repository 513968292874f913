"""The network as inference runs it: the same function with batch norms folded, activations in place, cast once."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from embedtrack.machine.device import has_amx
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.erfnet import Downsampler, NonBottleneck1D, Upsampler

FUSED = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")  # type: ignore[no-untyped-call]
"""Whether this torch has convolutions that add and rectify."""
TAPS = ((0, 0, 1), (1, 0, 2), (1, 1, 0))
"""Along an axis the transposed convolution makes of x the pixels y[2m] = W1 x[m] and y[2m+1] = W2 x[m] + W0 x[m+1]:
which of the two, the place of x after m, and the place in W."""


class FoldedBlock(nn.Module):
    """A ``NonBottleneck1D`` in evaluation mode: relu(x + W4 relu(W3 relu(W2 relu(W1 x)))), the norms in W2 and W4."""

    def __init__(self, block: NonBottleneck1D) -> None:
        super().__init__()
        self.down1, self.right1 = block.down1, fuse_conv_bn_eval(block.right1, block.norm1)
        self.down2, self.right2 = block.down2, fuse_conv_bn_eval(block.right2, block.norm2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> the same shape."""
        y = rectified(self.right1, rectified(self.down1, x))
        y = rectified(self.down2, y)  # by its own name: what it was made of goes before the last step
        return rectified(self.right2, y, plus=x)


class FastDownsampler(nn.Module):
    """A ``Downsampler`` in evaluation mode; its norm stays, as it follows a max pool too, which nothing folds into."""

    def __init__(self, block: Downsampler) -> None:
        super().__init__()
        self.convolution, self.norm = block.convolution, block.norm

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H/2, W/2]; H and W are even."""
        rows = torch.maximum(x[..., ::2, :], x[..., 1::2, :])  # torch's pool, which notes places too, takes ten times
        pooled = torch.maximum(rows[..., ::2], rows[..., 1::2])  # as long for one channel
        halved: Tensor = self.norm(torch.cat([self.convolution(x), pooled], dim=1)).relu_()
        return halved


class FoldedUpsampler(nn.Module):
    """An ``Upsampler`` in evaluation mode."""

    def __init__(self, block: Upsampler) -> None:
        super().__init__()
        self.convolution = fuse_conv_bn_eval(block.convolution, block.norm, transpose=True)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, 2H, 2W]."""
        folded: Tensor = self.convolution(x).relu_()
        return folded


class SubpixelUpsampler(nn.Module):
    """An ``Upsampler`` in evaluation mode, as one convolution that makes four pixels of each.

    Of its 16 weights for each of them seven are zero. Where the processor's AMX unit does it, which oneDNN has for no
    transposed convolution, it takes a quarter of the time; elsewhere more.
    """

    def __init__(self, block: Upsampler) -> None:
        super().__init__()
        folded = fuse_conv_bn_eval(block.convolution, block.norm, transpose=True)
        inputs, outputs = folded.weight.shape[:2]
        assert folded.bias is not None
        with torch.random.fork_rng(devices=()):  # first weights draw random numbers, which belong to a training
            self.convolution = nn.Conv2d(inputs, 4 * outputs, 2, padding=1)
        weight = folded.weight.new_zeros(2, 2, outputs, inputs, 2, 2)
        for odd_row, y, row in TAPS:
            for odd_column, x, column in TAPS:
                weight[odd_row, odd_column, :, :, y, x] = folded.weight[:, :, row, column].T
        self.convolution.weight = nn.Parameter(weight.flatten(0, 2))
        self.convolution.bias = nn.Parameter(folded.bias.repeat(4))

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, 2H, 2W]."""
        made = rectified(self.convolution, x)[:, :, 1:, 1:]
        batch, channels, height, width = made.shape
        parts = made.view(batch, 2, 2, channels // 4, height, width)  # [B, row, column, outputs, H, W]
        rows = parts.permute(0, 4, 1, 5, 2, 3).reshape(batch, 2 * height, 2 * width, channels // 4)
        return rows.permute(0, 3, 1, 2)


def rectified(convolution: nn.Conv2d, x: Tensor, plus: Tensor | None = None) -> Tensor:
    """relu(W x + plus), [B, inputs, H, W] -> [B, outputs, H, W].

    On a CPU the convolution's own kernel adds and rectifies while its result is still in the cache. The operator is
    the one that torch's compiler calls; torch has no public name for it, so it may go: then it is done step by step.
    """
    if not _fusible(x):
        y: Tensor = convolution(x)
        return (y if plus is None else y.add_(plus)).relu_()
    fused, weights = torch.ops.mkldnn._convolution_pointwise, (convolution.weight, convolution.bias)
    place = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)
    if plus is None:
        y = fused(x, *weights, *place, "relu", [], "")
    else:
        y = fused.binary(x, plus, *weights, *place, "add", 1.0, "relu", [], "")
    return y


def _fusible(x: Tensor) -> bool:
    """Torch 2.11 refuses single pixels, old processors bfloat16."""
    if not FUSED or x.device.type != "cpu":
        return False
    known = x.dtype != torch.bfloat16 or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return known and x.shape[-2] * x.shape[-1] > 1


def for_inference(network: BranchedERFNet, precision: torch.dtype = torch.float32) -> BranchedERFNet:
    """A copy of a network in evaluation mode that computes the same with less work; the network stays as it is.

    Args:
        network: on any device.
        precision: of its weights and features, float32 or bfloat16.

    Returns:
        The copy, on the same device, channels last; for inference mode only, as it works in place.
    """
    fast = copy.deepcopy(network).eval()
    device = next(fast.parameters()).device
    upsampler = SubpixelUpsampler if precision == torch.bfloat16 and has_amx(device) else FoldedUpsampler
    for branch in filter(None, (fast.encoder, fast.segmentation, fast.seediness, fast.tracking)):
        for index, block in enumerate(branch):
            if isinstance(block, NonBottleneck1D):
                branch[index] = FoldedBlock(block)
            elif isinstance(block, Upsampler):
                branch[index] = upsampler(block)
            elif isinstance(block, Downsampler):
                branch[index] = FastDownsampler(block)
    for module in fast.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(precision)
    fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return fast.requires_grad_(False)
