"""The loss of EmbedTrack (Löffler & Mikut 2022, section 3.2), for all instances of a batch at once.

Per frame L_seg = L_instance + 10 L_var + L_seed, and L_track for the frame t of a pair; mean over the batch.
Every sum over instances is a flat list of (instance, pixel) pairs, so that a crowded crop costs no more than its
pixels, and one sort serves the whole batch.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from embedtrack.methods.embedtrack.branched import precision
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.samples import BACKGROUND, IGNORED, Cells

MARKER_WEIGHT = 0.2
"""A cell of which only a marker is known says less than a whole one, and there may be many of them."""
BIN = 8
"""Pixels; the side of the squares into which predicted centres are sorted."""


class Losses(NamedTuple):
    """The parts, unweighted, and their weighted sum; all are scalars."""

    total: Tensor
    instance: Tensor
    variance: Tensor
    seed: Tensor
    track: Tensor


def embedtrack_loss(
    now: Maps[Tensor],
    before: Maps[Tensor],
    cells_now: Cells,
    cells_before: Cells,
    links: Cells,
    pixel_size: float,
    variance_weight: float = 10.0,
    tracking_weight: float = 1.0,
) -> Losses:
    """L = sum over both frames of (L_instance + 10 L_var + L_seed) + L_track.

    Args:
        now: the maps of frame t, [B, ...].
        before: the maps of frame t-1; its shift is not used.
        cells_now: the cells of t with their centres at t.
        cells_before: the cells of t-1 with their centres at t-1.
        links: the cells of t with their centres at t-1; sisters are one instance that points at the mother's centre,
            a cell that has no predecessor is background, one whose predecessor is not in the crop is ignored.
        pixel_size: width of a pixel in grid units.
        variance_weight: the 10 before L_var.
        tracking_weight: the 1 before L_track.
    """
    first = segmentation_losses(now, cells_now, pixel_size)
    second = segmentation_losses(before, cells_before, pixel_size)
    instance, variance, seed = (a + b for a, b in zip(first, second, strict=True))
    track = tracking_loss(now, links, pixel_size)
    total = instance + variance_weight * variance + seed + tracking_weight * track
    return Losses(total, instance, variance, seed, track)


def segmentation_losses(maps: Maps[Tensor], cells: Cells, pixel_size: float) -> tuple[Tensor, Tensor, Tensor]:
    """L_instance, L_var and L_seed of B frames.

    L_instance = mean_i LovaszHinge(2 D_i - 1, 2 B_i - 1); L_var = mean_i mean_{p in i} |b_p - mean b_i|^2;
    L_seed = mean_i mean_{p in i} (d_p - stop(D_i(p)))^2 + mean_{p in background} d_p^2.

    Of a partial cell only a marker is known. Its pixels shall point near the marker's middle, D > 1/2, with the
    bandwidth as it is (no gradient: the marker's size is not the cell's), and their seediness shall not be below D. Its
    variance counts in full: it moves no mean.
    """
    frames = len(cells.instances)
    pixels = torch.nonzero(cells.instances.flatten() >= 0).squeeze(1)  # [m]
    owner = cells.instances.flatten().index_select(0, pixels)  # [m]
    size = _sum_per(owner, torch.ones_like(owner, dtype=maps.bandwidth.dtype), len(cells.centres))  # [n]
    bandwidth = maps.bandwidth.movedim(1, -1).flatten(0, 2).index_select(0, pixels)  # [B, 2, H, W] -> [m, 2]
    mean = _sum_per(owner, bandwidth, len(size)) / size[:, None]  # [n, 2]
    embedding = _positions(maps.offset, pixel_size)  # [B*H*W, 2]

    sharpness = precision(torch.where(cells.partial[:, None], mean.detach(), mean))  # [n, 2]
    hinge = _hinge_per_instance(embedding, cells, sharpness, size, pixel_size)
    spread = (bandwidth - mean.index_select(0, owner)).square().mean(dim=1)  # [m]
    distance = embedding.detach().index_select(0, pixels) - cells.centres.index_select(0, owner)  # [m, 2]
    target = torch.exp(-(sharpness.detach().index_select(0, owner) * distance.square()).sum(dim=1))  # [m]
    seediness = maps.seediness.flatten()
    excess = seediness.index_select(0, pixels) - target  # [m]
    seed = torch.where(cells.partial.index_select(0, owner), excess.clamp(max=0), excess).square()  # [m]
    ground = (cells.instances == BACKGROUND).to(seediness.dtype)  # [B, H, W]
    false_seed = (maps.seediness.square() * ground).sum(dim=(1, 2)) / ground.sum(dim=(1, 2)).clamp(min=1)  # [B]
    weight = torch.where(cells.partial, MARKER_WEIGHT, 1.0).to(seediness.dtype)  # [n]
    return (
        _mean_of_frames(hinge, weight, cells.images, frames),
        _mean_of_frames(_sum_per(owner, spread, len(size)) / size, weight, cells.images, frames),
        _mean_of_frames(_sum_per(owner, seed, len(size)) / size, weight, cells.images, frames) + false_seed.mean(),
    )


def tracking_loss(maps: Maps[Tensor], links: Cells, pixel_size: float) -> Tensor:
    """L_track = mean_i LovaszHinge of exp(-sum_k S_k (c_k(t-1) - p_k - o^T_k)^2), S of frame t without gradient."""
    pixels = torch.nonzero(links.instances.flatten() >= 0).squeeze(1)  # [m]
    owner = links.instances.flatten().index_select(0, pixels)  # [m]
    bandwidth = maps.bandwidth.detach().movedim(1, -1).flatten(0, 2).index_select(0, pixels)  # [m, 2]
    size = _sum_per(owner, torch.ones_like(bandwidth[:, 0]), len(links.centres))  # [n]
    mean = _sum_per(owner, bandwidth, len(size)) / size[:, None]  # [n, 2]
    hinge = _hinge_per_instance(_positions(maps.shift, pixel_size), links, precision(mean), size, pixel_size)
    return _mean_of_frames(hinge, torch.ones_like(hinge), links.images, len(links.instances))


def _positions(offset: Tensor, pixel_size: float) -> Tensor:
    """Add each pixel's place, p + o: [B, 2, H, W] -> [B*H*W, 2] in grid units (eq. 4)."""
    height, width = offset.shape[-2:]
    y = torch.arange(height, device=offset.device, dtype=offset.dtype) * pixel_size
    x = torch.arange(width, device=offset.device, dtype=offset.dtype) * pixel_size
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij"))  # [2, H, W]
    return (offset + grid).movedim(1, -1).flatten(0, 2)


def _hinge_per_instance(embedding: Tensor, cells: Cells, sharpness: Tensor, size: Tensor, pixel_size: float) -> Tensor:
    """The Lovász hinge of 2D-1 against 2B-1 for each instance: [B*H*W, 2], [n, 2], [n] -> [n].

    The errors are 2 - 2D on the instance's own pixels (1 - 2D on a partial one's) and 2D on all others of its frame: a
    pixel with D = 0 elsewhere has no error, comes last in the order and costs nothing, so it is never listed.
    """
    member, pixel = _pairs(embedding.detach(), cells, sharpness.detach(), pixel_size)
    distance = embedding.index_select(0, pixel) - cells.centres.index_select(0, member)  # [k, 2]
    similarity = torch.exp(-(sharpness.index_select(0, member) * distance.square()).sum(dim=1))  # [k]
    truth = cells.instances.flatten().index_select(0, pixel) == member  # [k]
    enough = torch.where(cells.partial, 1.0, 2.0).to(similarity.dtype).index_select(0, member)  # [k]
    error = torch.where(truth, (enough - 2 * similarity).clamp(min=0), 2 * similarity)
    with torch.no_grad():  # by instance, then by falling error, which lies in [0, 2]
        order = torch.argsort(member * 2**42 + ((2 - error) * 2**40).long())  # integers: not every device has doubles
        ordered = member.index_select(0, order)
        weight = _lovasz_weights(truth.index_select(0, order), ordered, size)
    return _sum_per(ordered, error.index_select(0, order) * weight, len(size))


def _lovasz_weights(truth: Tensor, member: Tensor, size: Tensor) -> Tensor:
    """The gradient of the Lovász extension of the Jaccard loss (Berman et al. 2018), per instance.

    Over an instance's pixels in falling order of error, J_k = 1 - (G - true_k) / (G + false_k), with the numbers of
    true and false pixels up to k and G the instance's size; the weight of pixel k is J_k - J_{k-1}.

    Args:
        truth: bool[k], sorted by (member, falling error).
        member: int64[k].
        size: float[n], G.
    """
    starts = torch.searchsorted(member, torch.arange(len(size), device=member.device))  # [n]
    true, false = (torch.cumsum(torch.cat([x.new_zeros(1), x]), 0) for x in (truth.long(), (~truth).long()))
    hits = (true[1:] - true[starts].index_select(0, member)).to(size.dtype)
    misses = (false[1:] - false[starts].index_select(0, member)).to(size.dtype)
    whole = size.index_select(0, member)  # [k]
    jaccard = 1 - (whole - hits) / (whole + misses)
    previous = torch.cat([jaccard.new_zeros(1), jaccard[:-1]])
    first = torch.ones_like(truth)
    first[1:] = member[1:] != member[:-1]
    return jaccard - torch.where(first, torch.zeros_like(previous), previous)


def _pairs(embedding: Tensor, cells: Cells, sharpness: Tensor, pixel_size: float) -> tuple[Tensor, Tensor]:
    """All (instance, pixel) of one frame in which the pixel is the instance's own, or D is not negligible.

    The predicted centres are sorted into squares, row by row; an instance looks only into the squares that its
    ellipse touches, and those of one row are a run of the sorted pixels.

    Returns:
        member int64[k], pixel int64[k] (an index into the flat batch).
    """
    device = embedding.device
    _, height, width = cells.instances.shape
    flat = cells.instances.flatten()
    negligible = 1e-3 if embedding.dtype == torch.float32 else torch.finfo(embedding.dtype).eps
    reach = torch.sqrt(-math.log(negligible) / sharpness)  # [n, 2]
    rows, columns = height // BIN + 2, width // BIN + 2  # one more on each side for what points outside
    limit = torch.tensor([rows - 1, columns - 1], device=device)

    def square(position: Tensor) -> Tensor:
        inside = torch.floor(position / (pixel_size * BIN)).nan_to_num(0.0).clamp(-1, max(rows, columns))
        return (inside.long() + 1).clamp(min=torch.zeros_like(limit), max=limit)

    valid = torch.nonzero(flat != IGNORED).squeeze(1)
    frame = torch.div(valid, height * width, rounding_mode="floor")
    place = square(embedding.index_select(0, valid))  # [v, 2]
    key, order = torch.sort((frame * rows + place[:, 0]) * columns + place[:, 1])
    valid = valid[order]

    low, high = square(cells.centres - reach), square(cells.centres + reach)  # [n, 2]
    member, row = _expand(low[:, 0], high[:, 0] + 1)  # the rows of squares that each instance touches
    line = (cells.images[member] * rows + row) * columns
    begin = torch.searchsorted(key, line + low[member, 1])
    end = torch.searchsorted(key, line + high[member, 1], right=True)
    run, position = _expand(begin, end)
    member, pixel = member.index_select(0, run), valid.index_select(0, position)  # [c]
    distance = embedding.index_select(0, pixel) - cells.centres.index_select(0, member)  # [c, 2]
    exponent = (sharpness.index_select(0, member) * distance.square()).sum(dim=1)  # [c]
    near = (exponent < -math.log(negligible)) & (flat.index_select(0, pixel) != member)
    own = torch.nonzero(flat >= 0).squeeze(1)
    return torch.cat([flat[own], member[near]]), torch.cat([own, pixel[near]])


def _expand(begin: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """The ranges [begin_i, end_i) laid end to end: (i, value) of every element."""
    count = (end - begin).clamp(min=0)
    index = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    start = torch.cumsum(count, 0) - count
    return index, torch.arange(len(index), device=count.device) + (begin - start).index_select(0, index)


def _sum_per(owner: Tensor, values: Tensor, count: int) -> Tensor:
    """Sum ``values`` [m, ...] over equal ``owner`` int64[m] -> [count, ...]."""
    return values.new_zeros((count, *values.shape[1:])).index_add(0, owner, values)


def _mean_of_frames(per_instance: Tensor, weight: Tensor, images: Tensor, frames: int) -> Tensor:
    """Weighted mean over the instances of each frame, then over frames; a frame without instances counts as zero."""
    total = _sum_per(images, weight, frames)
    return (_sum_per(images, per_instance * weight, frames) / torch.where(total > 0, total, 1.0)).mean()
