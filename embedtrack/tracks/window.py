"""Decisions over a window of frames: the oldest become final when enough later frames are known."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import Costs
from embedtrack.tracks.candidates import Scene, pixels, scene_of
from embedtrack.tracks.confidence import margins
from embedtrack.tracks.deflate import NO_IMAGE, deflate, inflate
from embedtrack.tracks.gaps import Gap
from embedtrack.tracks.links import LINK, PAIR, Evidence, evidence
from embedtrack.tracks.pins import BORN, LINKED, NONE, with_pins
from embedtrack.tracks.problem import Known, Places, Promise, pose
from embedtrack.tracks.solve import Choice, solve
from embedtrack.tracks.splits import BACK, look_back
from embedtrack.types import Cells

STRIDE = 4
"""So many frames become final at a time, ..."""
AHEAD = 8
"""... when so many later ones are known, and BACK more, which may still get candidates."""
DELAY = STRIDE + AHEAD + BACK
"""A frame becomes final when so many later ones are there, or fewer."""
STEP = np.dtype([("cell", "i4"), ("how", "i1"), ("gap", "i1"), ("source", "i4"), ("is_cell", "f4"), ("comes_so", "f4")])
"""A chosen candidate of a frame: is it NEW, LINKED with the one ``gap`` frames before, or BORN of it? See ``pins.py``.

``is_cell`` and ``comes_so``: how sure that is, see ``confidence.py``, in log-odds."""


class Decided(NamedTuple):
    """A frame that is final."""

    scene: Scene
    steps: NDArray[np.void]
    """STEP[n] of all its cells."""
    gaps: list[tuple[int, Gap]]
    """Candidates that are missed in the next frame, and where they are seen again."""


class Window:
    """Takes frames, gives decisions; knows as many frames as a decision needs."""

    def __init__(self, costs: Costs, max_gap: int, *, given: bool = False, pins: NDArray[np.void] = NONE) -> None:
        """Begin a movie in which links pass over up to ``max_gap`` frames.

        Where the cells are ``given``, each of them is one: none falls, is split or is drawn where it was missed. What
        the ``pins`` say, PIN[n], is not decided any more.
        """
        self._costs, self._max_gap, self._given, self._pins = costs, max_gap, given, pins
        self.scenes: list[Scene] = []
        self._evidence: list[Evidence] = []  # of the oldest scenes, as far as it is final
        self._start = 0  # the frame of the first scene
        self._done = 0  # so many scenes are final, ...
        self._open: list[NDArray[np.bool_]] = []  # ... and which of their candidates wait for a successor
        self._promised: list[Promise] = []

    def add(self, cells: Cells) -> list[Decided]:
        """Take the next frame; the frames that it makes final, in order."""
        self.scenes.append(scene_of(cells))
        if not self._given:
            look_back(self.scenes)
        if len(self.scenes) > BACK:
            self._evidence.append(self._lead(self.scenes, len(self.scenes) - BACK))
        ready = len(self._evidence)
        if ready > self._max_gap:  # no later evidence asks for these origins
            old = self.scenes[ready - self._max_gap - 1]
            self.scenes[ready - self._max_gap - 1] = old._replace(origin=NO_IMAGE)
        self._put_away(ready - self._max_gap - 2)
        if ready - self._done < STRIDE + AHEAD:
            return []
        return self._decide(self.scenes[:ready], self._evidence, self._done + STRIDE)

    def finish(self) -> list[Decided]:
        """The rest of the frames, were the last one the movie's last one; the window is as it was, see ``clear``."""
        kept = max(len(self._evidence) - 1, 0)  # the last one's table is filled in by its successor
        scenes = self.scenes[:kept] + [s._replace(table=s.table.copy()) for s in self.scenes[kept:]]
        found = list(self._evidence)
        for end in range(len(found) + 1, len(scenes) + 1):
            found.append(self._lead(scenes, end))
        twin = Window(self._costs, self._max_gap, given=self._given, pins=self._pins)
        twin._start, twin._done, twin._open, twin._promised = self._start, self._done, self._open, self._promised
        return twin._decide(scenes, found, len(scenes)) if scenes else []

    def state(self) -> dict[str, NDArray[Any]]:
        """All that it knows after one frame or more, to go on in another process: see ``restore``."""
        scenes = [inflate(scene) for scene in self.scenes]
        shape = scenes[0].labels.shape
        bare = [scene.origin.size == 0 for scene in scenes]
        found = self._evidence or [Evidence(np.zeros(0, LINK), np.zeros(0, PAIR))]
        return {
            "labels": np.stack([scene.labels for scene in scenes]),
            "rivals": np.stack([scene.rivals for scene in scenes]),
            "origins": np.array([s.origin for s in scenes if s.origin.size], np.int32).reshape(-1, *shape),
            "bare": np.array(bare),
            **_packed("tables", [scene.table for scene in scenes]),
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
            Scene(labels.copy(), rivals.copy(), NO_IMAGE if bare else next(origins).copy(), table)
            for labels, rivals, bare, table in zip(*columns, strict=True)
        ]
        both = zip(_unpacked("links", state), _unpacked("pairs", state), strict=True)
        self._evidence = [Evidence(links, pairs) for links, pairs in both][:known]
        self._open = _unpacked("open", state)[: self._done]
        self._promised = [tuple(line) for line in state["promised"].tolist()]
        for index in range(known - self._max_gap - 1):
            self._put_away(index)

    def _put_away(self, index: int) -> None:
        """Deflate a scene that no later evidence asks for, if there is one."""
        if index >= 0:
            self.scenes[index] = deflate(self.scenes[index])

    def _lead(self, scenes: Sequence[Scene], end: int) -> Evidence:
        """What may lead into the last one before ``end``."""
        some = scenes[max(end - self._max_gap - 2, 0) : end]
        pins = self._pins[self._pins["frame"] == self._start + end - 1]
        return with_pins(evidence(some, self._max_gap), some, pins)

    def _decide(self, scenes: list[Scene], found: list[Evidence], until: int) -> list[Decided]:
        """Solve for all ``scenes``; those before ``until`` become final."""
        known = Known(self._start, self._open, self._promised, self._given, self._pins)
        problem, places = pose([scene.table for scene in scenes], found, self._costs, known)
        choice = solve(problem)
        sure = margins(problem, choice)
        gaps, promised = self._gaps(scenes, places, choice, until)
        decided = []
        for t in range(self._done, until):
            steps, its = _steps(places, choice, t), places.cells[t]
            steps["is_cell"], steps["comes_so"] = (one[its][choice.cell[its]] for one in (sure.cell, sure.arrival))
            decided.append(Decided(scenes[t], steps, gaps[t]))
        is_open = _waiting(places, choice, until)
        for t, before in enumerate(self._open):
            is_open[t] &= before
        keep = max(until - self._max_gap - 1, 0)
        self._open, self._promised = is_open[keep:], promised
        self.scenes, self._evidence = self.scenes[keep:], self._evidence[keep:]
        self._done, self._start = until - keep, self._start + keep
        return decided

    def _gaps(
        self, scenes: Sequence[Scene], places: Places, choice: Choice, until: int
    ) -> tuple[list[list[tuple[int, Gap]]], list[Promise]]:
        """Of each scene the candidates that are missed after it; the chosen links that later windows have to keep."""
        gaps: list[list[tuple[int, Gap]]] = [[] for _ in scenes]
        chosen, promised = [], []
        for t in range(self._done, len(scenes)):
            links = places.links[t][choice.link[places.link_at[t]]]
            for i, j, gap in links[links["gap"] > 1][["source", "target", "gap"]].tolist():
                if t - gap < until and not self._given:
                    chosen.append((t - gap, i, gap, j))
                    if t >= until:
                        promised.append((self._start + t - gap, i, gap, j))
        masks = _masks(scenes, {end for t, i, gap, j in chosen for end in ((t, i), (t + gap, j))})
        for t, i, gap, j in chosen:
            gaps[t].append((i, Gap(gap, masks[t, i], masks[t + gap, j])))
        return gaps, promised


def _masks(scenes: Sequence[Scene], wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], NDArray[np.int64]]:
    """(y, x) of the pixels of some candidates of scenes, which are opened one after the other."""
    found = {}
    for t, candidates in groupby(sorted(wanted), key=itemgetter(0)):
        scene = inflate(scenes[t])
        found.update({place: pixels(scene, place[1]) for place in candidates})
    return found


def _steps(places: Places, choice: Choice, t: int) -> NDArray[np.void]:
    """STEP[n] of the chosen candidates of a frame, without how sure they are."""
    chosen = choice.cell[places.cells[t]]
    steps = np.zeros(int(chosen.sum()), STEP)
    steps["cell"] = np.flatnonzero(chosen)
    place = np.cumsum(chosen) - 1
    links = places.links[t][choice.link[places.link_at[t]]]
    its = place[links["target"]]
    steps["how"][its], steps["gap"][its], steps["source"][its] = LINKED, links["gap"], links["source"]
    pairs = places.pairs[t][choice.division[places.pair_at[t]]]
    for side in ("target", "other"):
        its = place[pairs[side]]
        steps["how"][its], steps["gap"][its], steps["source"][its] = BORN, 1, pairs["source"]
    return steps


def _waiting(places: Places, choice: Choice, until: int) -> list[NDArray[np.bool_]]:
    """bool[n] of each frame before ``until``: the chosen candidates that nothing chosen leads on from there."""
    waiting = [choice.cell[its].copy() for its in places.cells[:until]]
    for t in range(until):
        links = places.links[t][choice.link[places.link_at[t]]]
        for i, gap in links[["source", "gap"]].tolist():
            waiting[t - gap][i] = False
        waiting[t - 1][places.pairs[t][choice.division[places.pair_at[t]]]["source"]] = False
    return waiting


def _packed(name: str, parts: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays of one type and any lengths as two."""
    return {name: np.concatenate(parts), f"{name}_sizes": np.array([len(part) for part in parts], np.int64)}


def _unpacked(name: str, state: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The arrays again, each its own."""
    return [part.copy() for part in np.split(state[name], np.cumsum(state[f"{name}_sizes"])[:-1])]
