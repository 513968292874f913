"""Decisions -> tracks: labels that go on, parents of those that are born, masks drawn where a cell was missed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.tracks.candidates import CELL, PART, Scene
from embedtrack.tracks.deflate import inflate
from embedtrack.tracks.gaps import Gap, bridge
from embedtrack.tracks.pins import BORN, LINKED
from embedtrack.tracks.relabel import rename
from embedtrack.tracks.window import Decided
from embedtrack.types import Labels


class Lineage:
    """Names the tracks of decided frames; knows the names of the last few frames' cells."""

    parents: dict[int, int]
    """Track -> the track that divided into it, or 0; tracks are numbered from 1 in the order of their appearance."""

    def __init__(self, max_gap: int) -> None:
        """Begin a movie in which links pass over up to ``max_gap`` frames."""
        self.parents = {}
        self._max_gap = max_gap
        self._names: list[dict[int, int]] = []  # of the last frames, newest last: candidate -> track
        self._gaps: list[tuple[int, Gap, int]] = []  # track, its gap, and which frame of it comes next

    def add(self, decided: Decided) -> Labels:
        """Take the next frame: int32[H, W] of track labels."""
        names: dict[int, int] = {}
        for cell, how, gap, source in decided.steps[["cell", "how", "gap", "source"]].tolist():
            if how == LINKED:
                names[cell] = self._names[-gap][source]
            else:
                names[cell] = len(self.parents) + 1
                self.parents[names[cell]] = self._names[-1][source] if how == BORN else 0
        self._names = [*self._names, names][-self._max_gap - 1 :]
        frame = _draw(decided.scene, names)
        for track, missed, index in self._gaps:
            bridge(frame, track, missed, index)
        going_on = [(track, missed, index + 1) for track, missed, index in self._gaps if index + 1 < missed.frames]
        self._gaps = going_on + [(names[cell], missed, 1) for cell, missed in decided.gaps]
        return frame

    @property
    def newest(self) -> Mapping[int, int]:
        """The candidates of the last frame that are cells -> their tracks."""
        return self._names[-1]

    def fork(self) -> "Lineage":
        """Another one that goes on from here by itself."""
        twin = Lineage(self._max_gap)
        twin.parents, twin._names, twin._gaps = self.parents.copy(), self._names, self._gaps
        return twin

    def state(self) -> dict[str, NDArray[Any]]:
        """All that it knows, to go on in another process: see ``restore``."""
        names = [(age, *pair) for age, one in enumerate(self._names) for pair in one.items()]
        masks = [(which, *pixel) for which, (_, gap, _) in enumerate(self._gaps) for pixel in _tagged(gap)]
        return {
            "parents": np.array(list(self.parents.values()), np.int64),
            "depth": np.array(len(self._names)),
            "names": np.array(names, np.int64).reshape(-1, 3),
            "gaps": np.array([(track, gap.frames, index) for track, gap, index in self._gaps], np.int64).reshape(-1, 3),
            "gap_pixels": np.array(masks, np.int64).reshape(-1, 4),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the one stood whose ``state`` this is."""
        self.parents = dict(enumerate(state["parents"].tolist(), start=1))
        self._names = [{} for _ in range(int(state["depth"]))]
        for age, cell, track in state["names"].tolist():
            self._names[age][cell] = track
        pixels = state["gap_pixels"]
        self._gaps = []
        for which, (track, frames, index) in enumerate(state["gaps"].tolist()):
            old, new = (pixels[(pixels[:, 0] == which) & (pixels[:, 1] == side), 2:] for side in (0, 1))
            self._gaps.append((track, Gap(frames, old, new), index))


def _draw(scene: Scene, names: Mapping[int, int]) -> Labels:
    """int32[H, W] of track labels; ``names`` are those of the chosen candidates."""
    scene, kinds = inflate(scene), scene.table["kind"]
    wholes = {cell + 1: name for cell, name in names.items() if kinds[cell] == CELL}
    parts = {cell + 1: name for cell, name in names.items() if kinds[cell] == PART}
    frame: Labels = rename(scene.labels, wholes)
    if parts:
        drawn = rename(scene.rivals, parts)
        frame = np.where(drawn > 0, drawn, frame)
    return frame


def _tagged(gap: Gap) -> list[tuple[int, int, int]]:
    """The pixels of both masks: 0 for the old one or 1 for the new one, y, x."""
    return [(side, *pixel) for side, mask in enumerate((gap.old, gap.new)) for pixel in mask.tolist()]
