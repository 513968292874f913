"""What may be chosen in a window of frames, and what it costs: candidates, links and divisions as one problem."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import Costs
from embedtrack.tracks.candidates import PART, Table
from embedtrack.tracks.costs import cell_costs, change, division_features, link_features, log_odds
from embedtrack.tracks.links import LINK, PAIR, Evidence
from embedtrack.tracks.pins import NONE, fix_links, fix_pairs
from embedtrack.tracks.solve import Index, Problem, Values

Promise = tuple[int, int, int, int]
"""A link over a gap that later windows have to keep: frame, candidate, gap, candidate."""


class Known(NamedTuple):
    """What was decided before."""

    start: int
    """The frame of the first table."""
    open: list[NDArray[np.bool_]]
    """Of each table that is final, the oldest ones, which candidates wait for a successor."""
    promised: list[Promise]
    """Those that lead out of final tables."""
    given: bool
    """Every candidate is a cell."""
    pins: NDArray[np.void] = NONE
    """PIN[n]: what a person said."""


class Places(NamedTuple):
    """Where the candidates, links and divisions of each frame lie in a problem."""

    cells: list[slice]
    links: list[NDArray[np.void]]
    link_at: list[slice]
    pairs: list[NDArray[np.void]]
    pair_at: list[slice]


def pose(tables: list[Table], found: list[Evidence], costs: Costs, known: Known) -> tuple[Problem, Places]:
    """All that may be chosen in some consecutive frames, one or more of which are not final."""
    begin = np.concatenate([[0], np.cumsum([len(table) for table in tables])]).astype(np.int64)
    places = _places(begin, found, len(known.open))
    alive = lives(tables, [one.links for one in found])
    ends = np.concatenate([_ends(begin, t, links) for t, links in enumerate(places.links)])
    link = [_link_costs(tables, t, links, costs) for t, links in enumerate(places.links)]
    family = [_family(begin, t, pairs) for t, pairs in enumerate(places.pairs)]
    division = [_division_costs(tables, t, pairs, alive[t], costs) for t, pairs in enumerate(places.pairs)]
    cell, appear, vanish = _cell_costs(tables, costs, known)
    rivals, twins = zip(*(_exclusive(tables[t], begin[t]) for t in range(len(known.open), len(tables))), strict=True)
    fixed = _fixed(begin, places, ends, known)
    joined = np.concatenate
    return Problem(
        cell, appear, vanish, joined(link), ends, joined(division), joined(family), joined(rivals), joined(twins), fixed
    ), places


def _places(begin: Index, found: Sequence[Evidence], done: int) -> Places:
    """Links into what is final are no choice any more, nor are those from before the first frame."""
    none = Evidence(np.zeros(0, LINK), np.zeros(0, PAIR))
    open_ones = [one if t >= done else none for t, one in enumerate(found)]
    links = [one.links[one.links["gap"] <= t] for t, one in enumerate(open_ones)]
    pairs = [one.pairs for one in open_ones]
    cells = [slice(*ends) for ends in zip(begin[:-1].tolist(), begin[1:].tolist(), strict=True)]
    return Places(cells, links, _slices(links), pairs, _slices(pairs))


def _slices(parts: Sequence[NDArray[np.void]]) -> list[slice]:
    """Where each part lies in all of them together."""
    stops = list(accumulate(map(len, parts)))
    return [slice(stop - len(part), stop) for part, stop in zip(parts, stops, strict=True)]


def _cell_costs(tables: Sequence[Table], costs: Costs, known: Known) -> tuple[Values, Values, Values]:
    """What each candidate costs, its appearing and its vanishing; both are free at the movie's ends."""
    cell = [cell_costs(table, costs) if len(table) else np.zeros(0) for table in tables]
    appear = [change(table, costs.appear, costs.edge) for table in tables]
    vanish = [change(table, costs.vanish, costs.edge) for table in tables]
    for t in range(max(len(known.open), int(known.start == 0))):
        appear[t] = np.zeros(len(tables[t]))
    vanish[-1] = np.zeros(len(tables[-1]))
    return np.concatenate(cell), np.concatenate(appear), np.concatenate(vanish)


def _ends(begin: Index, t: int, links: NDArray[np.void]) -> Index:
    """int64[m, 2]: sources and targets among all candidates."""
    source = begin[t - links["gap"].astype(np.int64)] + links["source"]
    return np.stack([source, begin[t] + links["target"]], axis=1).astype(np.int64)


def _link_costs(tables: Sequence[Table], t: int, links: NDArray[np.void], costs: Costs) -> Values:
    """float64[m]: of links into frame t."""
    found = np.zeros(len(links))
    for gap in np.unique(links["gap"]).tolist():
        its = links["gap"] == gap
        found[its] = -log_odds(link_features(tables[t - gap], tables[t], links[its]), costs.link)
    return found


def _family(begin: Index, t: int, pairs: NDArray[np.void]) -> Index:
    """int64[k, 3]: mothers and two daughters among all candidates."""
    if not len(pairs):
        return np.zeros((0, 3), np.int64)
    daughters = (begin[t] + pairs["target"], begin[t] + pairs["other"])
    return np.stack([begin[t - 1] + pairs["source"], *daughters], axis=1).astype(np.int64)


def _division_costs(tables: Sequence[Table], t: int, pairs: NDArray[np.void], life: Values, costs: Costs) -> Values:
    """float64[k]: of divisions into two candidates of frame t."""
    if not len(pairs):
        return np.zeros(0)
    return -log_odds(division_features(tables[t - 1], tables[t], pairs, life, len(tables) - t), costs.division)


def _exclusive(table: Table, begin: int) -> tuple[Index, Index]:
    """int64[r, 2]: candidates of which one may be chosen; int64[s, 2]: parts that are chosen together."""
    part = np.flatnonzero(table["kind"] == PART)
    rivals = np.stack([part, table["first"][part]], axis=1).astype(np.int64)
    pairs = np.stack([part, table["second"][part]], axis=1).astype(np.int64)
    return begin + rivals, begin + pairs[pairs[:, 0] < pairs[:, 1]]


def _fixed(begin: Index, places: Places, ends: Index, known: Known) -> Values:
    """float64[n + m + k]: 1 or 0 where it was decided before, or a person said so, else nan."""
    cells = np.full(int(begin[-1]), 1.0 if known.given else np.nan)
    said = [known.pins[known.pins["frame"] == known.start + t] for t in range(len(places.cells))]
    for t, pins in enumerate(said):
        cells[begin[t] + pins["cell"]] = 1
        pins = pins[(pins["gap"] > 0) & (pins["gap"] <= t)]
        cells[begin[t - pins["gap"].astype(np.int64)] + pins["source"]] = 1
    for t, is_open in enumerate(known.open):
        cells[begin[t] : begin[t + 1]] = is_open
    links = np.concatenate([fix_links(one, pins) for one, pins in zip(places.links, said, strict=True)])
    pairs = np.concatenate([fix_pairs(one, pins) for one, pins in zip(places.pairs, said, strict=True)])
    for frame, source, gap, target in known.promised:
        t = frame + gap - known.start
        links[(ends[:, 0] == begin[t - gap] + source) & (ends[:, 1] == begin[t] + target)] = 1
        cells[begin[t] + target] = 1
    return np.concatenate([cells, links, pairs])


def lives(tables: Sequence[Table], links: Sequence[NDArray[np.void]]) -> list[Values]:
    """float64[n] of each frame: for how many frames, from its own on, best votes follow each candidate."""
    alive = [np.ones(len(table)) for table in tables]
    for t in range(len(tables) - 1, 0, -1):
        steps = links[t][(links[t]["gap"] == 1) & (links[t]["share"] >= 0.3)]
        part = tables[t - 1]["kind"][steps["source"]] == PART
        best = np.zeros(len(tables[t]))
        np.maximum.at(best, steps["target"][~part], steps["share"][~part])
        steps = steps[np.where(part, steps["share"] >= 0.5, steps["share"] == best[steps["target"]])]
        np.maximum.at(alive[t - 1], steps["source"], 1 + alive[t][steps["target"]])
    return alive
