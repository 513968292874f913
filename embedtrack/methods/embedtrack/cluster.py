"""From maps to cells: pixels that point to the same place are one cell (Löffler & Mikut 2022, section 3.3)."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.methods.embedtrack.branched import SHARPNESS
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.refine import exponent, nearest_pixel, refine
from embedtrack.types import Labels

REACH = math.log(2)
"""d = exp(-r) exceeds 0.5 where r = sum_k S_k (c_k - e_k)^2 is below this."""
NEAR = REACH / 4
"""r at half of the radius of d = 0.5."""
PATIENCE = 8
"""A pixel this often near a rejected centre proposes none. Without it every pixel of a wild map would propose, and
each would look at the same pixels in vain; with it few proposals fit in any place, so that the cost stays linear."""


class Foreground(NamedTuple):
    """The n foreground pixels in the order of the pixel of the frame that they point to, its *place*.

    Places count in reading order, so the pixels that point into columns a to b of a row are one run:
    ``first[row * W + a]`` to ``first[row * W + b + 1]``.
    """

    shape: tuple[int, int]
    """H, W."""
    first: NDArray[np.int32]
    """[H * W + 1]: where the pixels of each place begin; the last is n."""
    pixel: NDArray[np.int32]
    """[n]: which pixel of the frame it is, in reading order."""
    offset: NDArray[np.float32]
    """[2, H, W]: where each pixel points to; kept as numbers of the foreground it would take twice the memory."""
    pixel_size: float
    """Its unit."""


class Centres(NamedTuple):
    """Candidates for the centre of a cell, best first."""

    member: NDArray[np.intp]
    """[k]: index into the foreground of the pixel that proposes it."""
    precision: NDArray[np.float64]
    """[k, 2]: (S_y, S_x) per squared pixel."""


def cluster(maps: Maps[NDArray[np.float32]], settings: Clustering, pixel_size: float) -> Labels:
    """Group the foreground pixels by the centre that they point to.

    A pixel p points to e = p + offset / pixel_size and belongs to the centre c for which
    d = exp(-sum_k S_k (c_k - e_k)^2) is highest and above 0.5, with S_k = exp(10 b_k) of c's bandwidth. Centres are
    tried in falling seediness (equals in reading order); what each proposes, and whether it stands, says `_propose`.
    The work is linear in the number of foreground pixels.

    Args:
        maps: of one frame; ``shift`` is not used.
        settings: thresholds, votes, the least size of a cell, and whether masks are refined in the end.
        pixel_size: the width of a pixel in grid units.

    Returns:
        int32[H, W], numbered from 1 in the reading order of the pixels that proposed the cells; where masks are
        refined, a number may be missing.

    Raises:
        ValueError: the maps do not have one size.
    """
    shape = maps.seediness.shape
    if len(shape) != 2 or not maps.offset.shape == maps.bandwidth.shape == (2, *shape):
        expected = "expected seediness [H, W] with offset and bandwidth [2, H, W]"
        raise ValueError(f"{expected}, got {shape}, {maps.offset.shape}, {maps.bandwidth.shape}: give one frame's maps")
    offset, seediness = (np.ascontiguousarray(a, np.float32) for a in (maps.offset, maps.seediness))
    foreground = _gather(offset, seediness, np.float32(settings.mask_threshold), pixel_size)
    members = _popular(foreground, seediness, np.float32(settings.seed_threshold), settings.min_votes)
    if members.size == 0:
        return np.zeros(shape, np.int32)
    owner, standing = _propose(
        foreground, _rank(foreground, members, maps, settings, pixel_size), settings.min_cell_size
    )
    number = np.zeros(standing.size + 1, np.int32)
    number[1 + np.argsort(foreground.pixel[standing])] = np.arange(1, standing.size + 1)
    pixel = foreground.pixel
    del foreground, members  # of a large frame they take half as much as its maps
    labels = np.zeros(shape, np.int32)
    labels.reshape(-1)[pixel] = number[owner]
    if settings.reach is None:
        return labels
    del pixel, owner
    return refine(labels, maps, settings.reach, settings.mask_threshold, settings.min_cell_size, pixel_size)


def _rank(
    foreground: Foreground,
    members: NDArray[np.intp],
    maps: Maps[NDArray[np.float32]],
    settings: Clustering,
    pixel_size: float,
) -> Centres:
    """The centres that ``members`` intp[k] of the foreground propose, with the mean bandwidth of the pixels around."""
    pixel = foreground.pixel[members]
    order = np.lexsort((pixel, -maps.seediness.reshape(-1)[pixel]))
    square = (settings.smoothing, settings.smoothing)
    place = pixel[order]
    b = np.stack([cv2.blur(b, square, borderType=cv2.BORDER_REPLICATE).reshape(-1)[place] for b in maps.bandwidth], 1)
    return Centres(members[order], np.exp(SHARPNESS * b.astype(np.float64)) * pixel_size**2)  # [k, 2]


@compiled
def _gather(
    offset: NDArray[np.float32], seediness: NDArray[np.float32], threshold: np.float32, pixel_size: float
) -> Foreground:
    """Sort the pixels with a seediness above the threshold by the place that they point to, by counting.

    Positions outside the frame count for its nearest pixel, so that a cell at the frame's edge keeps all its votes.
    """
    height, width = seediness.shape
    first, size = np.zeros(height * width + 2, np.int32), 0
    for row in range(height):
        for column in range(width):
            if seediness[row, column] > threshold:
                place = _place(offset, row, column, pixel_size)
                first[place + 2] += 1
                size += 1
    for place in range(height * width):
        first[place + 2] += first[place + 1]  # where the next one begins; [place + 1] is where the next pixel goes
    pixel = np.empty(size, np.int32)
    for row in range(height):
        for column in range(width):
            if seediness[row, column] > threshold:
                place = _place(offset, row, column, pixel_size)
                pixel[first[place + 1]] = row * width + column
                first[place + 1] += 1
    return Foreground((height, width), first[:-1], pixel, offset, pixel_size)


@compiled
def _place(offset: NDArray[np.float32], row: int, column: int, pixel_size: float) -> int:
    """The pixel of the frame that a pixel points to, or the nearest one."""
    _, height, width = offset.shape
    y, x = row + offset[0, row, column] / pixel_size, column + offset[1, row, column] / pixel_size
    return int(nearest_pixel(y, height) * width + nearest_pixel(x, width))


@compiled
def _there(foreground: Foreground, member: int) -> tuple[float, float]:
    """E_y and e_x of a member, in pixels; they may lie outside the frame."""
    pixel, width = np.uint32(foreground.pixel[member]), np.uint32(foreground.shape[1])
    row = pixel // width  # the processor divides 32 bits without sign the fastest
    column = pixel - row * width
    y, x = foreground.offset[0, row, column], foreground.offset[1, row, column]
    return row + y / foreground.pixel_size, column + x / foreground.pixel_size


@compiled
def _popular(
    foreground: Foreground, seediness: NDArray[np.float32], threshold: np.float32, min_votes: int
) -> NDArray[np.intp]:
    """The members whose own pixel has a seediness above the threshold and more than ``min_votes`` votes.

    Votes are the pixels that point into the 3x3 neighbourhood. All of the foreground votes, dim rims too: a small or
    dim cell may have fewer bright pixels than it needs votes.
    """
    height, width = foreground.shape
    members = np.empty(foreground.pixel.size, np.intp)
    size = 0
    for member, pixel in enumerate(foreground.pixel):
        row, column = pixel // width, pixel % width
        if seediness[row, column] > threshold:
            votes = 0
            for y in range(max(row - 1, 0), min(row + 2, height)):
                votes += (
                    foreground.first[y * width + min(column + 2, width)]
                    - foreground.first[y * width + max(column - 1, 0)]
                )
            if votes > min_votes:
                members[size] = member
                size += 1
    return members[:size].copy()


@compiled
def _propose(
    foreground: Foreground, centres: Centres, min_cell_size: int
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Let every centre in turn propose the pixels with d > 0.5 to it.

    A pixel that already belongs to a cell proposes none. A proposal stands if it has ``min_cell_size`` pixels and less
    than half of them belong to cells; it then takes those whose d is higher than to the centre that has them. Cells
    that so shrink below ``min_cell_size`` fall, and those that stand share all pixels anew: what a fallen cell had
    left mostly lies within reach of its neighbours, in which it would leave holes as background.

    Returns:
        int32[n]: for every foreground pixel the number of its cell, from 1, or 0; intp[cells]: the proposing members.
    """
    owner, rejections = np.zeros(foreground.pixel.size, np.int32), np.zeros(foreground.pixel.size, np.uint8)
    standing = np.empty(centres.member.size, np.intp)
    cells = 0
    for index, centre in enumerate(centres.member):
        if owner[centre] > 0 or rejections[centre] >= PATIENCE:
            continue
        members, distance = _reach(foreground, centres, index)
        taken = 0
        for member in members:
            taken += owner[member] > 0
        if members.size >= min_cell_size and 2 * taken < members.size:
            standing[cells] = index
            cells += 1
            _take(foreground, centres, standing, cells, members, distance, owner)
        else:
            for i in range(members.size):
                if distance[i] < NEAR:
                    rejections[members[i]] = min(rejections[members[i]] + 1, PATIENCE)
    large = np.bincount(owner, minlength=cells + 1)[1:] >= min_cell_size
    standing = standing[:cells][large]
    if standing.size < cells:
        owner[:] = 0
        for cell in range(standing.size):
            members, distance = _reach(foreground, centres, standing[cell])
            _take(foreground, centres, standing, cell + 1, members, distance, owner)
    return owner, centres.member[standing]


@compiled
def _reach(foreground: Foreground, centres: Centres, index: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The members with d > 0.5 to a centre and their r: only places in the ellipse's bounding box are looked at."""
    height, width = foreground.shape
    centre_y, centre_x = _there(foreground, centres.member[index])
    s_y, s_x = centres.precision[index]
    radius_y, radius_x = math.sqrt(REACH / s_y), math.sqrt(REACH / s_x)
    left, right = nearest_pixel(centre_x - radius_x, width), nearest_pixel(centre_x + radius_x, width)
    top, bottom = nearest_pixel(centre_y - radius_y, height), nearest_pixel(centre_y + radius_y, height)
    begin, end = foreground.first[left::width][top : bottom + 1], foreground.first[right + 1 :: width][top : bottom + 1]
    members, distance = np.empty((end - begin).sum(), np.intp), np.empty((end - begin).sum())
    size = 0
    for run in range(begin.size):
        for member in range(begin[run], end[run]):
            y, x = _there(foreground, member)
            r = exponent(y - centre_y, x - centre_x, s_y, s_x)
            if r < REACH:
                members[size], distance[size] = member, r
                size += 1
    return members[:size], distance[:size]


@compiled
def _take(
    foreground: Foreground,
    centres: Centres,
    standing: NDArray[np.intp],
    cell: int,
    members: NDArray[np.intp],
    distance: NDArray[np.float64],
    owner: NDArray[np.int32],
) -> None:
    """Give the members to ``cell``, save those that are nearer to the centre that has them.

    How near they are to that is computed again: kept for all of the foreground it would be larger than all labels.
    """
    for i, member in enumerate(members):
        if owner[member]:
            other = standing[owner[member] - 1]
            centre_y, centre_x = _there(foreground, centres.member[other])
            y, x = _there(foreground, member)
            s_y, s_x = centres.precision[other]
            if distance[i] >= exponent(y - centre_y, x - centre_x, s_y, s_x):
                continue
        owner[member] = cell
