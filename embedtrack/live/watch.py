"""The story of live tracking: frames arrive -> cells -> tracks -> a result that is valid after every frame.

Frame by frame (``run.py``) it does what ``inference/track.py`` does; at the end its result is the same, byte for byte.
What it knows lies in a hidden folder beside the result, ``.01_RES.watch``, from which a run goes on after a kill.
"""

import json
import logging
import math
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from embedtrack import __version__
from embedtrack.challenge import layout, provenance, record
from embedtrack.challenge.convention import border_of
from embedtrack.challenge.writer import WHAT
from embedtrack.files.lock import exclusive
from embedtrack.files.names import summary
from embedtrack.files.whole import explained
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.track import Summary, prepare, summarise
from embedtrack.inference.used import used_by_run
from embedtrack.live.arrivals import Arrivals, Late, stamp
from embedtrack.live.run import Run
from embedtrack.model_files import WEIGHTS, digest
from embedtrack.movies.open import open_movie
from embedtrack.options import Options

log = logging.getLogger(__name__)


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
                sequence = replace(sequence, paths=sequence.paths[: len(run.seen)])  # more may have come since the end
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


def _record(run: Run, out: Path, model_folder: Path, seconds: float) -> dict[str, Any]:
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


def _identity(folder: Path, model_folder: Path, segmenter: Segmenter) -> str:
    """What must be the same for one run to go on where another stood."""
    weights = digest(model_folder / WEIGHTS)
    config, options = segmenter.model.config.model_dump_json(), segmenter.options
    known = [__version__, torch.__version__, str(folder.resolve()), weights, config, str(segmenter.device)]
    border = border_of(folder, options.border)
    looks = [options.views, options.precision, border, options.max_gap, options.crumbs, options.tile]
    return json.dumps([*known, *looks])


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
