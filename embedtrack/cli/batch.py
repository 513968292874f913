"""Many movies in one command, or one by one and summed up at the end."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedtrack.cli.expand import Tell, tells
from embedtrack.cli.panels import INFER
from embedtrack.movies.selection import Choice
from embedtrack.options import Options

if TYPE_CHECKING:
    from embedtrack.batch.outcome import Outcome
    from embedtrack.batch.wishes import Wishes

MOST_FAILED = 100
"""A batch ends with the number of movies that failed, at most this: higher codes are signals'."""

app = typer.Typer()
log = logging.getLogger("embedtrack")


def track_all(
    movies: Sequence[Path],
    model: Path,
    choice: Choice,
    options: Options,
    folder: Path,
    wishes: "Wishes",
    only: str | None,
    tell: Tell,
    *,
    overwrite: bool,
) -> None:
    """Track many movies; the exit code says how many failed."""
    from embedtrack.batch.jobs import fields_of, jobs_of
    from embedtrack.batch.run import run
    from embedtrack.batch.summary import check, summarise
    from embedtrack.cli.display import frames_bar
    from embedtrack.cli.errors import explain

    jobs = jobs_of(movies, {"model": str(model), **fields_of(choice)})
    if only is not None and only not in jobs:
        raise ValueError(f"expected --only to name one of {', '.join(list(jobs)[:20])}, got {only}")
    jobs = {only: jobs[only]} if only is not None else jobs
    if only is None:
        check(folder)
    outcomes = run(jobs, folder, options, wishes, frames_bar, explain, overwrite=overwrite)
    if only is None:
        log.info("%s; see %s", summarise(folder, outcomes), folder / "summary.html")
    _end(outcomes, tell)


@app.command(rich_help_panel=INFER)
@tells
def summary(
    folder: Annotated[Path, typer.Argument(help="The --out-dir of infer, whose movies were tracked one by one.")],
    tell: Tell,
) -> None:
    """Write summary.csv and summary.html of a batch; exit code: how many movies failed."""
    from embedtrack.batch.outcome import read_all
    from embedtrack.batch.summary import summarise

    outcomes = read_all(folder)
    if not outcomes:
        raise ValueError(f"{folder}: expected a folder in which infer --out-dir has worked, got no outcomes in it")
    log.info("%s; see %s", summarise(folder, outcomes), folder / "summary.html")
    _end(outcomes, tell)


def _end(outcomes: "Sequence[Outcome]", tell: Tell) -> None:
    """Tell what became of the movies; the exit code is the number of those that failed."""
    failed = sum(one.state == "failed" for one in outcomes)
    tell({"failed": failed, "movies": [one.model_dump(exclude={"asked", "made"}) for one in outcomes]})
    if failed:
        raise typer.Exit(min(failed, MOST_FAILED))
