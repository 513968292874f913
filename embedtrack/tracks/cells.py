"""What tracks are decided from: the cells of a frame, where they say they were before, and how they look."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.types import Labels, Origin


def at_rest(shape: tuple[int, ...]) -> Origin:
    """int32[H, W]: what is known of cells that stay where they are: each pixel was at its own place."""
    height, width = shape
    return np.arange(height * width, dtype=np.int32).reshape(height, width)


class Regions(NamedTuple):
    """The shape of each label 0 to n, and where its pixels were at t-1; rows of labels that are not there are nan."""

    area: NDArray[np.float64]
    """[n + 1]: pixels."""
    centre: NDArray[np.float64]
    """[n + 1, 2]: (y, x) of the centre of gravity."""
    roundness: NDArray[np.float64]
    """[n + 1]: minor over major axis of the ellipse of the same moments, in [0, 1]."""
    goal: NDArray[np.float64]
    """[n + 1, 2]: (y, x) at t-1, the mean of its pixels' origins without the far ones; nan where all lie outside."""
    spread: NDArray[np.float64]
    """[n + 1]: root of the mean squared distance of the origins to their mean, in pixels."""


def regions(labels: Labels, origin: Origin, count: int, corner: tuple[int, int] = (0, 0), width: int = 0) -> Regions:
    """Measure the labels 1 to ``count`` of int32[H, W]; higher ones are not looked at.

    Args:
        labels: of a frame, or of a part of it whose first pixel is ``corner``.
        origin: of the same pixels.
        count: n.
        corner: (y, x).
        width: of the frame, if these are a part of it.
    """
    sums, first, second = _sums(labels, origin, count, width or labels.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        area = sums[:, 0]
        centre = sums[:, 1:3] / area[:, None]
        yy, xx = sums[:, 3] / area - centre[:, 0] ** 2, sums[:, 4] / area - centre[:, 1] ** 2
        xy = sums[:, 5] / area - centre[:, 0] * centre[:, 1]
        half, root = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
        roundness = np.sqrt(np.maximum(half - root, 0) + 1 / 12) / np.sqrt(half + root + 1 / 12)
        goal = second[:, 1:3] / second[:, :1]
        spread = np.sqrt(first)
    return Regions(np.where(area > 0, area, np.nan), centre + corner, roundness, goal, spread)


class Votes(NamedTuple):
    """How many pixels of each region of frame t were in which region of t-1; k pairs, in rising order."""

    voter: NDArray[np.int64]
    """[k]: the region of t."""
    vote: NDArray[np.int64]
    """[k]: the region of t-1; never the background."""
    pixels: NDArray[np.int64]
    """[k]"""


def count_votes(labels: Labels, origin: Origin, before: Labels) -> Votes:
    """Count them: labels int32[H, W] of t and ``before`` int32[H, W] of t-1."""
    voter, vote, size = _runs(labels, origin, before)
    base = np.int64(vote.max(initial=0)) + 1
    pairs, which = np.unique(voter * base + vote, return_inverse=True)
    return Votes(pairs // base, pairs % base, np.bincount(which, size, pairs.size).astype(np.int64))


@compiled
def _runs(labels: Labels, origin: Origin, before: Labels) -> tuple[NDArray[np.int64], ...]:
    """Voter, vote and pixels of each run of pixels in reading order that vote alike."""
    now, goal, known = labels.reshape(-1), origin.reshape(-1), before.reshape(-1)
    voter, vote = np.empty(now.size, np.int64), np.empty(now.size, np.int64)
    size = np.empty(now.size, np.int64)
    runs, old, there_before = 0, 0, 0
    for pixel in range(now.size):
        cell = now[pixel]
        there = known[goal[pixel]] if cell > 0 and goal[pixel] >= 0 else 0
        if there > 0:
            if cell == old and there == there_before:
                size[runs - 1] += 1
            else:
                voter[runs], vote[runs], size[runs] = cell, there, 1
                runs += 1
            old, there_before = cell, there
        else:
            old = 0
    return voter[:runs], vote[:runs], size[:runs]


@compiled
def _sums(
    labels: Labels, origin: Origin, count: int, frame_width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """[n + 1, 6]: pixels and sums of y, x, yy, xx, xy; [n + 1]: variance of the origins; [n + 1, 3]: near origins.

    Those lie within one and a half deviations of their mean: their number, and sums of y and x.
    """
    height, width = labels.shape
    sums, all_goals = np.zeros((count + 1, 6)), np.zeros((count + 1, 4))
    for y in range(height):
        for x in range(width):
            cell = labels[y, x]
            if 0 < cell <= count:
                sums[cell, 0] += 1
                sums[cell, 1] += y
                sums[cell, 2] += x
                sums[cell, 3] += y * y
                sums[cell, 4] += x * x
                sums[cell, 5] += y * x
                place = origin[y, x]
                if place >= 0:
                    there_y, there_x = place // frame_width, place % frame_width
                    all_goals[cell, 0] += 1
                    all_goals[cell, 1] += there_y
                    all_goals[cell, 2] += there_x
                    all_goals[cell, 3] += there_y * there_y + there_x * there_x
    variance, near = np.full(count + 1, np.nan), np.zeros((count + 1, 3))
    mean = np.full((count + 1, 2), np.nan)
    for cell in range(1, count + 1):
        if all_goals[cell, 0] > 0:
            mean[cell] = all_goals[cell, 1:3] / all_goals[cell, 0]
            square = mean[cell, 0] ** 2 + mean[cell, 1] ** 2
            variance[cell] = max(all_goals[cell, 3] / all_goals[cell, 0] - square, 0.0)
    for y in range(height):
        for x in range(width):
            cell = labels[y, x]
            if 0 < cell <= count and origin[y, x] >= 0:
                there_y, there_x = origin[y, x] // frame_width, origin[y, x] % frame_width
                square = (there_y - mean[cell, 0]) ** 2 + (there_x - mean[cell, 1]) ** 2
                if square <= 2.25 * variance[cell] + 1:
                    near[cell, 0] += 1
                    near[cell, 1] += there_y
                    near[cell, 2] += there_x
    return sums, variance, near
