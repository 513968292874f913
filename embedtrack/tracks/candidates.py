"""What might be a cell of a frame: those of the segmentation, and where they are in doubt their rivals."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.files.packed import Packed
from embedtrack.tracks.cells import Regions, Votes, count_votes, regions
from embedtrack.types import Cells, Labels, Origin

CELL, PART = range(2)
"""Kinds: a cell of the segmentation; one of two parts of a cell."""

CANDIDATE = np.dtype(
    [("kind", "i1"), ("first", "i4"), ("second", "i4")]
    + [(name, "f8") for name in ("area", "y", "x", "roundness", "goal_y", "goal_x", "spread")]
    + [(name, "f8") for name in ("seediness", "brightness", "margin", "age", "usual", "light", "heard")]
)
"""A row a candidate. ``first`` and ``second``: of a part the cell that it is of and the other part, else -1.
``margin``: distance of the centre to the frame's edge in its own radii. ``age``: frames since it came or divided, as
far as best votes tell; ``usual`` and ``light``: running means of area and brightness over these. ``heard``: the largest
share of its pixels with which a candidate of the next frame votes for it."""

Table = NDArray[np.void]
"""CANDIDATE[n]; candidate i is label i + 1 in the frame's labels or rivals."""

LEAST = 0.2
"""A part has at least this share of its whole."""


class Scene(NamedTuple):
    """The candidates of one frame."""

    labels: Labels
    """int32[H, W]: candidates that are cells, as i + 1."""
    rivals: Labels
    """int32[H, W]: parts upon their wholes, as i + 1."""
    origin: Origin
    """Where each pixel's cell was at t-1."""
    table: Table
    """CANDIDATE[n]."""
    deflated: tuple[Packed, Packed] | None = None
    """Labels and rivals, of one that does not hold them otherwise; see ``deflate.py``."""


def scene_of(cells: Cells) -> Scene:
    """The candidates that a frame brings by itself."""
    table = _rows(regions(cells.labels, cells.origin, len(cells.seediness) - 1), cells.labels.shape)
    table["seediness"], table["brightness"] = cells.seediness[1:], cells.brightness[1:]
    table["light"] = table["brightness"]
    rivals = np.zeros(cells.labels.shape, np.int32)  # takes no memory where nothing is drawn
    return Scene(cells.labels, rivals, cells.origin, table)


def _rows(found: Regions, shape: tuple[int, ...]) -> Table:
    """The rows of labels 1 to n, without what their pixels do not tell."""
    table = np.zeros(len(found.area) - 1, CANDIDATE)
    table["first"] = table["second"] = -1
    table["area"], table["roundness"], table["spread"] = found.area[1:], found.roundness[1:], found.spread[1:]
    table["y"], table["x"] = found.centre[1:].T
    table["goal_y"], table["goal_x"] = found.goal[1:].T
    height, width = shape
    edge = np.minimum.reduce([table["y"], height - 1 - table["y"], table["x"], width - 1 - table["x"]])
    table["margin"] = edge / radius(table)
    table["age"], table["usual"] = 1, table["area"]
    return table


def radius(table: Table) -> NDArray[np.float64]:
    """float64[n]: the radii of discs of the candidates' areas."""
    return np.sqrt(table["area"] / np.pi)


def votes_between(now: Scene, before: Scene) -> Votes:
    """How many pixels of each candidate (as i + 1) were in which candidate of the frame before.

    The pixels of a whole point to one place, which says nothing of its parts: they share its votes.
    """
    voter, vote, count = count_votes(now.labels, now.origin, before.labels)
    voter, vote, count = _with_parts(now.table, voter, vote, count)
    vote, voter, count = _with_parts(before.table, vote, voter, count)
    order = np.lexsort((vote, voter))
    return Votes(voter[order], vote[order], count[order])


Column = NDArray[np.int64]


def _with_parts(table: Table, mine: Column, other: Column, count: Column) -> tuple[Column, Column, Column]:
    """The same votes, and again those of each whole as each of its two parts'."""
    parts = np.flatnonzero(table["kind"] == PART)
    owner = np.zeros((2, len(table) + 1), np.int64)  # 0 is none
    owner[(parts > table["second"][parts]).astype(np.int64), table["first"][parts] + 1] = parts + 1
    new = [(mine, other, count)]
    for its in owner:
        hit = its[mine] > 0
        new.append((its[mine[hit]], other[hit], count[hit]))
    joined = [np.concatenate(column) for column in zip(*new, strict=True)]
    return joined[0], joined[1], joined[2]


def split(scene: Scene, whole: int, places: NDArray[np.float64], areas: NDArray[np.float64]) -> Scene:
    """Cut a cell in two, across the line between two places, by the ratio of two areas.

    Args:
        scene: its rivals are changed in place.
        whole: the candidate, a cell of two pixels or more without parts.
        places: float64[2, 2]: (y, x) of the two parts' centres; only their direction counts.
        areas: float64[2].

    Returns:
        The scene with two candidates more.
    """
    size, width = len(scene.table), scene.labels.shape[1]
    pixel = _pixels_near(scene, whole)
    along = (places[1] - places[0]) @ np.stack([pixel // width, pixel % width])  # [k]
    order = pixel[np.argsort(along, kind="stable")]
    share = float(np.clip(areas[0] / areas.sum(), LEAST, 1 - LEAST))
    cut = min(max(round(share * pixel.size), 1), pixel.size - 1)
    rows = np.concatenate([_row(scene, part) for part in (order[:cut], order[cut:])])
    rows["kind"], rows["first"], rows["second"] = PART, whole, [size + 1, size]
    for name in ("seediness", "brightness", "light"):
        rows[name] = scene.table["brightness" if name == "light" else name][whole]
    for axis in ("y", "x"):  # the pixels of both point to one place: the parts move as their whole does
        rows[f"goal_{axis}"] = rows[axis] + scene.table[f"goal_{axis}"][whole] - scene.table[axis][whole]
    scene.rivals.reshape(-1)[order] = np.where(np.arange(pixel.size) < cut, size + 1, size + 2)
    return scene._replace(table=np.concatenate([scene.table, rows]))


def _pixels_near(scene: Scene, cell: int) -> NDArray[np.intp]:
    """intp[k]: the pixels of a cell, in reading order; most cells need a small box alone."""
    row, width = scene.table[cell], scene.labels.shape[1]
    reach = int(4 * np.sqrt(row["area"] / np.pi)) + 2
    top, left = max(int(row["y"]) - reach, 0), max(int(row["x"]) - reach, 0)
    y, x = np.nonzero(scene.labels[top : top + 2 * reach, left : left + 2 * reach] == cell + 1)
    if len(y) < row["area"]:
        return np.flatnonzero(scene.labels.ravel() == cell + 1)
    found: NDArray[np.intp] = (y + top) * width + x + left
    return found


def _row(scene: Scene, pixel: NDArray[np.intp]) -> Table:
    """The row of a mask of k pixels, counted in reading order."""
    width = scene.labels.shape[1]
    y, x = np.divmod(pixel, width)
    top, left = int(y.min()), int(x.min())
    mask = np.zeros((int(y.max()) + 1 - top, int(x.max()) + 1 - left), np.int32)
    mask[y - top, x - left] = 1
    origin = np.ascontiguousarray(scene.origin[top : top + mask.shape[0], left : left + mask.shape[1]])
    return _rows(regions(mask, origin, 1, (top, left), width), scene.labels.shape)


def pixels(scene: Scene, candidate: int) -> NDArray[np.int64]:
    """int64[k, 2]: (y, x) of the pixels of a candidate."""
    image = scene.labels if scene.table["kind"][candidate] == CELL else scene.rivals
    return np.argwhere(image == candidate + 1)
