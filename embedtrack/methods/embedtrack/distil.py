"""One view taught to say what eight say: a frozen teacher, the mean of its views, and how far a student is from it.

What eight views gain is a mean over symmetries, which a network could say at once if it had learnt to. The student
begins with the teacher's weights and learns as inference runs it, without dropout and with the norms' statistics as
they are: those of a few crops change what it says by more than seven more views do.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from embedtrack.config import Recipe
from embedtrack.inference.symmetry import SYMMETRIES
from embedtrack.inference.tiles import plan
from embedtrack.methods.embedtrack.branched import SHARPNESS, BranchedERFNet, precision
from embedtrack.methods.embedtrack.loss import embedtrack_loss
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.predict import Predictor
from embedtrack.methods.embedtrack.samples import Batch

SEEDINESS = 10.0
"""Weight of its difference, which is counted on the background too; the parts' gradients are then of like size."""


class Losses(NamedTuple):
    """The parts, unweighted, and their weighted sum; all are scalars."""

    total: Tensor
    instance: Tensor
    variance: Tensor
    seed: Tensor
    track: Tensor
    distil: Tensor


class Distilling:
    """EmbedTrack's loss, and beside it the difference from a network that does not learn."""

    def __init__(self, teacher: BranchedERFNet, precision: str) -> None:
        """Take a copy of the teacher, on its device, without its tracking decoder; it runs in this precision."""
        alone = BranchedERFNet(tracking=False, bounded=teacher.bounded).to(next(teacher.parameters()).device)
        alone.load_state_dict({name: value for name, value in teacher.state_dict().items() if "tracking." not in name})
        self._predictor = Predictor(alone.eval(), [], len(SYMMETRIES), precision)

    def loss(self, network: nn.Module, batch: Batch, recipe: Recipe, precision: torch.dtype) -> Losses:
        """As ``method.loss``; the network of the processes learns in evaluation mode. The teacher sees frames t."""
        network.eval()
        with torch.autocast(batch.now.device.type, precision, enabled=precision != torch.float32):
            now, before = network(batch.now, batch.before)
        cells = (batch.cells_now, batch.cells_before, batch.links)
        usual = embedtrack_loss(now, before, *cells, recipe.pixel_size, recipe.variance_weight, recipe.tracking_weight)
        term = difference(now, self.maps(batch.now), batch.cells_now.instances >= 0)
        total, *parts = usual
        return Losses(total + recipe.distil * term, *parts, term)

    def maps(self, frames: Tensor) -> Maps[Tensor]:
        """The teacher's mean maps of frames [B, 1, H, W], sides multiples of 8, over eight views; the shift is 0."""
        height, width = frames.shape[-2:]
        self._predictor.tiles = plan((height, width), max(height, width), 0)
        each = [self._predictor(frame[0].cpu().numpy()) for frame in frames]
        stacked = (torch.stack([torch.from_numpy(one) for one in maps]) for maps in zip(*each, strict=True))
        return Maps(*(maps.to(frames.device) for maps in stacked))


def difference(student: Maps[Tensor], teacher: Maps[Tensor], inside: Tensor) -> Tensor:
    """Mean over cells' pixels of sum_k S_k (o_k - o'_k)^2 + (10 (b_k - b'_k))^2 / 2, plus 10 (s - s')^2 over all.

    Each part is, about, the square of what the exponent of d = exp(-S r^2) differs by at the rim of a cell.

    Args:
        student: maps [B, ...] with gradients; its shift is not used.
        teacher: without; S is its precision.
        inside: bool[B, H, W], pixels of cells.
    """
    share = inside[:, None] / inside.sum().clamp(min=1)  # [B, 1, H, W]
    offset = precision(teacher.bandwidth) * (student.offset - teacher.offset).square()  # [B, 2, H, W]
    bandwidth = (SHARPNESS * (student.bandwidth - teacher.bandwidth)).square() / 2
    seediness = (student.seediness - teacher.seediness).square().mean()
    return ((offset + bandwidth) * share).sum() + SEEDINESS * seediness
