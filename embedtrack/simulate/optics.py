"""The picture of a colony: nuclei become labels and light, light becomes grey values.

A point is a complex number x + iy, so that a turn is a product. The figures that have no other reason are those of
Fluo-N2DH-SIM+.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_filter, label

from embedtrack.types import Labels

Points = NDArray[np.complex128]
Values = NDArray[np.float64]

HALF = 60
"""Pixels from a nucleus's centre beyond which nothing of it is seen: it is drawn in a square of 2 HALF + 1 pixels."""

GROUND = 0.35
"""What the nucleus glows between its spots, before its mean is set."""
SCATTER = 0.15
"""The part of the light that is spread wide, by 4 pixels."""
SHARP = 0.09
"""The width of a spot of condensed chromatin, in radii."""
OFFSET = 91.0
"""The camera's grey value in the dark."""
READ_NOISE = 4.1
"""Standard deviation of the camera's noise, in grey values."""
PHOTONS = 6.0
"""Photons a grey value: the shot noise's variance is light / PHOTONS."""
HAZE = 1.5
"""Light of the medium, in grey values."""
SHADE = 0.15
"""The part of the light that is missing in the corner farthest from the lamp's axis."""


@dataclass
class Nucleus:
    """What is seen of a cell; its own frame of reference has the origin at ``centre`` and the x axis along ``axis``."""

    centre: complex
    """In pixels of the frame."""
    axis: complex
    """Of length one; the cell divides along it."""
    radius: float
    """In pixels."""
    shape: Points
    """complex[K]: the outline's Fourier coefficients of order 2, 3, ..., see ``reach``."""
    spots: Points
    """complex[S]: the centres of chromatin and nucleoli in the unit disc that the outline stretches to the nucleus."""
    widths: Values
    """float64[S]: their standard deviations in the unit disc."""
    weights: Values
    """float64[S]: their brightness; a nucleolus is dark, so its weight is negative."""
    light: float
    """Mean brightness of the resting nucleus, in grey values."""
    blur: float
    """Standard deviation of the point spread function in pixels: how far the nucleus is out of focus."""
    condensed: float = 0.0
    """From 0, chromatin at rest, to 1, chromosomes: smaller, brighter spots and no nucleoli."""


def reach(radius: float | Values, shape: Points, direction: Points) -> Values:
    """The outline's distance from the centre, R = r exp(Re sum_k c_k e^(-ik phi)), k = 2, 3, ...

    Args:
        radius: r in pixels, a number or float64[...].
        shape: c, complex[K] or complex[..., K].
        direction: e^(i phi) in the nucleus's own frame of reference, complex[...].
    """
    back = np.conj(direction)
    bend = sum((shape[..., order] * back ** (order + 2)).real for order in range(shape.shape[-1]))
    return np.asarray(radius * np.exp(bend))


def glow(nucleus: Nucleus, points: Points) -> Values:
    """Brightness before optics at ``points`` complex[N] of the unit disc: float64[N]."""
    rest = 1 - nucleus.condensed
    widths = rest * nucleus.widths + nucleus.condensed * SHARP
    weights = nucleus.weights * np.where(nucleus.weights > 0, 1 + 3 * nucleus.condensed, rest)
    distance = np.abs(points - nucleus.spots[:, None])  # [S, N]
    bumps = (weights[:, None] * np.exp(-0.5 * (distance / widths[:, None]) ** 2)).sum(axis=0)  # [N]
    thickness = np.sqrt(np.maximum(1 - np.abs(points) ** 2, 0)) ** 0.35
    brightness = np.maximum(GROUND + bumps, 0.15) * thickness
    return np.asarray(nucleus.light * (1 + 0.35 * nucleus.condensed) * brightness / brightness.mean())


def draw(nuclei: Sequence[Nucleus], size: tuple[int, int]) -> tuple[Labels, Values]:
    """Where every nucleus lies and how it shines.

    Where two outlines overlap, a pixel belongs to the nucleus in which it lies deeper, so that the border between
    them is as far from both; their light adds up.

    Returns:
        int32[H, W], 1 for the first nucleus, 0 for the ground; and float64[H, W], light in grey values.
    """
    pad = 2 * HALF  # every square that reaches into the frame lies wholly on the canvas
    canvas = (size[0] + 2 * pad, size[1] + 2 * pad)
    owner, depth, light = np.zeros(canvas, np.int32), np.ones(canvas), np.zeros(canvas)
    y, x = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]
    for number, nucleus in enumerate(nuclei, start=1):
        row, column = round(nucleus.centre.imag), round(nucleus.centre.real)
        if not (-HALF <= row < size[0] + HALF and -HALF <= column < size[1] + HALF):
            continue
        box = np.s_[row + HALF : row + 3 * HALF + 1, column + HALF : column + 3 * HALF + 1]
        points = (x + 1j * y + complex(column, row) - nucleus.centre) / nucleus.axis  # [2 HALF + 1, 2 HALF + 1]
        distance = np.maximum(np.abs(points), 1e-9)
        points /= reach(nucleus.radius, nucleus.shape, points / distance)
        distance = np.abs(points)
        inside = distance < 1
        patch = np.zeros(inside.shape)
        patch[inside] = glow(nucleus, points[inside])
        light[box] += gaussian_filter(patch, nucleus.blur)
        nearer = distance < depth[box]
        owner[box][nearer] = number
        depth[box][nearer] = distance[nearer]
    light += SCATTER * (gaussian_filter(light, 4) - light)
    frame = np.s_[pad:-pad, pad:-pad]
    return whole(owner[frame]), light[frame]


def whole(labels: Labels) -> Labels:
    """The labels int32[H, W] with only the largest connected piece of each."""
    kept = labels.copy()
    for number, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        mask = labels[box] == number
        pieces, count = label(mask)
        if count > 1:
            largest = np.bincount(pieces[mask]).argmax()
            kept[box][mask & (pieces != largest)] = 0
    return kept


def lamp(rng: np.random.Generator, size: tuple[int, int]) -> Values:
    """Uneven light, float64[H, W]: 1 at a random point near the middle, 1 - SHADE in the farthest corner."""
    y, x = (np.linspace(-1, 1, length).reshape(shape) for length, shape in zip(size, ((-1, 1), (1, -1)), strict=True))
    top, left = rng.uniform(-0.4, 0.4, 2)
    distance = (y - top) ** 2 + (x - left) ** 2  # [H, W]
    return np.asarray(1 - SHADE * distance / distance.max())


def expose(rng: np.random.Generator, light: Values) -> NDArray[np.uint16]:
    """What the camera makes of light float64[H, W]: shot noise, an offset and read noise, rounded to uint16[H, W]."""
    grey = rng.poisson((light + HAZE) * PHOTONS) / PHOTONS + OFFSET + rng.normal(0, READ_NOISE, light.shape)
    return np.asarray(grey.round().clip(0, 65535).astype(np.uint16))
