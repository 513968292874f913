"""What a teacher adds to the loss (Hinton et al. 2015): its maps tell each pixel what truth tells a cell as a whole."""

import torch
from torch import Tensor
from torch.nn import functional

from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.fast import for_inference
from embedtrack.methods.embedtrack.maps import Maps

CELL = 0.1
"""Where the teacher's seediness is above this, its vectors mean something."""
OFFSET, SHIFT, BANDWIDTH, SEEDINESS = 0.1, 0.1, 5.0, 5.0
"""Weights of the maps' errors of a frame, which make them about as large as what the truth says."""


class Teacher:
    """A network that says of a pair of frames what another one shall say."""

    def __init__(self, network: BranchedERFNet) -> None:
        """Take a copy of the network, on its device."""
        self._by: dict[torch.dtype, BranchedERFNet] = {}
        self._network = network

    @torch.no_grad()
    def __call__(self, now: Tensor, before: Tensor, precision: torch.dtype) -> tuple[Maps[Tensor], Maps[Tensor]]:
        """The maps of frames t and t-1, [B, 1, H, W] each, in evaluation mode; see ``BranchedERFNet.forward``."""
        if precision not in self._by:
            self._by[precision] = for_inference(self._network, precision)
        frames = (part.to(precision, memory_format=torch.channels_last) for part in (now, before))
        maps: tuple[Maps[Tensor], Maps[Tensor]] = self._by[precision](*frames)
        return maps


def distillation(pupil: Maps[Tensor], teacher: Maps[Tensor], pixel_size: float) -> Tensor:
    """How far the maps of a batch are from the teacher's, a scalar.

    Vectors by the Huber loss in pixels, bandwidths by their distance, where the teacher sees a cell; seediness by its
    square everywhere.
    """
    cell = (teacher.seediness > CELL).to(pupil.seediness.dtype)  # [B, H, W]
    area = cell.sum().clamp(min=1)

    def vectors(one: Tensor, other: Tensor) -> Tensor:
        apart = functional.smooth_l1_loss(one / pixel_size, other / pixel_size, reduction="none")  # [B, 2, H, W]
        return (apart.mean(dim=1) * cell).sum() / area

    total = OFFSET * vectors(pupil.offset, teacher.offset)
    total = total + BANDWIDTH * ((pupil.bandwidth - teacher.bandwidth).abs().mean(dim=1) * cell).sum() / area
    total = total + SEEDINESS * (pupil.seediness - teacher.seediness).square().mean()
    if len(pupil.shift):
        total = total + SHIFT * vectors(pupil.shift, teacher.shift)
    return total
