"""Many movies, one after the other: what is done stays done, and one bad movie does not stop the others."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from embedtrack.batch import outcome
from embedtrack.batch.jobs import AUTO, ENDING, Job
from embedtrack.batch.outcome import Outcome
from embedtrack.batch.summary import NAMES
from embedtrack.challenge.pair import open_pair
from embedtrack.challenge.record import known_of
from embedtrack.challenge.used import doubts
from embedtrack.exchange.formats import FORMATS, export
from embedtrack.files.whole import check_apart, check_file
from embedtrack.inference.model_choice import Fit, choose
from embedtrack.inference.track import Summary, track
from embedtrack.model import OnFrame
from embedtrack.model_files import WEIGHTS, digest
from embedtrack.movies.open import open_movie
from embedtrack.optional_packages import need
from embedtrack.options import Options

log = logging.getLogger(__name__)

Bar = Callable[[str], AbstractContextManager[OnFrame]]
"""A bar of progress with a title."""


class Wishes(NamedTuple):
    """What is made of each result beside it."""

    measure: bool = False
    """``NAME.csv`` and ``NAME_tracks.csv``."""
    report: bool = False
    """``NAME.html``."""
    exports: tuple[str, ...] = ()
    """``NAME.FORMAT`` for each."""

    def files(self, name: str) -> list[str]:
        """What is written for a movie of this name."""
        tables = [f"{name}.csv", f"{name}_tracks.csv"] if self.measure else []
        pages = [f"{name}.html"] if self.report else []
        return [f"{name}{ENDING}", *tables, *pages, *(f"{name}.{to}" for to in self.exports)]

    def check(self) -> None:
        """Raise ValueError where a format is not known, or a package is missing."""
        for one in self.exports:
            if one not in FORMATS:
                raise ValueError(f"expected --export {', '.join(FORMATS)}, got {one}")
        if self.report:
            need("jinja2", "report", "--report")


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

    What was made by the same movie, model and options is not made again; a movie that failed is tried again.

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
        ValueError: wishes that cannot be had, or outcomes that cannot be kept there, before any work.
    """
    wishes.check()
    owner: dict[str, str] = dict.fromkeys(NAMES, "the summary")
    for name in jobs:
        check_file(outcome.place_of(folder, name))
        for file in wishes.files(name):
            if file in owner:
                raise ValueError(
                    f"expected files of different names, got {file} for {owner[file]} and {name}; give one of "
                    "them another name in a table (column name)"
                )
            owner[file] = name
    import pandas  # noqa: F401  an image that tracks and no more has none, which is to be said before any work

    found: list[Outcome] = []
    for number, (name, job) in enumerate(jobs.items(), start=1):
        title = f"{number}/{len(jobs)} {name}"
        try:
            done = _one(name, job, folder, job.run_by(options), wishes, partial(bar, title), overwrite)
        except Exception as error:
            done = Outcome(name=name, path=str(job.path), state="failed", why=explain(error), model=_model_name(job))
            log.error("%s: %s", title, done.why)
        outcome.write(folder, done)
        found.append(done)
    return sorted(found, key=lambda one: one.rank)


def _one(
    name: str,
    job: Job,
    folder: Path,
    options: Options,
    wishes: Wishes,
    bar: Callable[[], AbstractContextManager[OnFrame]],
    overwrite: bool,
) -> Outcome:
    """Track a movie, unless it is done; make what is wished of it."""
    place = folder / f"{name}{ENDING}"
    check_apart(place, job.path)
    movie = open_movie(job.path, job.choice)
    asked = _asked(job, options)
    done, fresh = _kept(folder, name, place, asked), False
    if done is None:
        fit = choose(movie, options.device) if job.model == AUTO else None
        model = fit.model if fit else Path(job.model)
        with bar() as on_frame:
            summary = track(
                movie, model, place, options, overwrite=overwrite, notes=fit and fit.note(), on_frame=on_frame
            )
        done, fresh = _outcome(name, job, model, fit, summary, _hints(place), asked), True
    else:
        log.info("%s: there already", place)
    _make(place, job, wishes, anew=fresh, overwrite=overwrite)
    return done


def _asked(job: Job, options: Options) -> dict[str, Any]:
    """All that a result depends on, as far as it is known before."""
    files = [job.path] if job.path.is_file() else sorted(path for path in job.path.rglob("*") if path.is_file())
    about = [(path, path.stat()) for path in files]
    lines = [f"{path.relative_to(job.path)} {stat.st_size} {stat.st_mtime_ns}" for path, stat in about]
    return {
        "job": job.model_dump(mode="json", exclude={"name", "path"}),
        "weights": None if job.model == AUTO else digest(Path(job.model) / WEIGHTS),
        "views": options.views,
        "precision": options.precision,
        "border": options.border,
        "crumbs": options.crumbs,
        "tile": options.tile,
        "memory": options.memory,
        "diameter": options.diameter,
        "movie": sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest(),
    }


def _kept(folder: Path, name: str, place: Path, asked: Mapping[str, Any]) -> Outcome | None:
    """What became of the movie in an earlier run, where nothing has changed since and the result is whole."""
    path = outcome.place_of(folder, name)
    if not path.exists() or not place.is_dir():
        return None
    with suppress(ValueError):  # a damaged outcome, or masks that were changed
        done = outcome.read(path)
        if done.state != "failed" and done.asked == asked and known_of(place) is not None:
            return done
    return None


def _hints(place: Path) -> int:
    """Places that deserve a second look."""
    from embedtrack.looks.report.hints import find_hints
    from embedtrack.looks.report.sights import look

    result, _ = open_pair(place, labels=False)
    return len(find_hints(look(result).table, result.tracks, len(result), confidence=result.confidence))


def _outcome(
    name: str, job: Job, model: Path, fit: Fit | None, summary: Summary, hints: int, asked: dict[str, Any]
) -> Outcome:
    """What a movie that was tracked has become."""
    why = list(doubts(summary.used))
    if not summary.masks:
        why.insert(0, "no cell was found in any frame")
    state = "cut short" if summary.fault else "doubtful" if why else "done"
    return Outcome(
        name=name, path=str(job.path), state=state, why="; ".join(why), model=model.name,
        agreement=round(fit.agreement, 3) if fit else None, frames=summary.frames, masks=summary.masks,
        cells=summary.cells, tracks=summary.tracks, divisions=summary.divisions, hints=hints,
        seconds=round(summary.seconds, 1), asked=asked,
    )  # fmt: skip


def _make(place: Path, job: Job, wishes: Wishes, *, anew: bool, overwrite: bool) -> None:
    """Table, page and exports of a result: those that are missing, or all of them anew."""
    from embedtrack.looks.measure import measure
    from embedtrack.looks.report.files import report_folder

    base = place.with_name(place.name.removesuffix(ENDING))

    def wanted(path: Path) -> bool:
        return anew or not path.exists()

    table, page = base.with_name(f"{base.name}.csv"), base.with_name(f"{base.name}.html")
    if wishes.measure and wanted(table):
        result, images = open_pair(place, job.path, job.choice, channels=True)
        measure(result, table, images, overwrite=overwrite)
    if wishes.report and wanted(page):
        report_folder(place, page, job.path, choice=job.choice, overwrite=overwrite)
    for to in wishes.exports:
        if wanted(target := base.with_name(f"{base.name}.{to}")):
            result, images = open_pair(place, job.path, job.choice)
            export(result, to, target, images, overwrite=overwrite)


def _model_name(job: Job) -> str | None:
    return None if job.model == AUTO else Path(job.model).name
