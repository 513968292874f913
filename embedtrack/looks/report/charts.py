"""Numbers for charts: cells over time and histograms, with round marks on their axes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 30
"""Of a histogram, about."""
SHOWN = 99.5
"""Percentile up to which a histogram reaches; what lies beyond is counted in its last bin."""


class Axis(NamedTuple):
    """From ``low`` to ``high``, with marks at round numbers in between."""

    low: float
    high: float
    marks: list[float]


class Histogram(NamedTuple):
    """How many values lie in each bin."""

    edges: list[float]
    counts: list[int]
    median: float
    quartiles: tuple[float, float]
    number: int
    """How many values there are."""
    beyond: int
    """How many of those in the last bin are larger than it reaches."""


def axis(low: float, high: float, most: int = 5) -> Axis:
    """An axis with at most ``most`` steps of 1, 2 or 5 times a power of ten; its marks lie within low and high."""
    span = max(high - low, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= most * 1.0001)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(low, high, [round(i * step, 12) for i in range(first, last + 1)])


def histogram(values: NDArray[np.float64], whole: bool = False) -> Histogram | None:
    """The distribution of values of 0 or more; None if none is finite.

    Args:
        values: those that are not finite are left out.
        whole: only whole numbers occur, so a bin's width is one too, and they lie in the middle of their bins.
    """
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, reach = float(values.min()), float(np.percentile(values, SHOWN))
    if whole:
        step = float(max(1, math.ceil((reach - low + 1) / BINS)))
        edges = np.arange(low - 0.5, reach + 0.5 + step, step)
    else:
        step = _round_step(max(reach - low, reach * 1e-3, 1e-9) / BINS)
        edges = np.arange(math.floor(low / step), math.floor(reach / step) + 2) * step
    counts, _ = np.histogram(np.minimum(values, edges[-1]), edges)
    first, middle, third = np.percentile(values, (25, 50, 75)).tolist()
    beyond = int((values > edges[-1]).sum())
    return Histogram(edges.tolist(), counts.tolist(), middle, (first, third), values.size, beyond)


def counts_over_time(frames: Sequence[int] | NDArray[np.int64], length: int) -> list[int]:
    """How many cells each of ``length`` frames has; ``frames`` holds the index of its frame for each cell."""
    counts: list[int] = np.bincount(np.asarray(frames, np.int64), minlength=length).tolist()
    return counts


def spell(value: float) -> str:
    """Three significant digits, or all of a whole number."""
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, at least so large."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= least * 0.9999)
