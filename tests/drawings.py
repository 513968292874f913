"""Drawn toys: small movies whose truth is known by hand, and the maps that a perfect network would give of them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.cells import cells_of, origins
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.truth.medoid import medoids
from embedtrack.types import Cells, Labels, Track

STEP = 1 / 255


class Toy(NamedTuple):
    labels: Labels
    """int32[T, H, W]: a label is a track."""
    tracks: list[Track]

    def frames(self) -> np.ndarray:
        """uint16[T, H, W]: bright cells on a dim, slightly noisy ground."""
        noise = np.random.default_rng(0).normal(0, 5, self.labels.shape)
        return (200 + 800 * (self.labels > 0) + noise).round().astype(np.uint16)


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float | tuple[float, float]) -> np.ndarray:
    """bool[H, W]: a filled ellipse with axes along y and x."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    ry, rx = np.broadcast_to(radius, 2)
    return ((y - centre[0]) / ry) ** 2 + ((x - centre[1]) / rx) ** 2 <= 1


def draw(shape: tuple[int, int], cells: dict[int, tuple[tuple[float, float], float | tuple[float, float]]]) -> Labels:
    """int32[H, W]: label -> (centre, radius); where two overlap the first drawn stays in front."""
    labels = np.zeros(shape, np.int32)
    for label, (centre, radius) in cells.items():
        labels[disc(shape, centre, radius) & (labels == 0)] = label
    return labels


def still() -> Toy:
    frame = draw((48, 64), {1: ((14, 16), 7), 2: ((32, 44), 8)})
    return Toy(np.stack([frame] * 4), [Track(1, 0, 3, 0), Track(2, 0, 3, 0)])


def moving() -> Toy:
    frames = [draw((48, 80), {1: ((16, 14 + 5 * t), 7), 2: ((34, 64 - 6 * t), 7)}) for t in range(6)]
    return Toy(np.stack(frames), [Track(1, 0, 5, 0), Track(2, 0, 5, 0)])


def dividing() -> Toy:
    frames = [draw((48, 64), {1: ((24, 32), 8)}) for _ in range(3)]
    frames += [draw((48, 64), {2: ((24, 24 - 2 * t), 6), 3: ((24, 40 + 2 * t), 6)}) for t in range(3)]
    return Toy(np.stack(frames), [Track(1, 0, 2, 0), Track(2, 3, 5, 1), Track(3, 3, 5, 1)])


def vanishing() -> Toy:
    """The last frame is empty."""
    frames = [draw((48, 64), {1: ((24, 32), 8)}) for _ in range(3)] + [np.zeros((48, 64), np.int32)]
    return Toy(np.stack(frames), [Track(1, 0, 2, 0)])


def touching() -> Toy:
    """Two long cells side by side and a round one, all in contact."""
    cells = {1: ((20, 20), (14, 5)), 2: ((20, 30), (14, 5)), 3: ((34, 41), 9)}
    frame = draw((56, 64), cells)
    return Toy(np.stack([frame] * 3), [Track(1, 0, 2, 0), Track(2, 0, 2, 0), Track(3, 0, 2, 0)])


ALL = (still, moving, dividing, vanishing, touching)


def perfect_maps(labels: Labels, before: Labels, parents: dict[int, int], step: float = STEP) -> Maps[np.ndarray]:
    """The maps of a perfect network for frame t: labels and before are int32[H, W] of t and t-1.

    Every pixel points exactly at its medoid; the bandwidth is the one with which d just exceeds 0.5 on all of the
    cell's pixels, were their offsets zero; a cell without predecessor points at its own medoid.
    """
    height, width = labels.shape
    maps = Maps(
        np.zeros((2, height, width), np.float32),
        np.zeros((2, height, width), np.float32),
        np.zeros((height, width), np.float32),
        np.zeros((2, height, width), np.float32),
    )
    old = medoids(before)
    for label, centre in medoids(labels).items():
        y, x = np.nonzero(labels == label)
        source = old.get(label) or old.get(parents.get(label, 0)) or centre
        for axis, p in enumerate((y, x)):
            maps.offset[axis, y, x] = (centre[axis] - p) * step
            maps.shift[axis, y, x] = (source[axis] - p) * step
            radius = max(np.abs(p - centre[axis]).max(), 1) * 1.5
            maps.bandwidth[axis, y, x] = np.clip(np.log(np.log(2) / (radius * step) ** 2) / 10, 0, 1)
        maps.seediness[y, x] = 0.9
    return maps


class Known:
    """A frame of which the network has said these maps."""

    def __init__(self, maps: Maps[np.ndarray]) -> None:
        self.maps = maps

    def cells(self, config: ModelConfig | None = None) -> Cells:
        settings = (config or ModelConfig()).method
        origin = origins(self.maps.shift, settings.pixel_size)
        return cells_of(self.maps, origin, self.maps.seediness, settings.clustering, settings.pixel_size)

    def state(self) -> dict[str, np.ndarray]:
        return {}


def seen(labels: Labels, shift: np.ndarray, step: float = STEP) -> Cells:
    """What a method says of a frame int32[H, W] of any positive labels, with tracking offsets float32[2, H, W]."""
    known = np.unique(labels[labels > 0])
    small = (np.searchsorted(known, labels) + 1).astype(np.int32) * (labels > 0)
    sure = np.full(known.size + 1, 0.9, np.float32)
    return Cells(small, origins(shift, step), sure, sure.copy())


def write_movie(toy: Toy, dataset: Path, name: str = "01", digits: int = 3) -> Path:
    """Write the toy in the challenge's layout with full gold truth; returns the sequence's folder."""
    folders = {
        "t": dataset / name,
        "man_track": dataset / f"{name}_GT" / "TRA",
        "man_seg": dataset / f"{name}_GT" / "SEG",
    }
    for prefix, folder in folders.items():
        folder.mkdir(parents=True)
        stack = toy.frames() if prefix == "t" else toy.labels.astype(np.uint16)
        for t, image in enumerate(stack):
            tifffile.imwrite(folder / f"{prefix}{t:0{digits}d}.tif", image)
    lines = [" ".join(map(str, track)) for track in toy.tracks]
    (folders["man_track"] / "man_track.txt").write_text("\n".join(lines) + "\n")
    return folders["t"]
