"""The story of inference on files: a movie is opened, segmented, tracked, and put in its place as a valid result."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from embedtrack import checkpoint
from embedtrack.challenge import provenance
from embedtrack.challenge.convention import border_of
from embedtrack.challenge.writer import ResultWriter
from embedtrack.inference.adapt import adapt
from embedtrack.inference.memory import follow
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.used import used_by_run
from embedtrack.machine.pipeline import ahead
from embedtrack.model import OnFrame
from embedtrack.movies.movie import FrameError, Movie
from embedtrack.movies.open import open_movie
from embedtrack.options import FOUND, Options
from embedtrack.tracks.lives import cell_of_track
from embedtrack.tracks.tracker import Tracker
from embedtrack.types import Track

log = logging.getLogger(__name__)


class Summary(NamedTuple):
    """What a result holds."""

    frames: int
    masks: int
    """One per cell and frame."""
    cells: int
    """From birth to division: one that was lost and found again is one cell."""
    tracks: int
    """Lines of ``res_track.txt``: one that was lost and found again has two."""
    divisions: int
    seconds: float
    used: Mapping[str, Any] = MappingProxyType({})
    """What the run made of its options, as the record has it."""
    fault: str = ""
    """Why the frames that follow are not in it."""


def track(
    movie: Path | Movie,
    model_folder: Path,
    out: Path,
    options: Options | None = None,
    *,
    overwrite: bool = False,
    notes: Mapping[str, Any] | None = None,
    on_frame: OnFrame = lambda done, total: None,
) -> Summary:
    """Segment and track a movie; ``out`` gets masks and ``res_track.txt`` when they are complete and valid.

    Args:
        movie: e.g. ``Fluo-N2DH-SIM+/01`` with ``t000.tif``, ..., or any other that ``open_movie`` opens.
        model_folder: e.g. ``models/Fluo-N2DH-SIM+``.
        out: e.g. ``Fluo-N2DH-SIM+/01_RES``; an older result of ours there is replaced at the end, or stays as it was.
            ``01_RES.json`` beside it is its record, ``01_RES.log`` tells people the same.
        options: how; by default in as many views as the model says, on the best device.
        overwrite: replace what is there even if it is no result of ours.
        notes: what else the record should say, e.g. how the model was chosen.
        on_frame: called with the number of finished frames and of all.

    A frame that cannot be read, which shows only then, ends the result before it: see ``Summary.fault``.

    Raises:
        ValueError: anything that is wrong with the input, the model or the destination, before any work.
    """
    begin, options = time.perf_counter(), options or Options()
    opened = movie if isinstance(movie, Movie) else open_movie(movie)
    segmenter, tracker = prepare(opened.path, model_folder, options, opened.frames)
    faults: list[FrameError] = []
    with ResultWriter(out, opened, overwrite=overwrite) as writer:
        on_frame(0, len(opened))
        with closing(ahead(follow(segmenter, tracker, opened.frames, faults))) as masks:
            count = 0
            for count, mask in enumerate(masks, start=1):
                writer.write(count - 1, mask)
                on_frame(count, len(opened))
        seconds = time.perf_counter() - begin
        options = replace(segmenter.options, device=str(segmenter.device))
        writer.sequence = opened = opened.first_frames(count)
        known = provenance.gather(opened.path, model_folder, seconds, options, opened.note())
        cut_short = str(faults[0]) if faults else None
        known["used"] = used = {**used_by_run(tracker, opened, segmenter), "cut_short": cut_short, **(notes or {})}
        writer.commit(tracker.tracks(), known, tracker.confidence())
    provenance.write_log(out, known, overwrite=overwrite)
    summary = summarise(tracker.tracks(), count, seconds)
    return summary._replace(used=used, fault="".join(map(str, faults)))


def prepare(movie: Path, model_folder: Path, options: Options, frames: Sequence[Any] = ()) -> tuple[Segmenter, Tracker]:
    """All that is the same for every frame, loaded and checked; the movie's folder names the challenge's border.

    Raises:
        ValueError: anything that is wrong with the model or the device, or no frames where their cells say the scale.
    """
    segmenter = Segmenter(checkpoint.load(model_folder), options)
    if not len(frames) and (segmenter.model.config.working_diameter or options.diameter == FOUND):
        raise ValueError(
            "expected cells whose size is known before the first frame is there: a model of one data set, with "
            f"--diameter PIXELS where yours are larger or smaller; got {model_folder} and {options.diameter or 'none'}"
        )
    segmenter.model = adapt(segmenter.model, frames, options)
    return segmenter, Tracker(
        segmenter.model.config, border_of(movie, options.border), options.max_gap, crumbs=options.crumbs
    )


def summarise(tracks: Sequence[Track], frames: int, seconds: float) -> Summary:
    """Count masks, cells, tracks and divisions (two or more children of one parent)."""
    children = Counter(track.parent for track in tracks if track.parent)
    masks, cells = sum(track.end - track.begin + 1 for track in tracks), len(set(cell_of_track(tracks).values()))
    return Summary(frames, masks, cells, len(tracks), sum(count > 1 for count in children.values()), seconds)
