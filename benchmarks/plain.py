"""The plain method as published, the reference of ``benchmarks.speed``, with none of the package's ways to be fast.

Pairs of overlapping crops of 256 pixels, each frame encoded twice, eight views, batches of 32 pairs in single
precision; every proposal of the clustering looks at all foreground pixels, linking at all pixels for every cell. It is
written as the papers describe it (Löffler & Mikut 2022, sections 3.3, 3.4 and 4.4) and shares with the package the
network's definition, the weights, the thresholds and the working scale, so that it must find the same cells.
"""

import math
from pathlib import Path
from typing import cast

import numpy as np
import torch

from embedtrack.challenge import layout
from embedtrack.challenge.writer import write_mask
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.maps import Maps, to_frame
from embedtrack.methods.embedtrack.movie import pixel_size
from embedtrack.model import Model
from embedtrack.movies.normalise import as_frame
from embedtrack.types import Frame, Labels

CROP, OVERLAP, BATCH = 256, 96, 32


def plain_frame(
    model: Model, paths: tuple[Path, Path], old: Labels | None, out: Path, batch: int = BATCH
) -> tuple[Labels, dict[int, int]]:
    """The whole job of one frame, a step after the other: read two frames, predict, cluster, link, write.

    Args:
        model: on the device where it runs.
        paths: of the frame before and of this one.
        old: the cells of the frame before, if they are known.
        out: the mask's file.
        batch: so many pairs of crops at a time.

    Returns:
        The cells int32[H, W], and what each of them is linked with in the frame before.
    """
    config = model.config
    images = [layout.read_frame(path) for path in paths]
    before, now = (as_frame(image, config.scale, config.normalisation) for image in images)
    shape = (images[0].shape[0], images[0].shape[1])
    maps = to_frame(plain_maps(cast(BranchedERFNet, model.network), now, before, batch), shape, config.scale)
    labels = plain_cluster(maps, config.offsets.clustering, pixel_size(config))
    links = plain_links(labels, maps.shift, old, pixel_size(config)) if old is not None else {}
    write_mask(out, labels.astype(np.uint16))
    return labels, links


@torch.no_grad()
def plain_maps(network: BranchedERFNet, now: Frame, before: Frame, batch: int = BATCH) -> Maps[Frame]:
    """Both frames float32[H, W] in crops and views, batch by batch; overlapping predictions are averaged."""
    where = next(network.parameters()).device
    height, width = (max(side, CROP) for side in now.shape)
    padding = ((0, height - now.shape[0]), (0, width - now.shape[1]))
    pair = torch.from_numpy(np.stack([np.pad(frame, padding, mode="symmetric") for frame in (now, before)]))
    corners = [(y, x) for y in _corners(height) for x in _corners(width)]
    views = [(y, x, turns, flip) for y, x in corners for turns in range(4) for flip in (False, True)]
    total, count = torch.zeros((7, height, width)), torch.zeros((height, width))
    for begin in range(0, len(views), batch):
        part = views[begin : begin + batch]
        crops = torch.stack([_turn(pair[:, y : y + CROP, x : x + CROP], k, flip) for y, x, k, flip in part])
        maps, _ = network(crops[:, :1].to(where), crops[:, 1:].to(where))  # each [B, 1, 256, 256]
        channels = torch.cat([maps.offset, maps.bandwidth, maps.seediness[:, None], maps.shift], dim=1).cpu()
        for (y, x, k, flip), one in zip(part, channels, strict=True):
            total[:, y : y + CROP, x : x + CROP] += _turn_back(one, k, flip)
            count[y : y + CROP, x : x + CROP] += 1
    mean: Frame = (total / count)[:, : now.shape[0], : now.shape[1]].numpy()
    return Maps(mean[0:2], mean[2:4], mean[4], mean[5:7])


def _corners(side: int) -> list[int]:
    """Where crops begin along a side: spread evenly, with at least the overlap."""
    steps = math.ceil((side - CROP) / (CROP - OVERLAP))
    return [round(i * (side - CROP) / max(steps, 1)) for i in range(steps + 1)]


def _turn(crops: torch.Tensor, turns: int, flip: bool) -> torch.Tensor:
    """[..., H, W] by quarter turns, then mirrored in x."""
    turned = torch.rot90(crops, turns, (-2, -1))
    return turned.flip(-1) if flip else turned


def _turn_back(maps: torch.Tensor, turns: int, flip: bool) -> torch.Tensor:
    """Maps [7, H, W] of a turned crop: the pixels go back, and with them vectors and axes."""
    maps = maps.clone()
    if flip:
        maps = maps.flip(-1)
        maps[[1, 6]] *= -1
    maps = torch.rot90(maps, -turns, (-2, -1))
    for _ in range(turns):  # a quarter turn of the grid takes (y, x) to (-x, y); back: (y, x) to (x, -y)
        y, x = maps[[0, 5]], maps[[1, 6]]
        maps = torch.stack([x[0], -y[0], maps[3], maps[2], maps[4], x[1], -y[1]])
    return maps


def plain_cluster(maps: Maps[Frame], settings: Clustering, step: float) -> Labels:
    """Proposals in falling seediness, each against every foreground pixel."""
    height, width = maps.seediness.shape
    y, x = np.nonzero(maps.seediness > settings.mask_threshold)
    ey, ex = y + maps.offset[0, y, x] / step, x + maps.offset[1, y, x] / step
    votes = np.zeros((height + 2, width + 2), np.int64)
    place = (np.rint(e).clip(0, side - 1).astype(int) + 1 for e, side in ((ey, height), (ex, width)))
    np.add.at(votes, tuple(place), 1)
    padded = np.pad(maps.bandwidth, ((0, 0), (1, 1), (1, 1)), mode="edge")
    windows = [(slice(a, height + a), slice(b, width + b)) for a in range(3) for b in range(3)]  # 3x3 neighbours
    around = np.sum([votes[window] for window in windows], axis=0)
    smooth = np.mean([padded[:, *window] for window in windows], axis=0)
    candidate = (maps.seediness[y, x] > settings.seed_threshold) & (around[y, x] > settings.min_votes)
    owner, best = np.zeros(len(y), np.int32), np.full(len(y), 0.5)
    cells = 0
    for i in sorted(np.flatnonzero(candidate).tolist(), key=lambda i: -maps.seediness[y[i], x[i]]):
        if owner[i]:
            continue
        s = np.exp(10 * smooth[:, y[i], x[i]].astype(np.float64)) * step**2
        d = np.exp(-s[0] * (ey - ey[i]) ** 2 - s[1] * (ex - ex[i]) ** 2)
        mine = d > 0.5
        if mine.sum() >= settings.min_cell_size and 2 * (owner[mine] > 0).sum() < mine.sum():
            cells += 1
            won = mine & (d > best)
            owner[won], best[won] = cells, d[won]
    labels = np.zeros((height, width), np.int32)
    labels[y, x] = owner
    return labels


def plain_links(labels: Labels, shift: Frame, before: Labels, step: float) -> dict[int, int]:
    """Cell by cell: the label at t-1 that holds most of its shifted pixels."""
    links = {}
    for cell in range(1, int(labels.max()) + 1):
        y, x = np.nonzero(labels == cell)
        ey, ex = np.rint(y + shift[0, y, x] / step).astype(int), np.rint(x + shift[1, y, x] / step).astype(int)
        inside = (ey >= 0) & (ex >= 0) & (ey < labels.shape[0]) & (ex < labels.shape[1])
        found, counts = np.unique(before[ey[inside], ex[inside]], return_counts=True)
        if len(found) and found[counts.argmax()]:
            links[cell] = int(found[counts.argmax()])
    return links
