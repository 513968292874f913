"""Where a cell was that nobody saw: missed detections of a frame or two, closed along the tracking offsets."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from embedtrack.compiled import compiled
from embedtrack.tracks.relabel import rename
from embedtrack.types import Frame, Labels

N = TypeVar("N", bound=np.number)

Pixels = NDArray[np.int64]
"""int64[n, 2]: (y, x) of the pixels of one mask."""
Point = NDArray[np.float64]
"""float64[2]: (y, x) in pixels."""


class Gap(NamedTuple):
    """The frames in which a track was missed, between two of its masks."""

    track: int
    frames: list[Labels]
    """int32[H, W] each, of track labels, oldest first."""
    old: Pixels
    """The last mask before the gap."""
    new: Pixels
    """The first mask after the gap."""


def pixels(labels: Labels, wanted: Collection[int]) -> dict[int, Pixels]:
    """The pixels of each wanted label that is in ``labels`` int32[H, W]; all of them in one pass over the frame."""
    chosen = rename(labels, dict(zip(wanted, wanted, strict=True)))
    places = np.stack(np.divmod(np.flatnonzero(chosen > 0), labels.shape[1]), axis=1)  # [n, 2]
    owners = labels[places[:, 0], places[:, 1]]
    order = np.argsort(owners, kind="stable")
    found, first = np.unique(owners[order], return_index=True)
    return dict(zip(found.tolist(), np.split(places[order], first[1:]), strict=False))


def follow(mask: Pixels, shifts: Iterable[Frame], step: float) -> list[Point]:
    """The centres of a cell of frame t at t-1, t-2, ...: the medians of its shifted pixels, as far as they go.

    At t-1 nobody saw the cell, so the network's offsets may mean nothing there. They are believed if they gather the
    pixels of the mask, moved there, around one point, as they do in a cell; else the cell is taken to have rested:
    real cells turn too often for their velocity to say more. The path ends where the cell comes in from outside.

    Args:
        mask: the cell's pixels at t.
        shifts: float32[2, H, W] each, the tracking offsets of t, t-1, ... in grid units.
        step: the width of a pixel in grid units.
    """
    start = here = _middle(mask.astype(np.float64))  # [2]
    path: list[Point] = []
    for shift in shifts:
        y, x = np.rint(here - start).astype(np.int64).tolist()
        place, goals = _goals(mask, y, x, np.ascontiguousarray(shift, np.float32), step)  # both [n, 2]
        if not path or _spread(goals) < _spread(place) / 2:
            here = _middle(goals)
        if not len(_inside(np.rint(here)[None], shift.shape[1:])):
            break
        path.append(here)
    return path


def claim(points: Mapping[int, Point], reach: Mapping[int, float], lost: Mapping[int, Pixels]) -> dict[int, int]:
    """Which cell goes on with which lost track: cell -> track.

    A cell whose point lies on a lost mask claims that track, as with links; a mask on which no point lies goes to the
    cell with the nearest point, at most that cell's reach away.

    Args:
        points: cell -> where it was in the frame in which the tracks were last seen.
        reach: cell -> the distance in pixels by which its point may miss the mask.
        lost: track -> its last mask's pixels.
    """
    if not points or not lost:
        return {}
    owners = np.repeat(list(lost), [len(mask) for mask in lost.values()])
    distances, nearest = KDTree(np.concatenate(list(lost.values()))).query(np.rint(list(points.values())))
    claims: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for cell, distance, track in zip(points, distances.tolist(), owners[nearest].tolist(), strict=True):
        if distance <= reach[cell]:
            claims[track].append((distance, cell))
    found: dict[int, int] = {}
    for track, rivals in claims.items():
        on_mask = [cell for distance, cell in rivals if distance == 0]
        found |= dict.fromkeys(on_mask or [min(rivals)[1]], track)
    return found


def bridge(gap: Gap) -> None:
    """Draw the track into the frames of its gap: the new mask on the straight line from the old one's centre.

    Only background is drawn on. Where nothing of it is free the track stays missing in that frame.
    """
    start, end = gap.old.mean(axis=0), gap.new.mean(axis=0)  # [2]
    for index, frame in enumerate(gap.frames, start=1):
        centre = start + (end - start) * index / (len(gap.frames) + 1)
        place = _inside(gap.new + np.rint(centre - end).astype(np.int64), frame.shape)
        y, x = place[frame[place[:, 0], place[:, 1]] == 0].T
        frame[y, x] = gap.track


def _inside(places: NDArray[N], shape: Sequence[int]) -> NDArray[N]:
    """Those of the places [n, 2] that lie in a frame of this shape; NaN does not."""
    return places[((places >= 0) & (places < shape)).all(axis=1)]


@compiled
def _goals(mask: Pixels, y: int, x: int, shift: Frame, step: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """float64[n, 2]: the pixels of the mask, moved by (y, x), that lie in the frame, and where they point to."""
    place, goals = np.empty(mask.shape), np.empty(mask.shape)
    size = 0
    for i in range(len(mask)):
        row, column = mask[i, 0] + y, mask[i, 1] + x
        if 0 <= row < shift.shape[1] and 0 <= column < shift.shape[2]:
            place[size, 0], place[size, 1] = row, column
            goals[size, 0] = row + np.float64(shift[0, row, column] / np.float32(step))
            goals[size, 1] = column + np.float64(shift[1, row, column] / np.float32(step))
            size += 1
    return place[:size], goals[:size]


@compiled
def _middle(places: NDArray[np.float64]) -> Point:
    """The median of the places [n, 2] in each axis; NaN if one of them is, or there is none."""
    middle = np.full(2, np.nan)
    for axis in range(2):
        if len(places) > 0 and not np.isnan(places[:, axis]).any():
            middle[axis] = np.median(places[:, axis])
    return middle


@compiled
def _spread(places: NDArray[np.float64]) -> float:
    """The mean distance of the places [n, 2] to their median, in pixels."""
    middle, total = _middle(places), 0.0
    for i in range(len(places)):
        total += np.hypot(places[i, 0] - middle[0], places[i, 1] - middle[1])
    return total / max(len(places), 1)
