"""The lives of cells: they wander, push each other away, grow, and divide.

A point is a complex number x + iy, as in ``optics``. The figures that have no other reason are those of
Fluo-N2DH-SIM+.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from embedtrack.simulate.optics import HALF, Nucleus, Points, reach

MARGIN = HALF
"""Cells live on in a margin of this many pixels around the frame, unseen, and so enter and leave it."""
ROOM = 62.0
"""A cell has room to move in a square of ROOM x ROOM pixels, twice its area."""
RADIUS = (26.0, 1.5)
"""Mean and standard deviation of a grown nucleus's radius, in pixels."""
SPEED, PERSISTENCE = 3.0, 0.5
"""Standard deviation of the velocity along each axis in pixels a frame, and its correlation from frame to frame."""
CYCLE = (60.0, 6.0)
"""Mean and standard deviation of a cell's life from division to division, in frames."""
MITOSIS = 5
"""Frames that a division takes: chromosomes form (5, 4), gather (3) and part (2), the cell stretches (2, 1)."""
BEND = np.array([0.1, 0.03, 0.02, 0.012, 0.008])
"""Standard deviation of an outline's Fourier coefficients of order 2 to 6."""
STRETCH = np.array([0.28, 0, 0.03, 0, 0], np.complex128)
"""The outline of a cell about to split: 1.8 times as long as wide."""


@dataclass
class Cell:
    """A cell's life; what is seen of it is its ``nucleus``."""

    nucleus: Nucleus
    velocity: complex
    """Pixels a frame."""
    grown: float
    """The radius that the nucleus grows to, in pixels."""
    clock: int
    """Frames until it divides."""
    mother: int = 0
    """In the first frame after a division the mother's label, if she was seen."""
    label: int = 0
    """Its label in the truth while it is seen, else 0."""


def capacity(size: tuple[int, int], margin: float) -> int:
    """How many cells have room in a frame of ``size`` (H, W) and a margin around it, in pixels."""
    return int((size[0] + 2 * margin) * (size[1] + 2 * margin) / ROOM**2)


def first_cells(rng: np.random.Generator, size: tuple[int, int], cells: int) -> list[Cell]:
    """A colony of which about ``cells`` show in the frame, equally dense in the margin, all of random age."""
    height, width = size
    density = cells / ((height + 2 * RADIUS[0]) * (width + 2 * RADIUS[0]))
    inside = math.ceil(density * height * width)
    total = round(density * (height + 2 * MARGIN) * (width + 2 * MARGIN))
    centres = [complex(*rng.uniform(0, (width, height))) for _ in range(inside)]
    while len(centres) < total:
        x, y = rng.uniform(-MARGIN, np.add((width, height), MARGIN))
        if not (0 <= x < width and 0 <= y < height):
            centres.append(complex(x, y))
    colony = [born(rng, centre) for centre in centres]
    for _ in range(10):
        repel(colony)
    return colony


def born(rng: np.random.Generator, centre: complex) -> Cell:
    """A cell like no other at ``centre``, of random age."""
    grown = rng.normal(*RADIUS)
    spots = 18
    nucleus = Nucleus(
        centre=centre,
        axis=complex(np.exp(2j * np.pi * rng.random())),
        radius=grown * rng.uniform(0.85, 1),
        shape=BEND * gauss(rng, BEND.size),
        spots=0.95 * np.sqrt(rng.random(spots)) * np.exp(2j * np.pi * rng.random(spots)),
        widths=rng.uniform(0.1, 0.3, spots),
        weights=np.where(np.arange(spots) < 4, -0.4, rng.gamma(1.5, 0.26, spots)),
        light=float(np.exp(rng.normal(np.log(36), 0.35))),
        blur=rng.uniform(1, 2.2),
    )
    return Cell(nucleus, SPEED * complex(gauss(rng, 1)[0]), grown, int(rng.integers(MITOSIS + 1, int(CYCLE[0]))))


def live(rng: np.random.Generator, colony: list[Cell], size: tuple[int, int]) -> list[Cell]:
    """The colony a frame later; no division begins while cells are packed densely."""
    crowded = len(colony) >= 1.4 * capacity(size, MARGIN)
    after = []
    for cell in colony:
        if not (crowded and cell.clock == MITOSIS + 1):
            cell.clock -= 1
        after += divide(rng, cell) if cell.clock == 0 else [cell]
    for cell in after:
        move(rng, cell)
        if cell.clock > MITOSIS:
            rest(rng, cell)
        else:
            prepare(cell)
    repel(after)
    for cell in after:
        fence(cell, size)
    return after


def move(rng: np.random.Generator, cell: Cell) -> None:
    """Persistent random motion: v' = p v + sqrt(1 - p^2) noise."""
    kick = SPEED * complex(gauss(rng, 1)[0])
    cell.velocity = PERSISTENCE * cell.velocity + np.sqrt(1 - PERSISTENCE**2) * kick
    cell.nucleus.centre += cell.velocity
    cell.nucleus.axis *= complex(np.exp(0.05j * rng.normal()))


def rest(rng: np.random.Generator, cell: Cell) -> None:
    """Between divisions a nucleus grows, its outline and texture change slowly, and chromosomes dissolve."""
    nucleus = cell.nucleus
    nucleus.radius += 0.06 * (cell.grown - nucleus.radius)
    nucleus.shape = 0.9 * nucleus.shape + np.sqrt(1 - 0.9**2) * BEND * gauss(rng, BEND.size)
    spots = nucleus.spots + 0.01 * gauss(rng, nucleus.spots.size)
    nucleus.spots = spots / np.maximum(np.abs(spots) / 0.95, 1)
    nucleus.condensed *= 0.4


def prepare(cell: Cell) -> None:
    """One of the last MITOSIS frames: the nucleus rounds up and brightens, its chromosomes part, it stretches."""
    nucleus = cell.nucleus
    nucleus.shape = 0.5 * nucleus.shape
    nucleus.condensed = {5: 0.8, 4: 1.0, 3: 1.0, 2: 0.9, 1: 0.6}[cell.clock]
    if cell.clock == 3:
        nucleus.spots = 0.45 * nucleus.spots.real + 0.7j * nucleus.spots.imag
    elif cell.clock == 2:
        nucleus.radius *= 1.07
        nucleus.spots = np.concatenate([nucleus.spots - 0.5, nucleus.spots + 0.5])
        nucleus.widths, nucleus.weights = np.tile(nucleus.widths, 2), np.tile(nucleus.weights, 2)
    if cell.clock <= 2:
        nucleus.shape = STRETCH


def divide(rng: np.random.Generator, cell: Cell) -> list[Cell]:
    """The two daughters: each takes the chromosomes on its side and moves off along the axis."""
    mother = cell.nucleus
    daughters = []
    for side in (-1, 1):
        own = mother.spots.real * side > 0
        spots = (mother.spots[own] - 0.5 * side) * 1.9
        nucleus = replace(
            mother,
            centre=mother.centre + side * 0.75 * mother.radius * mother.axis,
            radius=mother.radius * rng.uniform(0.68, 0.76),
            shape=BEND * gauss(rng, BEND.size),
            spots=spots / np.maximum(np.abs(spots) / 0.95, 1),
            widths=mother.widths[own],
            weights=mother.weights[own],
            light=mother.light * rng.uniform(0.8, 1),
        )
        velocity = cell.velocity + 1.5 * side * SPEED * mother.axis
        clock = max(int(rng.normal(*CYCLE)), MITOSIS + 1)
        daughters.append(Cell(nucleus, velocity, rng.normal(*RADIUS), clock, mother=cell.label))
    return daughters


def repel(colony: list[Cell]) -> None:
    """Cells whose outlines overlap push each other apart, softly: a little overlap may stay."""
    if not colony:
        return
    nuclei = [cell.nucleus for cell in colony]
    centres = np.array([nucleus.centre for nucleus in nuclei])
    axes = np.array([nucleus.axis for nucleus in nuclei])
    radii = np.array([nucleus.radius for nucleus in nuclei])
    shapes = np.array([nucleus.shape for nucleus in nuclei])  # [N, K]
    for _ in range(4):
        pairs = cKDTree(np.column_stack([centres.real, centres.imag])).query_pairs(2 * HALF, output_type="ndarray")
        one, other = pairs.T
        way = centres[other] - centres[one]
        distance = np.maximum(np.abs(way), 1e-6)
        way /= distance
        room = reach(radii[one], shapes[one], way / axes[one]) + reach(radii[other], shapes[other], -way / axes[other])
        push = 0.4 * np.maximum(room - distance, 0) * way
        np.add.at(centres, one, -push)
        np.add.at(centres, other, push)
    for nucleus, centre in zip(nuclei, centres, strict=True):
        nucleus.centre = complex(centre)


def fence(cell: Cell, size: tuple[int, int]) -> None:
    """The margin's outer edge turns a cell back."""
    nucleus, (height, width) = cell.nucleus, size
    x, y = nucleus.centre.real, nucleus.centre.imag
    nucleus.centre = complex(np.clip(x, -MARGIN, width + MARGIN), np.clip(y, -MARGIN, height + MARGIN))
    if nucleus.centre != complex(x, y):
        cell.velocity = -cell.velocity


def gauss(rng: np.random.Generator, count: int) -> Points:
    """complex[count]: real and imaginary part are standard normal."""
    return np.asarray(rng.normal(size=count) + 1j * rng.normal(size=count))
