"""The story of live tracking: frames arrive -> cells -> tracks -> a result that is valid after every frame.

Frame by frame it does what ``inference/track.py`` does; at the end its result is the same, byte for byte. What it
knows lies in a hidden folder beside the result, ``.01_RES.watch``, from which a run goes on after it was killed.
"""

import json
import logging
import math
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack import __version__
from embedtrack.challenge import layout, provenance, record
from embedtrack.challenge.check import TRACKS, mask_name
from embedtrack.challenge.convention import border_of
from embedtrack.challenge.writer import WHAT
from embedtrack.files.guard import brief
from embedtrack.files.lock import exclusive
from embedtrack.files.names import numbered, summary
from embedtrack.files.whole import explained, whole_file
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.track import Summary, prepare, summarise
from embedtrack.inference.used import used_by_run
from embedtrack.live.arrivals import Arrival, Arrivals, Late, Stamp, stamp
from embedtrack.live.result import LiveResult
from embedtrack.model_files import WEIGHTS, digest
from embedtrack.movies.content import warn_if_blank
from embedtrack.movies.open import open_movie
from embedtrack.movies.tiff_image import read_frame
from embedtrack.options import Options
from embedtrack.tracks.tracker import Mask, Tracker

log = logging.getLogger(__name__)

State = dict[str, NDArray[Any]]

STATE = "state.npz"
PREDICTOR = "predictor."
"""Before the names of what the predictor knows."""
SHARE = 0.05
"""Share of the time that keeping the state may take."""


def watch(
    folder: Path,
    model_folder: Path,
    out: Path,
    options: Options | None = None,
    *,
    overwrite: bool = False,
    idle: float = math.inf,
    ended: Callable[[], bool] = lambda: False,
) -> Summary:
    """Track a recording while its files arrive; ``out`` is at every moment a valid result of the frames so far.

    Args:
        folder: where ``t000.tif``, ... appear, in any order, perhaps half-written at first.
        model_folder: e.g. ``models/Fluo-N2DH-SIM+``.
        out: the result's folder; an older result there is replaced with the first frame.
        options: as in ``track``.
        overwrite: replace what is there even if it is no result of ours.
        idle: the recording has ended when nothing has changed in the folder for this many seconds ...
        ended: ... or when this says so; all frames that are there then are still tracked.

    Raises:
        ValueError: anything that is wrong with the frames, the model or the destination.
    """
    begin, options = time.perf_counter(), options or Options()
    if not idle >= 0:
        raise ValueError(f"expected --idle 0 or more seconds, got {idle}")
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder in which frames t000.tif, ... will appear, got none; make it")
    segmenter, _ = prepare(folder, model_folder, options)
    identity = _identity(folder, model_folder, segmenter)
    with _memory(out) as memory:
        while True:
            run = Run(segmenter, folder, out, memory, identity, overwrite)
            try:
                run.follow(Arrivals(folder, ended, idle=idle, seen=run.seen))
                sequence = layout.open_frame_folder(folder)
                if [stamp(path) for path in sequence.paths] == [arrival.stamp for arrival in run.seen]:
                    break
                log.warning("%s: a frame has changed after it was tracked; tracking again what follows from it", folder)
            except Late as error:
                log.warning("%s: %s; tracking from the start", folder, error)
        faults = layout.check(out, sequence)
        if faults:
            raise ValueError(summary(faults))
        used = _record(run, out, model_folder, time.perf_counter() - begin)
        shutil.rmtree(memory)
    return summarise(run.tracker.tracks(), len(sequence), time.perf_counter() - begin)._replace(used=used)


def _record(run: "Run", out: Path, model_folder: Path, seconds: float) -> dict[str, Any]:
    """Write the record and the log of a result whose recording has ended, as ``infer`` does; what the run used."""
    movie, tracker = replace(open_movie(run.folder), blank=run.blank), run.tracker
    tracker.finish()  # its masks have been published; their cells are counted now
    options = replace(run.segmenter.options, device=str(run.segmenter.device))
    known = provenance.gather(run.folder, model_folder, seconds, options, movie.note())
    known["used"] = used = {**run.used(), **used_by_run(tracker, movie, run.segmenter)}
    confidence = tracker.confidence()
    confidence["frame"] += movie.first
    record.confirm(out, known, confidence, overwrite=run.overwrite)
    provenance.write_log(out, known, overwrite=run.overwrite)
    return used


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
                    live.publish(waiting, [t._replace(begin=t.begin + first, end=t.end + first) for t in tracks])
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


def _identity(folder: Path, model_folder: Path, segmenter: Segmenter) -> str:
    """What must be the same for one run to go on where another stood."""
    weights = digest(model_folder / WEIGHTS)
    config, options = segmenter.model.config.model_dump_json(), segmenter.options
    known = [__version__, torch.__version__, str(folder.resolve()), weights, config, str(segmenter.device)]
    border = border_of(folder, options.border)
    return json.dumps([*known, options.views, options.precision, border, options.max_gap])


@contextmanager
def _memory(out: Path) -> Iterator[Path]:
    """The hidden folder beside the result, for this run alone; it stays if it holds something."""
    place = out.resolve()
    folder = place.with_name(f".{place.name}.watch")
    with explained(out, WHAT):
        folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder, f"{out}: expected to be alone, got another watch that writes there; end it first"):
        yield folder


@contextmanager
def told_by_ctrl_c() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C within says that the recording has ended, the second one ends the program."""
    told = threading.Event()

    def tell(*_: object) -> None:
        told.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, tell)
    try:
        yield told.is_set
    finally:
        signal.signal(signal.SIGINT, before)
