"""Links -> tracks: who goes on, who divides, who was missed for a while."""

import math
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import Linking
from embedtrack.methods.embedtrack.votes import votes
from embedtrack.tracks.gaps import Gap, bridge, claim, follow, pixels
from embedtrack.tracks.relabel import rename
from embedtrack.types import Frame, Labels


class Lineage:
    """Follows cells from frame to frame; holds ``max_gap + 1`` frames and a few numbers per track.

    A mask at t-1 for which one cell of t votes goes on as the same track; with two voters both begin tracks whose
    parent it is; a cell without predecessor, or one of three or more voters, begins a track without parent. A track
    without voter is lost; for ``max_gap`` frames a cell without predecessor may still vote for it, see ``gaps.py``.
    """

    parents: dict[int, int]
    """Track -> the track that divided into it, or 0; tracks are numbered from 1 in the order of their appearance."""

    def __init__(self, settings: Linking, step: float) -> None:
        """Begin a movie; ``step`` is the width of a pixel in grid units."""
        self.parents = {}
        self._step = step
        self._max_gap = settings.max_gap
        self._frames: deque[Labels] = deque(maxlen=settings.max_gap + 1)
        self._shifts: deque[Frame] = deque(maxlen=settings.max_gap + 1)  # newest first
        self._ages: dict[int, int] = {}  # open track -> the number of frames that it has been missing

    def add(self, labels: Labels, shift: Frame) -> list[Labels]:
        """Take the next frame.

        Args:
            labels: int32[H, W], any positive label per cell.
            shift: float32[2, H, W], the tracking offset in grid units, kept for ``max_gap`` frames, so not to be
                changed; of the first frame it may be anything.

        Returns:
            The frames int32[H, W] of track labels that are finished, in order: none or one, ``max_gap`` frames ago.
        """
        before = self._frames[-1] if self._frames else np.zeros_like(labels)
        sources = votes(labels, shift, before, self._step)
        self._shifts.appendleft(shift)
        found = self._find(labels, [cell for cell, source in sources.items() if not source])
        sources |= {cell: gap.track for cell, gap in found.items()}
        names = self._name(sources)
        for cell, gap in found.items():
            if names[cell] == gap.track:
                bridge(gap)
        heirs = set(sources.values())
        lost = {t: age + 1 for t, age in self._ages.items() if t not in heirs and age < self._max_gap}
        self._ages = lost | dict.fromkeys(names.values(), 0)
        self._frames.append(rename(labels, names))
        return [self._frames[0].copy()] if len(self._frames) > self._max_gap else []

    def held(self) -> list[Labels]:
        """The frames still held back, in order: what they will be if no frame follows."""
        return list(self._frames)[len(self._frames) > self._max_gap :]

    def finish(self) -> list[Labels]:
        """The frames still held back, in order."""
        rest = self.held()
        self._frames.clear()
        return rest

    def state(self) -> dict[str, NDArray[Any]]:
        """All that it knows after one frame or more, to go on in another process: see ``restore``."""
        return {
            "frames": np.stack(self._frames),
            "shifts": np.stack(self._shifts),
            "ages": np.array(list(self._ages.items()), np.int64).reshape(-1, 2),
            "parents": np.array(list(self.parents.values()), np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the one stood whose ``state`` this is, with the same settings and step."""
        self._frames.extend(state["frames"])
        self._shifts.extend(state["shifts"])
        self._ages = dict(state["ages"].tolist())
        self.parents = dict(enumerate(state["parents"].tolist(), start=1))

    def _find(self, labels: Labels, orphans: list[int]) -> dict[int, Gap]:
        """The orphans that go on with a lost track, the shortest gap first: cell -> gap."""
        found: dict[int, Gap] = {}
        if not orphans or not any(self._ages.values()):
            return found
        masks = pixels(labels, orphans)
        reach = {cell: math.sqrt(len(mask) / math.pi) / 2 for cell, mask in masks.items()}
        shifts = list(self._shifts)[: max(self._ages.values()) + 1]
        paths = {cell: follow(mask, shifts, self._step) for cell, mask in masks.items()}
        for age in range(1, len(self._frames)):
            lost = pixels(self._frames[-1 - age], [track for track, missing in self._ages.items() if missing == age])
            points = {cell: path[age] for cell, path in paths.items() if len(path) > age and cell not in found}
            for cell, track in claim(points, reach, lost).items():
                found[cell] = Gap(track, list(self._frames)[-age:], lost[track], masks[cell])
        return found

    def _name(self, sources: dict[int, int]) -> dict[int, int]:
        """Cell -> track, for cells and the tracks that they vote for, or 0; opens the new ones."""
        voters = Counter(sources.values())
        names = {}
        for cell, source in sources.items():
            if source and voters[source] == 1:
                names[cell] = source
            else:
                names[cell] = len(self.parents) + 1
                self.parents[names[cell]] = source if voters[source] == 2 else 0
        return names
