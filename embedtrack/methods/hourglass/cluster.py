"""Embeddings of a frame pair -> its instances: mean shift with a flat kernel, and connected components.

Payer et al. (2019) take the cosine distance of [u^, c y, c x], which depends on where a tile's corner is: orthogonal
embeddings are 1.0 apart at (0, 0) and .07, less than their bandwidth h = .1, at (511, 511). The Euclidean distance with
radius sqrt(2 h) is its equal wherever positions agree, and moves with the picture.
"""

import math

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected

from embedtrack.methods.hourglass.config import Clustering
from embedtrack.types import Labels

Points = NDArray[np.float32]

MOST = 4096
"""About so many pixels shift the means; all of them join one."""
BATCH = 64
"""So many seeds climb at a time."""
STILL, ITERATIONS = 1e-3, 100
"""A mean rests when it moves by less than this share of the radius, or after so many steps: the published 300 help only
a network that has learnt nothing, whose background is a plateau of one embedding."""
CORE = 50
"""At most so many neighbours: with more HDBSCAN takes long and much memory."""
CHUNK = 1 << 22
"""Distances that are held at a time."""
FACES_AND_EDGES = 2
"""Of the two frames' volume a pixel has 18 neighbours."""


def cluster(embeddings: Points, settings: Clustering) -> Labels:
    """The instances of one frame, or of two consecutive ones, which have one label in both.

    Args:
        embeddings: float32[F, d, H, W], F = 1 or 2, of length 1.
        settings: all sizes in pixels of these frames.

    Returns:
        int32[F, H, W]: 1 to n, 0 for background. Touching pixels of one embedding are one instance, and so are two
        parts apart that each frame has alone: a cell that moved farther than its size.
    """
    inside = embeddings[:, 0] ** 2 < settings.background  # [F, H, W]
    labels = np.zeros(inside.shape, np.int32)
    if not inside.any():
        return labels
    step = max(1, math.ceil(math.sqrt(inside.sum() / MOST)))
    spacing = max(1, round(math.sqrt(settings.min_cell_size / 2)))
    some = _points(embeddings, inside, settings.place, step)
    seeds = _points(embeddings, inside, settings.place, spacing)
    if not len(some) or not len(seeds):  # little foreground, between the grid's lines
        some = seeds = _points(embeddings, inside, settings.place, 1)
    if settings.by == "mean-shift":
        centres = mean_shift(some, seeds, math.sqrt(2 * settings.bandwidth))
    else:
        centres = dense(some, round(len(embeddings) * settings.min_cell_size * len(some) / inside.sum()))
    labels[inside] = nearest(_points(embeddings, inside, settings.place, 1), centres) + 1
    return _instances(labels, settings.min_cell_size)


def mean_shift(points: Points, seeds: Points, radius: float) -> Points:
    """Where means of the points within a radius come to rest, climbing from the seeds.

    Of resting means within a radius the one with the most points stays. Seeds near a mean that is known are left out:
    they would climb there too.

    Args:
        points: float32[n, k].
        seeds: float32[m, k].
        radius: of the flat kernel.

    Returns:
        float32[c, k], those with the most points first.
    """
    found, support = np.zeros((0, points.shape[1]), np.float32), np.zeros(0, np.int64)
    while len(seeds):
        batch, seeds = _spread(seeds)
        means, counts = _climb(points, batch, radius)
        found, support = np.concatenate([found, means]), np.concatenate([support, counts])
        keep = _apart(found, support, radius)
        found, support = found[keep], support[keep]
        seeds = seeds[_squares(seeds, found).min(axis=1) > (radius / 2) ** 2]
    return found


def dense(points: Points, smallest: int) -> Points:
    """The means of clusters of high density (HDBSCAN, as in Payer et al. 2018) of points float32[n, k]: float32[c, k].

    Args:
        points: those that belong to no cluster are in no mean.
        smallest: points of a cluster. As many neighbours, but no more than ``CORE``, say how dense a place is.
    """
    from sklearn.cluster import HDBSCAN  # its import takes a second

    least = min(max(smallest, 2), len(points))
    everything: Points = points.mean(axis=0, keepdims=True)
    if least < 2:
        return everything
    found = HDBSCAN(min_cluster_size=least, min_samples=min(least, CORE), copy=True).fit(points).labels_
    means = [points[found == cluster].mean(axis=0) for cluster in range(found.max() + 1)]
    centres: Points = np.stack(means) if means else everything
    return centres


def nearest(points: Points, centres: Points) -> NDArray[np.int32]:
    """int32[n]: which centre of [c, k] is nearest to each of the points float32[n, k]."""
    rows = max(1, CHUNK // len(centres))
    parts = [_squares(points[i : i + rows], centres).argmin(axis=1) for i in range(0, len(points), rows)]
    return np.concatenate(parts).astype(np.int32)


def _spread(seeds: Points) -> tuple[Points, Points]:
    """A batch of seeds from all over, and the rest."""
    chosen = np.zeros(len(seeds), np.bool_)
    chosen[:: -(-len(seeds) // BATCH)] = True
    return seeds[chosen], seeds[~chosen]


def _climb(points: Points, means: Points, radius: float) -> tuple[Points, NDArray[np.int64]]:
    """Move each mean to that of the points near it until it rests; how many those are."""
    means, counts = means.copy(), np.zeros(len(means), np.int64)
    moving = np.arange(len(means))
    for _ in range(ITERATIONS):
        near = (_squares(means[moving], points) <= radius**2).astype(np.float32)  # [m, n]
        total = near.sum(axis=1)
        alive = total > 0
        new = means[moving]
        new[alive] = (near[alive] @ points) / total[alive, None]
        far = ((new - means[moving]) ** 2).sum(axis=1) > (STILL * radius) ** 2
        means[moving], counts[moving] = new, total.astype(np.int64)
        moving = moving[far]
        if not moving.size:
            break
    return means[counts > 0], counts[counts > 0]


def _apart(means: Points, support: NDArray[np.int64], radius: float) -> list[int]:
    """The means to keep: from the best supported one down, those with none that stays within the radius."""
    kept: list[int] = []
    close = _squares(means, means) <= radius**2
    for index in np.argsort(-support, kind="stable").tolist():
        if not close[index, kept].any():
            kept.append(index)
    return kept


def _squares(one: Points, two: Points) -> Points:
    """float32[n, m]: squared distances between [n, k] and [m, k]."""
    squares: Points = (one**2).sum(axis=1)[:, None] + (two**2).sum(axis=1)[None] - 2 * (one @ two.T)
    np.maximum(squares, 0, out=squares)
    return squares


def _points(embeddings: Points, inside: NDArray[np.bool_], place: float, step: int) -> Points:
    """float32[n, d + 2]: [u^, c y, c x] of the foreground pixels on a grid, in the order of frames, rows, columns."""
    start = step // 2
    grid = np.s_[:, start::step, start::step]
    frame, row, column = np.nonzero(inside[grid])
    there = embeddings[:, :, start::step, start::step][frame, :, row, column]  # [n, d]
    where = np.stack([row, column], axis=1).astype(np.float32) * np.float32(step * place)
    points: Points = np.concatenate([there, where], axis=1)
    return points


def _instances(clusters: Labels, smallest: int) -> Labels:
    """Clusters of int32[F, H, W] -> their connected parts that are large enough in all frames together, 1 to n."""
    parts = connected(clusters, connectivity=FACES_AND_EDGES)  # type: ignore[no-untyped-call]
    sizes = np.stack([np.bincount(frame.ravel(), minlength=int(parts.max()) + 1) for frame in parts])  # [F, parts + 1]
    cluster_of = np.zeros(sizes.shape[1], np.int64)
    cluster_of[parts.ravel()] = clusters.ravel()
    name = _join_movers(sizes, cluster_of, smallest)
    joined = np.stack([np.bincount(name, frame, len(name)) for frame in sizes])
    stays = joined.sum(axis=0) >= np.maximum(smallest * (joined > 0).sum(axis=0), 1)
    stays[0] = False
    number = np.cumsum(stays) * stays
    instances: Labels = number[name[parts]].astype(np.int32)
    return instances


def _join_movers(sizes: NDArray[np.int64], cluster_of: NDArray[np.int64], smallest: int) -> NDArray[np.int64]:
    """Which part each part belongs to: itself, unless it is a cell that moved farther than its size.

    Of a cluster with one part in the first frame alone, and one in the second alone, both are that cell.
    """
    name = np.arange(len(cluster_of))
    if len(sizes) < 2:
        return name
    first, second = (_only((sizes[t] >= smallest) & (sizes[1 - t] == 0), cluster_of) for t in range(2))
    for cluster_number in first.keys() & second.keys():
        name[second[cluster_number]] = first[cluster_number]
    return name


def _only(chosen: NDArray[np.bool_], cluster_of: NDArray[np.int64]) -> dict[int, int]:
    """Cluster -> its chosen part, where there is exactly one."""
    parts = np.flatnonzero(chosen)
    clusters, first, count = np.unique(cluster_of[parts], return_index=True, return_counts=True)
    single = (count == 1) & (clusters > 0)
    return dict(zip(clusters[single].tolist(), parts[first[single]].tolist(), strict=True))
