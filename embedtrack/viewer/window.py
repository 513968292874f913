"""The story of ``embedtrack view``: a result in napari, corrected, and saved as a valid one."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embedtrack.challenge import writer
from embedtrack.challenge.pair import open_pair, open_raw
from embedtrack.challenge.pins import read_pins
from embedtrack.edit.draft import as_tracked
from embedtrack.edit.pins import pins
from embedtrack.edit.save import write_corrected
from embedtrack.edit.truth import check_place, corrected_before, places
from embedtrack.files.whole import check_apart, resolved
from embedtrack.looks.overlay import span
from embedtrack.movies.selection import Choice
from embedtrack.movies.units import Units
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.viewer.corrections import Corrections
from embedtrack.viewer.layers import movie, scale
from embedtrack.viewer.panel import Job, panel

log = logging.getLogger(__name__)


def view(
    result_folder: Path,
    *,
    raw: Path | None = None,
    out: Path | None = None,
    truth: Path | None = None,
    frames: Iterable[int] | None = None,
    units: Units | None = None,
    overwrite: bool = False,
) -> None:
    """Open a window and wait until it is closed; corrections that were not saved then are saved beside the result.

    Args:
        result_folder: a result, or truth.
        raw: its movie.
        out: where corrections go; by default the result's own folder.
        truth: the data set's folder that gets the frames that are right as training truth; needs ``raw``.
        frames: numbers of frames that will be right when the window closes.
        units: of pixels and time.
        overwrite: replace what is not of our own.

    Raises:
        ValueError: anything that is wrong with the input or the places, before the window opens.
    """
    napari = need("napari", "napari", "view")
    tracked, _ = open_pair(result_folder, raw, Choice(units=units or Units()))
    job = prepare(tracked, result_folder, raw, out, truth, overwrite=overwrite)
    viewer = napari.Viewer(title=f"{result_folder} - EmbedTrack")
    corrections = fill(viewer, tracked, job, frames)
    viewer.window.add_dock_widget(panel(corrections, job), name="correct", area="right")
    napari.run()
    rescue(corrections, job)


def prepare(
    tracked: Tracked,
    result_folder: Path,
    raw: Path | None,
    out: Path | None,
    truth: Path | None,
    *,
    overwrite: bool = False,
) -> Job:
    """Look before any work is done whether everything can be read and written."""
    out = resolved(out or result_folder)
    check_apart(out, raw)
    writer.check_place(out, overwrite=overwrite, corrections=out == resolved(result_folder))
    if truth is not None and raw is None:
        raise ValueError("expected --raw with --as-truth, for training needs the movie, got none; add it")
    if truth is not None and raw is not None:
        check_place(raw, truth, overwrite=overwrite)
        check_apart(places(raw, truth)[1], result_folder)
    return Job(out, raw, open_raw(raw, tracked).frames if raw else None, truth, result_folder, overwrite)


def fill(viewer: Any, tracked: Tracked, job: Job, frames: Iterable[int] | None = None) -> Corrections:
    """Add the movie and the result to a viewer, at the first frame that is to be right."""
    if job.images is not None:
        size, grey = scale(tracked.units), list(span(job.images[0]))
        viewer.add_image(movie(job.images), name="movie", scale=size, colormap="gray", contrast_limits=grey)
    corrections = Corrections(viewer, tracked, read_pins(job.source, tracked.first) if job.source else ())
    corrections.shown.outline(job.images is not None)
    chosen = {index for index in range(len(tracked)) if index + tracked.first in (frames or ())}
    if job.truth is not None and job.raw is not None:
        chosen |= set(corrected_before(job.raw, job.truth, tracked))
    corrections.right = chosen
    viewer.dims.axis_labels = ("frame", "y", "x")
    viewer.dims.set_current_step(0, min(chosen, default=0))
    return corrections


def _free(place: Path) -> Path:
    """The place, or one with a number where something is there: what was rescued before is not lost either."""
    names = (place, *(place.with_name(f"{place.name}{number}") for number in range(2, 10_000)))
    return next(name for name in names if not name.exists())


def rescue(corrections: Corrections, job: Job) -> Path | None:
    """Save corrections that were not saved, beside the result; as they were before painting that cannot be saved."""
    if not corrections.unsaved:
        return None
    place = _free(job.out.with_name(f"{job.out.resolve().name}_unsaved"))
    try:
        _write(corrections.result(), place, corrections, job)
    except ValueError as error:
        log.warning("what was painted last is not saved: %s", error)
        _write(as_tracked(corrections.draft, corrections.origin), place, corrections, job)
    log.warning("corrections that were not saved are in %s", place)
    return place


def _write(result: Tracked, place: Path, corrections: Corrections, job: Job) -> None:
    """Save what is shown as a result that a person has corrected."""
    links = pins(corrections.saved, corrections.draft, corrections.said)
    write_corrected(result, place, job.source or job.out, links)
