"""The cosine loss (Payer et al. 2019), by second moments: exact, and many cells cost as much as few."""

from typing import NamedTuple

import torch
from torch import Tensor

from embedtrack.methods.embedtrack.samples import BACKGROUND
from embedtrack.methods.hourglass.network import unit
from embedtrack.methods.hourglass.windows import Windows

STUCK = 0.02
"""A pixel whose embedding lies so near a right angle, by the cosine, to where it should point gets next to no pull."""


class Losses(NamedTuple):
    """The parts of both hourglasses added up, and their sum; all are scalars."""

    total: Tensor
    background: Tensor
    """L(b): background points along the first axis, no cell does."""
    pull: Tensor
    """Mean over the cells of L_S: their pixels agree."""
    push: Tensor
    """Mean over the cells of L_N: their neighbours are at right angles to them."""
    stuck: Tensor
    """Share of the pixels without gradient; in no sum."""


def cosine_loss(embeddings: Tensor, truth: Windows, *, squared: bool = True) -> Losses:
    """L = L(b) + mean_i L(i), mean over the clips, sum over the hourglasses (Payer et al. 2019, section 2.3).

    With S_i all pixels of instance i in the window, m_i the mean of their raw embeddings, N_i all pixels of its
    neighbours and ^ for length 1:

        L(i) = 1 - mean_{S_i} (m^_i u^_p)^2 + mean_{N_i} (m^_i u^_p)^2

    For the background m is fixed, (1, 0, ..., 0), and N are the pixels of all instances. A term without S or N is 0.
    As sum_p (m^ u^_p)^2 = m^T R m^ with R = sum_p u^_p u^_p^T, the pixels are looked at once.

    Args:
        embeddings: float[S, B, T, d, H, W] of S hourglasses.
        truth: B clips.
        squared: otherwise the pull is 1 - mean m^_i u^_p (Payer et al. 2018), which tells u from -u.
    """
    order, sizes = _by_group(truth)
    parts = torch.stack([_losses(flat[order], sizes, truth, squared) for flat in _flat(embeddings)])  # [S, 4]
    background, pull, push, stuck = parts.sum(0)
    return Losses(background + pull + push, background, pull, push, stuck / len(parts))


def _flat(embeddings: Tensor) -> Tensor:
    """[S, B * T * H * W, d], in single precision at least."""
    flat = embeddings.movedim(3, -1).flatten(1, -2)
    return flat if flat.dtype == torch.float64 else flat.float()


def _by_group(truth: Windows) -> tuple[Tensor, list[int]]:
    """The pixels of all instances and then of each clip's background, and how many each of these n + B groups has."""
    clips, count = len(truth.frames), len(truth.clips)
    clip = torch.arange(clips, device=truth.frames.device)[:, None, None, None]  # [B, 1, 1, 1]
    group = torch.where(truth.instances == BACKGROUND, count + clip, truth.instances).flatten()
    known = torch.nonzero(group >= 0).squeeze(1)
    order = known[torch.argsort(group[known], stable=True)]
    return order, torch.bincount(group[known], minlength=count + clips).tolist()


def _losses(pixels: Tensor, sizes: list[int], truth: Windows, squared: bool) -> Tensor:
    """[4]: background, pull, push and the share of stuck pixels, of embeddings [P, d] in the order of their groups."""
    clips, count = len(truth.frames), len(truth.clips)
    directions = unit(pixels)
    groups = torch.split(directions, sizes)
    moments = torch.stack([group.T @ group for group in groups])  # [n + B, d, d]
    size = pixels.new_tensor(sizes).clamp(min=1)
    ground = moments[count:, 0, 0]  # [B]: the sum of u^_1^2 over each background
    background = (1 - ground / size[count:]) * (pixels.new_tensor(sizes[count:]) > 0)
    stuck = (directions[sum(sizes[:count]) :, 0].abs() < STUCK).to(pixels.dtype).sum() / max(sum(sizes[count:]), 1)
    if not count:
        return torch.stack([background.mean(), *ground.new_zeros(2), stuck.detach()])
    raw = torch.stack([group.mean(0) for group in torch.split(pixels, sizes)[:count]])  # [n, d]
    means = unit(raw)
    second = moments[:count].flatten(1)  # [n, d * d]
    agreeing = torch.einsum("nd,ne->nde", means, means).flatten(1) @ second.T  # [n, n]: sum over S_j of (m^_i u^_p)^2
    if squared:
        pull = 1 - agreeing.diagonal() / size[:count]
    else:
        pull = 1 - torch.stack([group.mean(0) @ mean for group, mean in zip(groups, means, strict=False)])
    beside = truth.neighbours.to(pixels.dtype)
    push = (agreeing * beside).sum(1) / (beside @ size[:count]).clamp(min=1)
    share = 1 / torch.bincount(truth.clips, minlength=clips).to(pixels.dtype)[truth.clips] / clips  # [n]
    inside = _per_clip(moments[:count, 0, 0], truth) / _per_clip(size[:count], truth).clamp(min=1)
    return torch.stack([(background + inside).mean(), (pull * share).sum(), (push * share).sum(), stuck.detach()])


def _per_clip(values: Tensor, truth: Windows) -> Tensor:
    """[B]: sums of values [n] of the instances of each clip."""
    return values.new_zeros(len(truth.frames)).index_add(0, truth.clips, values)
