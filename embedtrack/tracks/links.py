"""Which candidate may follow which, and which two may be the daughters of one; with the evidence for each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from embedtrack.compiled import compiled
from embedtrack.tracks.candidates import PART, Scene, Table, radius, votes_between
from embedtrack.types import Origin

LINK = np.dtype(
    [("source", "i4"), ("target", "i4"), ("gap", "i1")] + [(name, "f8") for name in ("share", "far", "growth")]
)
"""A candidate of t - gap, one of t. ``share``: of the target's pixels were in the source; ``far``: distance of the mean
of their origins to the source's centre in the source's radii; ``growth``: logarithm of the ratio of the areas."""
PAIR = np.dtype(
    [("source", "i4"), ("target", "i4"), ("other", "i4")]
    + [(name, "f8") for name in ("share", "far", "apart", "touch", "middle", "unlike", "sum", "shade")]
)
"""A mother of t-1 and two daughters of t. ``share``, ``far``: the worse of both links; ``apart``: distance of the two
origins in the mother's radii; ``touch``: of the daughters' centres in sums of their radii; ``middle``: of the point
between them from the mother's centre in her radii; ``unlike``: logarithm of the ratio of their areas; ``shade``:
difference of their brightness in normalised grey values; ``sum``: logarithm of the ratio of both areas to the
mother's."""

LEAST_SHARE = 0.05
NEAR = 3.0
"""A candidate of which few pixels vote may follow any whose centre is so many radii from its mean origin."""


class Evidence(NamedTuple):
    """All that may lead into a frame."""

    links: NDArray[np.void]
    """LINK[m]."""
    pairs: NDArray[np.void]
    """PAIR[k]."""


def evidence(scenes: Sequence[Scene], max_gap: int) -> Evidence:
    """What may lead into the last of some consecutive scenes; the running means of its table are filled in."""
    now = scenes[-1]
    if len(scenes) == 1 or not len(now.table):
        return Evidence(np.zeros(0, LINK), np.zeros(0, PAIR))
    before = scenes[-2]
    goal = np.stack([now.table["goal_y"], now.table["goal_x"]], axis=1)  # [n, 2]
    votes = votes_between(now, before)
    share = votes.pixels / now.table["area"][votes.voter - 1]
    voted = share >= LEAST_SHARE
    source, target, share = votes.vote[voted] - 1, votes.voter[voted] - 1, share[voted]
    best = np.zeros(len(now.table))
    np.maximum.at(best, target, share)
    asking = np.where(best[:, None] < 0.5, goal, np.nan)
    links = _links(before.table, now.table, goal, source, target, share, 1, _near(before.table, asking))
    _run(before.table, now.table, links)
    pairs = _pairs(before.table, now.table, links)
    found = [links]
    for gap in range(2, min(max_gap + 1, len(scenes) - 1) + 1):
        lonely = _lonely(now.table, found[0])
        goal = _follow(goal, radius(now.table), scenes[-gap].origin)
        there = scenes[-1 - gap]
        if lonely.any() and len(there.table):
            found.append(_over_gap(there, now.table, goal, lonely, gap))
    return Evidence(np.concatenate(found), pairs)


def _links(
    before: Table,
    now: Table,
    goal: NDArray[np.float64],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    share: NDArray[np.float64],
    gap: int,
    near: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.void]:
    """LINK[m] of the votes, and of sources and targets that are near each other."""
    known = source * len(now) + target
    more_source, more_target = near
    fresh = ~np.isin(more_source * len(now) + more_target, known)
    links = np.zeros(len(source) + int(fresh.sum()), LINK)
    links["source"] = np.concatenate([source, more_source[fresh]])
    links["target"] = np.concatenate([target, more_target[fresh]])
    links["share"][: len(share)], links["gap"] = share, gap
    i, j = links["source"], links["target"]
    off = np.hypot(goal[j, 0] - before["y"][i], goal[j, 1] - before["x"][i])
    links["far"] = np.where(np.isnan(off), 9.0, off / radius(before)[i])
    part = (before["kind"][i] == PART) | (now["kind"][j] == PART)
    _by_place(links, part, before, now, goal)
    links["growth"] = np.log(now["area"][j] / before["area"][i])
    return links


def _by_place(
    links: NDArray[np.void], part: NDArray[np.bool_], before: Table, now: Table, goal: NDArray[np.float64]
) -> None:
    """Links with parts: what was one cell for the network points to one place, so that places alone tell them apart."""
    i, j = links["source"][part], links["target"][part]
    own = now["kind"][j] == PART
    y, x = np.where(own, goal[j, 0], now["y"][j]), np.where(own, goal[j, 1], now["x"][j])
    far = np.hypot(y - before["y"][i], x - before["x"][i]) / radius(before)[i]
    links["far"][part] = np.where(np.isnan(far), 9.0, far)
    links["share"][part] = np.clip(1.5 - links["far"][part], 0, 1)


def _near(before: Table, goal: NDArray[np.float64], most: int = 3) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sources and targets: the candidates of t-1 with centres near each goal [n, 2]."""
    asking = np.flatnonzero(np.isfinite(goal[:, 0]))
    if not len(before) or not asking.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    size = radius(before)
    tree = KDTree(np.stack([before["y"], before["x"]], axis=1))
    distance, source = tree.query(goal[asking], k=range(1, most + 1), distance_upper_bound=NEAR * float(size.max()))
    target = np.repeat(asking[:, None], most, axis=1)
    found = np.isfinite(distance)
    source, target, distance = source[found], target[found], distance[found]
    near = distance < NEAR * size[source]
    return source[near].astype(np.int64), target[near].astype(np.int64)


def _run(before: Table, now: Table, links: NDArray[np.void]) -> None:
    """Fill in what runs along best votes: ``age``, ``usual`` and ``light`` of t, ``heard`` of t-1."""
    np.maximum.at(before["heard"], links["source"], links["share"])
    alike = (before["kind"][links["source"]] != PART) | (now["kind"][links["target"]] == PART)
    order = np.lexsort((links["source"], -links["share"], links["target"]))
    best = links[order][alike[order]]
    best = best[np.unique(best["target"], return_index=True)[1]]
    best = best[best["share"] >= 0.3]
    i, j = best["source"], best["target"]
    whole = (before["kind"][i] != PART) & (now["kind"][j] != PART)
    voters = np.bincount(i[whole], minlength=len(before))
    now["age"][j] = np.where(voters[i] > 1, 1, np.minimum(before["age"][i] + 1, 20))
    for name, value in (("usual", "area"), ("light", "brightness")):
        now[name][j] = np.where(voters[i] > 1, now[value][j], 0.7 * before[name][i] + 0.3 * now[value][j])


def _pairs(before: Table, now: Table, links: NDArray[np.void]) -> NDArray[np.void]:
    """PAIR[k]: every two that may follow one, unless they are rivals."""
    good = links[(links["share"] >= 0.2) | (links["far"] < NEAR)]
    good = good[np.argsort(good["source"], kind="stable")]
    first = np.flatnonzero(np.diff(good["source"], prepend=-1))
    size = np.diff(np.append(first, len(good)))
    a, b = [], []
    for start, count in zip(first[size > 1].tolist(), size[size > 1].tolist(), strict=True):
        one, two = np.triu_indices(count, 1)
        a.append(start + one)
        b.append(start + two)
    if not a:
        return np.zeros(0, PAIR)
    one, two = good[np.concatenate(a)], good[np.concatenate(b)]
    i, j, k = one["source"], one["target"], two["target"]
    apart = ~rivals(now, j, k)
    one, two, i, j, k = one[apart], two[apart], i[apart], j[apart], k[apart]
    pairs, size_i, size = np.zeros(len(i), PAIR), radius(before)[i], radius(now)
    pairs["source"], pairs["target"], pairs["other"] = i, j, k
    pairs["share"], pairs["far"] = np.minimum(one["share"], two["share"]), np.maximum(one["far"], two["far"])
    goals = np.hypot(now["goal_y"][j] - now["goal_y"][k], now["goal_x"][j] - now["goal_x"][k])
    pairs["apart"] = np.nan_to_num(goals / size_i, nan=3.0)
    between = np.hypot(now["y"][j] - now["y"][k], now["x"][j] - now["x"][k])
    pairs["touch"] = between / (size[j] + size[k])
    middle = [(now[axis][j] + now[axis][k]) / 2 - before[axis][i] for axis in ("y", "x")]
    pairs["middle"] = np.hypot(*middle) / size_i
    pairs["unlike"] = np.abs(np.log(now["area"][j] / now["area"][k]))
    pairs["sum"] = np.log((now["area"][j] + now["area"][k]) / before["area"][i])
    pairs["shade"] = np.abs(now["brightness"][j] - now["brightness"][k])
    return pairs


def rivals(table: Table, one: NDArray[np.int32], two: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether two candidates of a frame share pixels."""
    found = (table["first"][one] == two) | (table["first"][two] == one)
    answer: NDArray[np.bool_] = found
    return answer


def _over_gap(
    there: Scene, now: Table, goal: NDArray[np.float64], lonely: NDArray[np.bool_], gap: int
) -> NDArray[np.void]:
    """LINK[m] of the candidates that nobody saw in the frame before, to those that nobody has followed."""
    none, no_share = np.zeros(0, np.int64), np.zeros(0)
    near = _near(there.table, np.where(lonely[:, None], goal, np.nan))
    links = _links(there.table, now, goal, none, none, no_share, gap, near)
    links = links[there.table["heard"][links["source"]] < 0.3]
    y, x = (np.rint(goal[links["target"], axis]).astype(np.int64) for axis in (0, 1))
    height, width = there.labels.shape
    y, x = y.clip(0, height - 1), x.clip(0, width - 1)
    label = links["source"] + 1
    links["share"] = (there.labels[y, x] == label) | (there.rivals[y, x] == label)
    found: NDArray[np.void] = links
    return found


def _lonely(now: Table, links: NDArray[np.void]) -> NDArray[np.bool_]:
    """bool[n]: the candidates that hardly vote for any of the frame before."""
    best = np.zeros(len(now))
    np.maximum.at(best, links["target"], links["share"])
    return best < 0.5


@compiled
def _follow(goal: NDArray[np.float64], size: NDArray[np.float64], origin: Origin) -> NDArray[np.float64]:
    """Where a cell of this size was one frame before each ``goal`` [n, 2], by the pixels around that.

    Nobody saw the cell there, so their origins may mean nothing. They are believed if they gather around one point, as
    they do in a cell; else the cell is taken to have rested.
    """
    height, width = origin.shape
    found = goal.copy()
    for cell in range(len(goal)):
        if np.isnan(goal[cell, 0]):
            continue
        reach = int(size[cell] * 0.7) + 1
        count, y, x, square = 0, 0.0, 0.0, 0.0
        top, left = int(goal[cell, 0]), int(goal[cell, 1])
        for row in range(max(top - reach, 0), min(top + reach + 1, height)):
            for column in range(max(left - reach, 0), min(left + reach + 1, width)):
                place = origin[row, column]
                inside = (row - top) ** 2 + (column - left) ** 2 <= (0.7 * size[cell]) ** 2
                if place >= 0 and inside:
                    count += 1
                    y += place // width
                    x += place % width
                    square += (place // width) ** 2 + (place % width) ** 2
        if count > 0:
            y, x = y / count, x / count
            if square / count - y * y - x * x < (size[cell] / 3) ** 2:
                found[cell, 0], found[cell, 1] = y, x
    return found
