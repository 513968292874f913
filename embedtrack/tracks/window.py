"""Decisions over a window of frames: the oldest become final when enough later frames are known."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import Costs
from embedtrack.tracks.candidates import PART, Scene, Table, pixels, scene_of
from embedtrack.tracks.confidence import margins
from embedtrack.tracks.costs import cell_costs, change, division_features, link_features, log_odds
from embedtrack.tracks.doubt import BACK, look_back
from embedtrack.tracks.gaps import Gap
from embedtrack.tracks.links import LINK, PAIR, Evidence, evidence
from embedtrack.tracks.solve import Problem, solve
from embedtrack.types import Cells

STRIDE = 4
"""So many frames become final at a time, ..."""
AHEAD = 8
"""... when so many later ones are known, and BACK more, which may still get candidates."""
DELAY = STRIDE + AHEAD + BACK
"""A frame becomes final when so many later ones are there, or fewer."""
NEW, LINKED, BORN = range(3)
"""How a track begins or goes on in a frame."""

STEP = np.dtype([("cell", "i4"), ("how", "i1"), ("gap", "i1"), ("source", "i4"), ("is_cell", "f4"), ("comes_so", "f4")])
"""A chosen candidate of a frame: is it NEW, LINKED with the one ``gap`` frames before, or BORN of it?

``is_cell`` and ``comes_so``: how sure that is, see ``confidence.py``, in log-odds."""


NOWHERE = np.zeros((0, 0), np.int32)
"""Origins that are not needed any more."""


class Decided(NamedTuple):
    """A frame that is final."""

    scene: Scene
    steps: NDArray[np.void]
    """STEP[n] of all its cells."""
    gaps: list[tuple[int, Gap]]
    """Candidates that are missed in the next frame, and where they are seen again."""


class Window:
    """Takes frames, gives decisions; knows as many frames as a decision needs."""

    def __init__(self, costs: Costs, max_gap: int, *, given: bool = False) -> None:
        """Begin a movie in which links pass over up to ``max_gap`` frames.

        Where the cells are ``given``, each of them is one: none falls, is split or is drawn where it was missed.
        """
        self._costs, self._max_gap, self._given = costs, max_gap, given
        self.scenes: list[Scene] = []
        self._evidence: list[Evidence] = []  # of the oldest scenes, as far as it is final
        self._start = 0  # the frame of the first scene
        self._done = 0  # so many scenes are final, ...
        self._open: list[NDArray[np.bool_]] = []  # ... and which of their candidates wait for a successor
        self._promised: list[tuple[int, int, int, int]] = []  # frame, candidate, gap, candidate of chosen links

    def add(self, cells: Cells) -> list[Decided]:
        """Take the next frame; the frames that it makes final, in order."""
        self.scenes.append(scene_of(cells))
        if not self._given:
            look_back(self.scenes)
        if len(self.scenes) > BACK:
            self._evidence.append(self._lead(self.scenes[: len(self.scenes) - BACK]))
        ready = len(self._evidence)
        if ready > self._max_gap:  # no later evidence asks for these origins
            old = self.scenes[ready - self._max_gap - 1]
            self.scenes[ready - self._max_gap - 1] = old._replace(origin=NOWHERE)
        if ready - self._done < STRIDE + AHEAD:
            return []
        return self._decide(self.scenes[:ready], self._evidence, self._done + STRIDE)

    def finish(self) -> list[Decided]:
        """The rest of the frames, were the last one the movie's last one; the window is as it was, see ``clear``."""
        kept = max(len(self._evidence) - 1, 0)  # the last one's table is filled in by its successor
        scenes = self.scenes[:kept] + [s._replace(table=s.table.copy()) for s in self.scenes[kept:]]
        found = list(self._evidence)
        for end in range(len(found) + 1, len(scenes) + 1):
            found.append(self._lead(scenes[:end]))
        twin = Window(self._costs, self._max_gap, given=self._given)
        twin._start, twin._done, twin._open, twin._promised = self._start, self._done, self._open, self._promised
        return twin._decide(scenes, found, len(scenes)) if scenes else []

    def state(self) -> dict[str, NDArray[Any]]:
        """All that it knows after one frame or more, to go on in another process: see ``restore``."""
        shape = self.scenes[0].labels.shape
        bare = [scene.origin.size == 0 for scene in self.scenes]
        found = self._evidence or [Evidence(np.zeros(0, LINK), np.zeros(0, PAIR))]
        return {
            "labels": np.stack([scene.labels for scene in self.scenes]),
            "rivals": np.stack([scene.rivals for scene in self.scenes]),
            "origins": np.array([s.origin for s in self.scenes if s.origin.size], np.int32).reshape(-1, *shape),
            "bare": np.array(bare),
            **_packed("tables", [scene.table for scene in self.scenes]),
            **_packed("links", [one.links for one in found]),
            **_packed("pairs", [one.pairs for one in found]),
            **_packed("open", [*self._open, np.zeros(0, np.bool_)]),
            "promised": np.array(self._promised, np.int64).reshape(-1, 4),
            "window": np.array([self._start, self._done, len(self._evidence)], np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the one stood whose ``state`` this is, with the same settings."""
        self._start, self._done, known = state["window"].tolist()
        origins = iter(state["origins"])
        columns = (state["labels"], state["rivals"], state["bare"], _unpacked("tables", state))
        self.scenes = [
            Scene(labels, rivals, NOWHERE if bare else next(origins), table)
            for labels, rivals, bare, table in zip(*columns, strict=True)
        ]
        both = zip(_unpacked("links", state), _unpacked("pairs", state), strict=True)
        self._evidence = [Evidence(links, pairs) for links, pairs in both][:known]
        self._open = _unpacked("open", state)[: self._done]
        self._promised = [tuple(line) for line in state["promised"].tolist()]

    def _lead(self, scenes: Sequence[Scene]) -> Evidence:
        return evidence(scenes[-(self._max_gap + 2) :], self._max_gap)

    def _decide(self, scenes: list[Scene], found: list[Evidence], until: int) -> list[Decided]:
        """Solve for all ``scenes``; those before ``until`` become final."""
        problem, frames = self._problem(scenes, found)
        choice = solve(problem)
        cells = [choice.cell[one] for one in frames.cells]
        decided, is_open, promised = [], [c.copy() for c in cells], []
        steps = [np.zeros(int(c.sum()), STEP) for c in cells]
        place = []
        for chosen, step in zip(cells, steps, strict=True):
            step["cell"] = np.flatnonzero(chosen)
            place.append(np.cumsum(chosen) - 1)
        sure = margins(problem, choice)
        gaps: list[list[tuple[int, Gap]]] = [[] for _ in scenes]
        for t in range(self._done, len(scenes)):
            for link in frames.links[t][choice.link[frames.link_at[t]]]:
                i, j, gap = int(link["source"]), int(link["target"]), int(link["gap"])
                steps[t][place[t][j]] = (j, LINKED, gap, i, 0, 0)
                is_open[t - gap][i] = t >= until
                if gap > 1 and t - gap < until and not self._given:
                    gaps[t - gap].append((i, Gap(gap, pixels(scenes[t - gap], i), pixels(scenes[t], j))))
                    if t >= until:
                        promised.append((self._start + t - gap, i, gap, j))
            for pair in frames.pairs[t][choice.division[frames.pair_at[t]]]:
                for j in (int(pair["target"]), int(pair["other"])):
                    steps[t][place[t][j]] = (j, BORN, 1, int(pair["source"]), 0, 0)
                is_open[t - 1][int(pair["source"])] = t >= until
        for t in range(self._done, until):
            steps[t]["is_cell"] = sure.cell[frames.cells[t]][cells[t]]
            steps[t]["comes_so"] = sure.arrival[frames.cells[t]][cells[t]]
            decided.append(Decided(scenes[t], steps[t], gaps[t]))
        for t in range(self._done):
            is_open[t] &= self._open[t]
        keep = max(until - self._max_gap - 1, 0)
        self._open, self._promised = is_open[keep:until], promised
        self.scenes, self._evidence = self.scenes[keep:], self._evidence[keep:]
        self._done, self._start = until - keep, self._start + keep
        return decided

    def _problem(self, scenes: list[Scene], found: list[Evidence]) -> tuple[Problem, "Places"]:
        """All that may be chosen in ``scenes``."""
        sizes = [len(scene.table) for scene in scenes]
        begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        tables = [scene.table for scene in scenes]
        alive = lives(tables, [one.links for one in found])
        cell = [cell_costs(table, self._costs) if len(table) else np.zeros(0) for table in tables]
        appear = [change(table, self._costs.appear, self._costs.edge) for table in tables]
        vanish = [change(table, self._costs.vanish, self._costs.edge) for table in tables]
        if self._start == 0 and tables:
            appear[0] = np.zeros(sizes[0])
        if tables:
            vanish[-1] = np.zeros(sizes[-1])
        fixed = [np.full(size, 1.0 if self._given else np.nan) for size in sizes]
        for t in range(self._done):
            fixed[t] = self._open[t].astype(float)
            appear[t] = np.zeros(sizes[t])
        places, ends, link_costs, family, pair_costs = Places([], [], [], [], []), [], [], [], []
        m = k = 0
        for t, (table, one) in enumerate(zip(tables, found, strict=True)):
            links, pairs = (one.links, one.pairs) if t >= self._done else (np.zeros(0, LINK), np.zeros(0, PAIR))
            links = links[links["gap"] <= t]
            cost = np.zeros(len(links))
            for gap in np.unique(links["gap"]).tolist():
                its = links["gap"] == gap
                cost[its] = -log_odds(link_features(tables[t - gap], table, links[its]), self._costs.link)
            source = begin[t - links["gap"].astype(np.int64)] + links["source"]
            ends.append(np.stack([source, begin[t] + links["target"]], axis=1))
            link_costs.append(cost)
            if len(pairs):
                seen = division_features(tables[t - 1], table, pairs, alive[t], len(scenes) - t)
                pair_costs.append(-log_odds(seen, self._costs.division))
                mother = begin[t - 1] + pairs["source"]
                family.append(np.stack([mother, begin[t] + pairs["target"], begin[t] + pairs["other"]], axis=1))
            places.cells.append(slice(begin[t], begin[t + 1]))
            places.links.append(links)
            places.pairs.append(pairs)
            places.link_at.append(slice(m, m + len(links)))
            places.pair_at.append(slice(k, k + len(pairs)))
            m, k = m + len(links), k + len(pairs)
        exclusive = [_exclusive(tables[t], int(begin[t])) for t in range(self._done, len(scenes))]
        rivals, twins = zip(*exclusive, strict=True)
        joined = np.concatenate
        all_ends = joined(ends).astype(np.int64)
        fixed_links = np.full(m, np.nan)
        for frame, i, gap, j in self._promised:
            t = frame + gap - self._start
            hit = (all_ends[:, 0] == begin[t - gap] + i) & (all_ends[:, 1] == begin[t] + j)
            fixed_links[hit] = 1
            fixed[t][j] = 1
        problem = Problem(
            joined(cell), joined(appear), joined(vanish), joined(link_costs), all_ends,
            joined([*pair_costs, np.zeros(0)]), joined([*family, np.zeros((0, 3))]).astype(np.int64),
            joined(rivals), joined(twins), joined([joined(fixed), fixed_links, np.full(k, np.nan)]),
        )  # fmt: skip
        return problem, places


class Places(NamedTuple):
    """Where the candidates, links and divisions of each scene lie in a problem."""

    cells: list[slice]
    links: list[NDArray[np.void]]
    link_at: list[slice]
    pairs: list[NDArray[np.void]]
    pair_at: list[slice]


def _exclusive(table: Table, begin: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[r, 2]: candidates of which one may be chosen; int64[s, 2]: parts that are chosen together."""
    part = np.flatnonzero(table["kind"] == PART)
    rivals = np.stack([part, table["first"][part]], axis=1).astype(np.int64)
    pairs = np.stack([part, table["second"][part]], axis=1).astype(np.int64)
    return begin + rivals, begin + pairs[pairs[:, 0] < pairs[:, 1]]


def lives(tables: list[Table], links: list[NDArray[np.void]]) -> list[NDArray[np.float64]]:
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


def _packed(name: str, parts: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays of one type and any lengths as two."""
    return {name: np.concatenate(parts), f"{name}_sizes": np.array([len(part) for part in parts], np.int64)}


def _unpacked(name: str, state: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The arrays again, each its own."""
    return [part.copy() for part in np.split(state[name], np.cumsum(state[f"{name}_sizes"])[:-1])]
