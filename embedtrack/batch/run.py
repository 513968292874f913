"""Many movies, one after the other: what is done stays done, and one bad movie does not stop the others."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from embedtrack import checkpoint
from embedtrack.batch import outcome
from embedtrack.batch.jobs import AUTO, Job
from embedtrack.batch.outcome import Outcome
from embedtrack.batch.summary import NAMES
from embedtrack.batch.wishes import Wishes, result_in
from embedtrack.challenge.convention import models
from embedtrack.challenge.pair import open_pair
from embedtrack.challenge.record import digest as digest_of
from embedtrack.challenge.record import known_of
from embedtrack.challenge.record_fields import used_in
from embedtrack.challenge.used import doubts
from embedtrack.files.whole import check_apart, resolved
from embedtrack.inference.adapt import check_reach
from embedtrack.inference.model_choice import candidates, choosable, choose
from embedtrack.inference.track import summarise, track
from embedtrack.model import OnFrame
from embedtrack.model_files import CONFIG, WEIGHTS, digest
from embedtrack.movies.open import open_movie
from embedtrack.options import Diameter, Options

log = logging.getLogger(__name__)

Bar = Callable[[str], AbstractContextManager[OnFrame]]
"""A bar of progress with a title."""


def run(
    jobs: Mapping[str, Job],
    folder: Path,
    options: Options,
    wishes: Wishes,
    bar: Bar,
    explain: Callable[[Exception], str],
    *,
    overwrite: bool = False,
) -> list[Outcome]:
    """Track the movies of a batch into ``NAME_RES`` of a folder.

    What was made by the same movie, model and options is not made again; a movie that failed is tried again. What is
    made of a result that was corrected since is made anew.

    Args:
        jobs: by name, see ``jobs.jobs_of``.
        folder: gets the results, what is made of them, and ``outcomes``.
        options: how models are run, where a job says nothing.
        wishes: what is made beside each result.
        bar: see ``Bar``.
        explain: an exception for a person, in a line.
        overwrite: replace what is there even if it is none of ours.

    Returns:
        What became of each movie, the doubtful first.

    Raises:
        ValueError: wishes that cannot be had, or something of others where a file will be made, before any work.
    """
    wishes.check()
    _check_diameters(jobs, options)
    _check_places(jobs, folder, options, wishes, overwrite=overwrite)
    import pandas  # noqa: F401  an image that tracks and no more has none, which is to be said before any work

    found: list[Outcome] = []
    for number, (name, job) in enumerate(jobs.items(), start=1):
        title = f"{number}/{len(jobs)} {name}"
        before, path = _before(folder, name), os.path.realpath(job.path)
        made = before.made if before else {}
        done = Outcome(name=name, path=path, state="failed", model=_model_name(job), made=made)
        try:
            done = _tracked(done, before, job, folder, job.run_by(options), partial(bar, title), overwrite)
            made = wishes.make(result_in(folder, name), job, done.made, overwrite=overwrite)
            done = done.model_copy(update={"made": made})
        except Exception as error:  # where only what is made of it fails, the result stays
            done = done.model_copy(update={"state": "failed", "why": explain(error)})
            log.error("%s: %s", title, done.why)
        outcome.write(folder, done)
        found.append(done)
    return sorted(found, key=lambda one: one.rank)


def _check_diameters(jobs: Mapping[str, Job], options: Options) -> None:
    """Raise ValueError with a line for each movie whose model cannot be brought to its cells."""
    fault = cache(_fault)  # of thousands of movies most are alike
    wanted = {name: (job.model, job.run_by(options).diameter) for name, job in jobs.items()}
    faults = [f"{name}: {why}" for name, (model, diameter) in wanted.items() if (why := fault(model, diameter))]
    if faults:
        raise ValueError("\n".join(faults))


def _fault(model: str, diameter: Diameter) -> str | None:
    """Why a model, or each of all, cannot be brought to a diameter; None: it can."""
    try:
        if diameter and model == AUTO:
            candidates(diameter)
        elif diameter:
            check_reach(checkpoint.read_config(Path(model) / checkpoint.CONFIG), diameter)
    except ValueError as error:
        return str(error)
    return None


def _check_places(jobs: Mapping[str, Job], folder: Path, options: Options, wishes: Wishes, *, overwrite: bool) -> None:
    """Raise ValueError where two files would have one name, or something of others lies where one will be made."""
    owner: dict[str, str] = dict.fromkeys(NAMES, "the summary")
    for name, job in jobs.items():
        if resolved(folder).is_relative_to(os.path.realpath(job.path)):  # all that is in it would count as the movie
            raise ValueError(
                f"{folder}: expected a place apart from the movies, got one within {job.path}; choose another --out-dir"
            )
        outcome.check(folder, name)
        for file in wishes.files(name):
            if file in owner:
                raise ValueError(
                    f"expected files of different names, got {file} for {owner[file]} and {name}; give one of "
                    "them another name in a table (column name)"
                )
            owner[file] = name
            check_apart(folder / file, job.path)
        made: Mapping[str, str] = {}
        with suppress(ValueError, OSError):  # of a movie that cannot be read, which is told when it has its turn
            before = _before(folder, name)
            if before and _stays(before, job, result_in(folder, name), job.run_by(options)):
                made = before.made
        wishes.check_places(folder, name, made, overwrite=overwrite)


def _tracked(
    begun: Outcome,
    before: Outcome | None,
    job: Job,
    folder: Path,
    options: Options,
    bar: Callable[[], AbstractContextManager[OnFrame]],
    overwrite: bool,
) -> Outcome:
    """Track a movie, unless it is done, and fill in what has become of it since it was ``begun``."""
    place, movie = result_in(folder, begun.name), open_movie(job.path, job.choice)
    if before and _stays(before, job, place, options):
        if before.state != "failed" and before.made.get(place.name) == digest_of(place):
            log.info("%s: there already", place)
            return before
        log.info("%s: there already; it is looked through anew", place)
        return _judged(before, place)
    asked = _asked(job, options)
    fit = choose(movie, options.device, diameter=options.diameter) if job.model == AUTO else None
    model, options = (fit.model, fit.run_by(options)) if fit else (Path(job.model), options)
    with bar() as on_frame:
        summary = track(movie, model, place, options, overwrite=overwrite, notes=fit and fit.note(), on_frame=on_frame)
    about = {"model": model.name, "agreement": round(fit.agreement, 3) if fit else None, "asked": asked}
    return _judged(begun.model_copy(update={**about, "seconds": round(summary.seconds, 1)}), place)


def _asked(job: Job, options: Options) -> dict[str, Any]:
    """All that a result depends on, as far as it is known before."""
    files = [job.path] if job.path.is_file() else sorted(path for path in job.path.rglob("*") if path.is_file())
    about = [(path, path.stat()) for path in files]
    lines = [f"{path.relative_to(job.path)} {stat.st_size} {stat.st_mtime_ns}" for path, stat in about]
    return {
        "job": job.model_dump(mode="json", exclude={"name", "path"}),
        "models": [_digest(model) for model in _looked_at(job, options)],
        "views": options.views,
        "precision": options.precision,
        "border": options.border,
        "crumbs": options.crumbs,
        "tile": options.tile,
        "memory": options.memory,
        "diameter": options.diameter,
        "movie": sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest(),
    }


def _looked_at(job: Job, options: Options) -> list[Path]:
    """The model of a job, or all that may be chosen."""
    return [models() / name for name in choosable(options.diameter)] if job.model == AUTO else [Path(job.model)]


@cache
def _digest(model: Path) -> list[str]:
    """Of its weights and its configuration."""
    return [digest(model / name) for name in (WEIGHTS, CONFIG)]


def _before(folder: Path, name: str) -> Outcome | None:
    """What became of a movie in an earlier run; None where nobody knows."""
    with suppress(ValueError):  # there is none, or a damaged one
        return outcome.read(outcome.place_of(folder, name))
    return None


def _stays(before: Outcome, job: Job, place: Path, options: Options) -> bool:
    """Whether the result of an earlier run is there, and of the same movie, model and options."""
    if not place.is_dir() or os.path.realpath(before.path) != os.path.realpath(job.path):
        return False
    with suppress(ValueError):  # masks that were changed by other means than ours
        known_of(place)
        return before.asked == _asked(job, options)
    return False


def _judged(done: Outcome, place: Path) -> Outcome:
    """What a movie has become by its result as it is now: a person may have corrected it since."""
    from embedtrack.looks.report.files import border_of
    from embedtrack.looks.report.hints import find_hints
    from embedtrack.looks.report.sights import look

    result, _ = open_pair(place, labels=False)
    counted, used = summarise(result.tracks, len(result), 0), used_in(known_of(place) or {})
    hints = find_hints(look(result).table, result.tracks, len(result), border_of(used, place), result.confidence)
    why = [*([] if counted.masks else ["no cell was found in any frame"]), *doubts(used)]
    return done.model_copy(update={
        "state": "cut short" if used.get("cut_short") else "doubtful" if why else "done", "why": "; ".join(why),
        "frames": counted.frames, "masks": counted.masks, "cells": counted.cells, "tracks": counted.tracks,
        "divisions": counted.divisions, "hints": len(hints), "made": {**done.made, place.name: digest_of(place)},
    })  # fmt: skip


def _model_name(job: Job) -> str | None:
    return None if job.model == AUTO else Path(job.model).name
