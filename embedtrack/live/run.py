"""One pass of live tracking: frame after frame is published, and what was learnt is kept for the run after a kill."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.check import TRACKS, mask_name
from embedtrack.challenge.convention import border_of
from embedtrack.files.guard import brief
from embedtrack.files.names import numbered
from embedtrack.files.whole import explained, whole_file
from embedtrack.inference.segmenter import Segmenter
from embedtrack.live.arrivals import Arrival, Arrivals, Stamp, stamp
from embedtrack.live.result import LiveResult
from embedtrack.movies.content import warn_if_blank
from embedtrack.movies.tiff_image import read_frame
from embedtrack.tracks.tracker import Mask, Tracker

log = logging.getLogger(__name__)

State = dict[str, NDArray[Any]]

STATE = "state.npz"
PREDICTOR = "predictor."
"""Before the names of what the predictor knows."""
SHARE = 0.05
"""Share of the time that keeping the state may take."""


class Run:
    """One pass over a recording: from its start, or from where a run stood that was killed."""

    def __init__(
        self, segmenter: Segmenter, folder: Path, out: Path, memory: Path, identity: str, overwrite: bool
    ) -> None:
        self.segmenter, self.folder, self.out, self.memory, self.identity = segmenter, folder, out, memory, identity
        self.overwrite, self._border = overwrite, border_of(folder, segmenter.options.border)
        self.tracker = self._new_tracker()
        self._predictor: State = {}
        self.seen: list[Arrival] = []
        self.blank: set[int] = set()  # the numbers of the frames in which nothing can be seen
        self._used: dict[str, Any] = {}  # of the run that was killed: this one may find all frames seen
        self._stamps: list[Stamp] = []  # of the finished masks
        self._save_after = 0.0
        state = _load(memory / STATE)
        if state is not None and self._restore(state, folder):
            log.info("%s: going on after %d frames", out, len(self.seen))

    def _new_tracker(self) -> Tracker:
        return Tracker(
            self.segmenter.model.config,
            self._border,
            self.segmenter.options.max_gap,
            crumbs=self.segmenter.options.crumbs,
        )

    def follow(self, arrivals: Arrivals) -> None:
        """Track all frames that arrive; after each one the result is published."""
        start, began = len(self.seen), time.time()
        already = sum(1 for _ in self.out.glob("mask*.tif")) if start else 0  # a killed run had published more
        self.seen = arrivals.seen
        shown: dict[str, Mask] = {}
        waiting: dict[str, Mask] = {}
        frames = self.segmenter.movie(self._images(arrivals), self._predictor)
        with closing(frames), LiveResult(self.out, go_on=start > 0, overwrite=self.overwrite) as live:
            for count, frame in enumerate(frames, start=start + 1):
                fresh = self.tracker.add(frame.cells)
                held, tracks = self.tracker.held()
                finished = count - len(held)
                names = map(self._name, range(finished - len(fresh), count))
                current = dict(zip(names, fresh + held, strict=True))
                waiting |= {n: mask for n, mask in current.items() if not np.array_equal(mask, shown.get(n, ()))}
                if count >= already:
                    first, arrival = self.seen[0].number, self.seen[count - 1]
                    live.publish(waiting, [track.later(first) for track in tracks])
                    latency = time.time() - max(arrival.stamp.time / 1e9, began)
                    cells = frame.cells.labels.max()
                    log.info("%s: %d cells, %.2f s after it was there", arrival.path.name, cells, latency)
                    shown, waiting = current, {}
                    self._save(count, finished, frame.state)

    def used(self) -> dict[str, Any]:
        """How the frames were looked at."""
        return {**self._used, **self.segmenter.used()}

    def _images(self, arrivals: Iterable[Path]) -> Iterator[NDArray[Any]]:
        """The grey values [H, W] of each frame."""
        for path in arrivals:
            image = read_frame(path)
            if warn_if_blank(image, path):
                self.blank.add(self.seen[-1].number)
            yield image

    def _name(self, index: int) -> str:
        """The mask's file name for the frame at ``index`` (from 0)."""
        return mask_name(self.seen[0].number + index, self.seen[0].digits)

    def _save(self, count: int, finished: int, predictor: Callable[[], Mapping[str, NDArray[Any]]]) -> None:
        """Keep what ``count`` frames have taught, unless that was done so lately that it would cost too much time."""
        for index in range(len(self._stamps), finished):
            self._stamps.append(stamp(self.out / self._name(index)) or Stamp(0, 0))
        begin = time.monotonic()
        if begin < self._save_after:
            return
        seen = [(a.number, a.digits, *a.stamp) for a in self.seen[:count]]
        state = self.tracker.state() | {
            "identity": np.array(self.identity),
            "seen": np.array(seen, np.int64),
            "masks": np.array(self._stamps, np.int64).reshape(-1, 2),
            "blank": np.array(sorted(self.blank), np.int64),
            "used": np.array(json.dumps(self.used())),
        }
        state |= {PREDICTOR + name: value for name, value in predictor().items()}
        with explained(self.memory), whole_file(self.memory / STATE) as path:
            np.savez(path, **state)  # type: ignore[arg-type]
        now = time.monotonic()
        self._save_after = now + (now - begin) / SHARE

    def _restore(self, state: State, folder: Path) -> bool:
        """Take up a state, if it is of this model and this recording, and of the result that is there."""
        if str(state.get("identity")) != self.identity:
            return False
        try:
            self.seen = [
                Arrival(folder / f"t{number:0{digits}d}.tif", number, digits, Stamp(*rest))
                for number, digits, *rest in state["seen"].tolist()
            ]
            self._stamps = [Stamp(*line) for line in state["masks"].tolist()]
            if self._unchanged(folder):
                self.tracker.restore(state)
                self.blank, self._used = set(state["blank"].tolist()), json.loads(str(state["used"]))
                known = (name for name in state if name.startswith(PREDICTOR))
                self._predictor = {name.removeprefix(PREDICTOR): state[name] for name in known}
                return True
            log.warning("%s: frames or masks have changed since the last run; tracking from the start", self.out)
        except Exception as error:  # damaged, or of another version: it can fail anywhere
            log.warning("%s: expected a whole state, got '%s'; tracking from the start", self.memory, brief(error))
            self.tracker = self._new_tracker()
        self.seen, self._stamps = [], []
        return False

    def _unchanged(self, folder: Path) -> bool:
        """Whether the frames and the masks that the state speaks of are still there as they were."""
        return (
            [file.number for file in numbered(folder, "t")[:1]] == [self.seen[0].number]  # the folder may be empty
            and all(stamp(arrival.path) == arrival.stamp for arrival in self.seen)
            and all(stamp(self.out / self._name(index)) == known for index, known in enumerate(self._stamps))
            and (self.out / TRACKS).is_file()
        )


def _load(path: Path) -> State | None:
    """A state that was kept, if there is one and it is whole."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return dict(arrays)
    except Exception as error:  # a damaged archive can fail anywhere
        log.warning("%s: expected a whole state, got '%s'; tracking from the start", path, brief(error))
        return None
