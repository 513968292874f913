"""Masks of one piece: of each label the largest part stays, and what it encloses alone becomes its own.

The work is done on runs, pixels of one label that follow each other in a row: they are few where pixels are many.
"""

import numpy as np
from numpy.typing import NDArray

from embedtrack.compiled import compiled
from embedtrack.types import Labels

Runs = NDArray[np.int64]
"""int64[r + 1]: the pixel, counted in reading order, at which each run begins; the last is their number."""
Parts = NDArray[np.int64]
"""int64[r]: of each run an earlier one, or itself, with which it hangs together; see ``_first_of``."""


def one_piece(labels: Labels) -> Labels:
    """Labels int32[H, W] without crumbs and holes; every label that is there stays.

    A part is what hangs together over edges and corners, a hole background that hangs together over edges, touches
    no edge of the frame and borders on one label alone. Of equal parts the first in reading order stays.
    """
    whole: Labels = _one_piece(np.ascontiguousarray(labels, np.int32))
    return whole


@compiled
def _one_piece(labels: Labels) -> Labels:
    whole, width = labels.copy(), labels.shape[1]
    flat = whole.reshape(-1)
    _drop_crumbs(flat, _runs(flat, width), width)
    _fill_holes(flat, _runs(flat, width), width)
    return whole


@compiled
def _runs(flat: Labels, width: int) -> Runs:
    count = 1
    for pixel in range(flat.size):
        count += int(pixel % width == 0 or flat[pixel] != flat[pixel - 1])
    begin, run = np.empty(count, np.int64), 0
    for pixel in range(flat.size):
        if pixel % width == 0 or flat[pixel] != flat[pixel - 1]:
            begin[run] = pixel
            run += 1
    begin[run] = flat.size
    return begin


@compiled
def _drop_crumbs(flat: Labels, begin: Runs, width: int) -> None:
    """Make background of all parts of a label but the largest one."""
    runs = begin.size - 1
    parts, size = np.arange(runs), np.zeros(runs, np.int64)
    above, run = 0, int(np.searchsorted(begin, width))
    while run < runs:  # the runs of a row and of the one above it meet in order
        _join(parts, flat, begin, above, run)
        end_above, end = begin[above + 1] + width, begin[run + 1]
        if end_above == end and end % width > 0:
            _join(parts, flat, begin, above, run + 1)  # over corners
            _join(parts, flat, begin, above + 1, run)
        above, run = above + int(end_above <= end), run + int(end <= end_above)
    largest = np.full(flat.max() + 1, -1, np.int64)
    for run in range(runs):
        size[_first_of(parts, run)] += begin[run + 1] - begin[run]
    for run in range(runs):
        label = flat[begin[run]]
        if largest[label] < 0 or size[run] > size[largest[label]]:
            largest[label] = run
    for run in range(runs):
        if _first_of(parts, run) != largest[flat[begin[run]]]:
            flat[begin[run] : begin[run + 1]] = 0


@compiled
def _join(parts: Parts, flat: Labels, begin: Runs, one: int, two: int) -> None:
    """Let two runs hang together, if they have one label; all background does, as nothing asks for its parts."""
    if flat[begin[one]] == flat[begin[two]]:
        first, second = _first_of(parts, one), _first_of(parts, two)
        parts[max(first, second)] = min(first, second)


@compiled
def _first_of(parts: Parts, run: int) -> int:
    """The first run of the part to which a run belongs; what is looked through is shortened."""
    while parts[run] != run:
        parts[run] = parts[parts[run]]
        run = int(parts[run])
    return run


@compiled
def _fill_holes(flat: Labels, begin: Runs, width: int) -> None:
    """Give each hole to the label around it."""
    runs = begin.size - 1
    parts, is_open = np.arange(runs), np.zeros(runs, np.bool_)
    around = np.zeros((runs, 2), np.int32)  # the least and the highest label that a run of background borders on
    above, run = 0, int(np.searchsorted(begin, width))
    while run < runs:
        if flat[begin[above]] == 0 and flat[begin[run]] == 0:
            _join(parts, flat, begin, above, run)
        _meet(around, flat, begin, above, run)
        end_above, end = begin[above + 1] + width, begin[run + 1]
        above, run = above + int(end_above <= end), run + int(end <= end_above)
    for run in range(runs):
        left, right = begin[run] % width == 0, begin[run + 1] % width == 0
        is_open[run] = left or right or begin[run] < width or begin[run] >= flat.size - width
        if not right:
            _meet(around, flat, begin, run, run + 1)
    for run in range(runs - 1, -1, -1):  # a part's first run comes last
        first = _first_of(parts, run)
        if first != run:
            is_open[first] |= is_open[run]
            _add(around, first, around[run, 0])
            _add(around, first, around[run, 1])
    for run in range(runs):
        first = _first_of(parts, run)
        if flat[begin[run]] == 0 and not is_open[first] and around[first, 0] == around[first, 1]:
            flat[begin[run] : begin[run + 1]] = around[first, 0]


@compiled
def _meet(around: NDArray[np.int32], flat: Labels, begin: Runs, one: int, two: int) -> None:
    """Two runs border on each other: background takes note of a label."""
    label, other = flat[begin[one]], flat[begin[two]]
    if label == 0:
        _add(around, one, other)
    elif other == 0:
        _add(around, two, label)


@compiled
def _add(around: NDArray[np.int32], run: int, label: int) -> None:
    if label > 0:
        around[run, 0] = label if around[run, 0] == 0 else min(around[run, 0], label)
        around[run, 1] = max(around[run, 1], label)
