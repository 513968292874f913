"""How long clustering takes on generated maps: ``python -m benchmarks.clustering``."""

import math
from statistics import median
from time import process_time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.types import Labels

STEP = 1 / 255
SETTINGS = Clustering(seed_threshold=0.5, mask_threshold=0.3, min_votes=5, min_cell_size=20)


def field(
    cells: int, side: int = 1024, *, noise: float = 1.5, seed: int = 0
) -> tuple[Labels, Maps[NDArray[np.float32]]]:
    """Ellipses that cover half of a frame, some in touch, and the maps of an imperfect network.

    Args:
        cells: how many.
        side: of the square frame, in pixels.
        noise: standard deviation of the offsets' error, in pixels.
        seed: of the random numbers.

    Returns:
        Labels int32[side, side] of 1 to ``cells``, and the maps.
    """
    random = np.random.default_rng(seed)
    grid = math.ceil(math.sqrt(cells))
    pitch = side / grid
    pixel = np.indices((side, side))
    room = (pixel // pitch).astype(np.intp)  # [2, H, W]: each cell has its own square of the grid
    label = random.permutation(grid**2).reshape(grid, grid) + 1
    centre = ((np.indices((grid, grid)) + random.uniform(0.4, 0.6, (2, grid, grid))) * pitch)[:, *room]
    radius = (random.uniform(0.32, 0.48, (2, grid, grid)) * pitch)[:, *room]
    distance = (((pixel - centre) / radius) ** 2).sum(0)
    labels = np.where((distance < 1) & (label[*room] <= cells), label[*room], 0).astype(np.int32)
    seediness = (labels > 0) * (0.95 - 0.5 * distance**2)
    bandwidth = np.log(np.log(2) / (0.6 * radius * STEP) ** 2) / 10
    maps = Maps(
        offset=((centre - pixel + random.normal(0, noise, pixel.shape)) * STEP).astype(np.float32),
        bandwidth=(bandwidth + random.normal(0, 0.02, pixel.shape)).clip(0, 1).astype(np.float32),
        seediness=(seediness + random.normal(0, 0.05, labels.shape)).clip(0, 1).astype(np.float32),
        shift=np.zeros(pixel.shape, np.float32),
    )
    return labels, maps


def wild(side: int = 1024, *, seed: int = 0) -> Maps[NDArray[np.float32]]:
    """Maps of pure chance: every pixel is a cell's centre and points anywhere."""
    random = np.random.default_rng(seed)
    offset, bandwidth, shift = random.random((3, 2, side, side), np.float32)
    return Maps(2 * offset - 1, bandwidth, (1 + random.random((side, side), np.float32)) / 2, shift)


def seconds(maps: Maps[NDArray[np.float32]], repeats: int = 9) -> tuple[float, float]:
    """Least and median processor time of several runs; the first, which may compile, does not count."""
    times = []
    for _ in range(repeats + 1):
        begin = process_time()
        cluster(maps, SETTINGS, STEP)
        times.append(process_time() - begin)
    return min(times[1:]), median(times[1:])


def main() -> None:
    """Time frames with more and more cells, and one of chance."""
    table = Table("maps 1024 x 1024", "foreground", "cells found", "best [ms]", "median [ms]", title="Clustering")
    rows = {f"{cells} cells": field(cells)[1] for cells in (100, 300, 1000)} | {"chance": wild()}
    for name, maps in rows.items():
        foreground = int((maps.seediness > SETTINGS.mask_threshold).sum())
        found = int(cluster(maps, SETTINGS, STEP).max())
        best, middle = seconds(maps)
        table.add_row(name, f"{foreground:,}", str(found), f"{1000 * best:.0f}", f"{1000 * middle:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
