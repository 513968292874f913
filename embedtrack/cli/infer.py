"""Commands that track movies: one, many, the challenge's by name; and which model fits."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedtrack.cli.expand import Tell, reads_movie, runs_model, tells
from embedtrack.cli.options import AUTO, Device, ModelOrAuto, Overwrite, finite, place, written
from embedtrack.cli.panels import INFER
from embedtrack.movies.selection import Choice
from embedtrack.options import Options

if TYPE_CHECKING:
    from rich.table import Table

    from embedtrack.batch.outcome import Outcome
    from embedtrack.batch.run import Wishes
    from embedtrack.inference.model_choice import Fit
    from embedtrack.inference.track import Summary

CUT_SHORT = 3
"""The exit code where a frame could not be read and those before it were kept."""
NO_FIT = 4
"""The exit code where no model fits as well as was asked for; nothing is written then."""
MOST_FAILED = 100
"""A batch ends with the number of movies that failed, at most this: higher codes are signals'."""

app = typer.Typer()
log = logging.getLogger("embedtrack")

Movies = Annotated[
    list[Path],
    typer.Argument(metavar="MOVIE...", help="Folders of frames, TIFF stacks, OME-Zarr, ...; or a table.csv of movies."),
]


@app.command(rich_help_panel=INFER)
@runs_model("border", "diameter", "crumbs")
@tells
def run(
    dataset: Annotated[str, typer.Argument(help="A folder in $DATA_ROOT, by default beside the repository; or demo.")],
    sequence: Annotated[str, typer.Argument(help="e.g. 01")],
    options: Options,
    tell: Tell,
    overwrite: Overwrite = False,
) -> None:
    """Segment and track DATASET/SEQUENCE with the weights of its name; writes DATASET/SEQUENCE_RES."""
    from embedtrack.challenge.convention import job

    movie, model, out = job(dataset, sequence)
    _track(movie, model, place(out), Choice(), options, tell, overwrite=overwrite)


@app.command(rich_help_panel=INFER)
@reads_movie
@runs_model()
@tells
def infer(
    movies: Movies,
    choice: Choice,
    options: Options,
    tell: Tell,
    model: ModelOrAuto = AUTO,
    out: Annotated[
        Path | None,
        written("Of one movie; an older result of ours is replaced at the end. By default MOVIE_RES.", "FOLDER"),
    ] = None,
    out_dir: Annotated[
        Path | None,
        written("Of many movies: gets NAME_RES for each, and summary.html, the doubtful first; goes on.", "FOLDER"),
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="With --out-dir: NAME.csv beside each result.")] = False,
    report: Annotated[bool, typer.Option("--report", help="With --out-dir: NAME.html beside each result.")] = False,
    export: Annotated[
        list[str] | None, typer.Option(help="With --out-dir: NAME.FORMAT beside each result; again for more.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="With --out-dir: this NAME alone, and no summary.")] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(help="Of --model auto: exit code 4 where the best score is less.", min=0, max=1, callback=finite),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Segment and track a movie, or many."""
    if out_dir:
        from embedtrack.batch.run import Wishes

        wishes = Wishes(measure, report, tuple(export or ()))
        if out or min_agreement is not None:
            raise ValueError("expected --out-dir without --out and --min-agreement; leave them out")
        _track_all(movies, model, choice, options, out_dir, wishes, only, tell, overwrite=overwrite)
        return
    if len(movies) > 1 or movies[0].suffix.lower() == ".csv":
        raise ValueError(f"expected --out-dir FOLDER for {len(movies)} movies or a table of them; say where they go")
    if measure or report or export or only:
        raise ValueError("expected --out-dir FOLDER beside --measure, --report, --export and --only")
    _track(movies[0], model, out, choice, options, tell, min_agreement, overwrite=overwrite)


def _track(
    movie: Path,
    model: Path,
    out: Path | None,
    choice: Choice,
    options: Options,
    tell: Tell = lambda said: False,
    min_agreement: float | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Track one movie."""
    from embedtrack.challenge.pair import result_of
    from embedtrack.cli.display import frames_bar
    from embedtrack.files.whole import check_apart
    from embedtrack.inference.track import track
    from embedtrack.movies.open import open_movie

    out = out or place(result_of(movie, choice))
    check_apart(out, movie, model)
    recording = open_movie(movie, choice)
    fit: Fit | None = None
    if model == AUTO:
        from embedtrack.inference.model_choice import choose as choose_fit

        with frames_bar("looks of the models", "looks") as looks:
            fit = choose_fit(recording, options.device, on_model=looks)
        model = fit.model
        if min_agreement is not None and fit.agreement < min_agreement:
            sys.stderr.write(f"error: {movie}: expected a model that fits to {min_agreement}, got {fit.verdict}\n")
            raise typer.Exit(NO_FIT)
    elif min_agreement is not None:
        raise ValueError("expected --min-agreement with --model auto, got a model by name; leave one of them out")
    with frames_bar("/".join(movie.absolute().parts[-2:])) as bar:
        summary = track(recording, model, out, options, overwrite=overwrite, notes=fit and fit.note(), on_frame=bar)
    _close(summary, out)
    known = {"result": str(out), "model": model.name, **summary._asdict(), "used": dict(summary.used)}
    tell(known | ({"agreement": fit.agreement, "sure": fit.sure, "verdict": fit.verdict} if fit else {}))
    if summary.fault:
        raise typer.Exit(CUT_SHORT)


def _close(summary: "Summary", out: Path) -> None:
    from embedtrack.challenge.used import in_words

    log.info(
        "%s: %d frames, %d masks of %d cells in %d tracks, %d divisions; %.1f s (%.2f frames/s); %s",
        out, *summary[:6], summary.frames / summary.seconds, in_words(summary.used),
    )  # fmt: skip
    if not summary.masks:
        log.warning("no cell was found in any frame: look at the movie, or try another --model")
    if summary.fault:
        log.error("%s\nthe frames before it were kept: %d in %s", summary.fault, summary.frames, out)


def _track_all(
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
    from embedtrack.batch.jobs import jobs_of
    from embedtrack.batch.run import run as track_all
    from embedtrack.batch.summary import check, summarise
    from embedtrack.cli.display import frames_bar
    from embedtrack.cli.errors import explain

    jobs = jobs_of(movies, {"model": str(model), **_fields(choice)})
    if only is not None and only not in jobs:
        raise ValueError(f"expected --only to name one of {', '.join(list(jobs)[:20])}, got {only}")
    jobs = {only: jobs[only]} if only is not None else jobs
    if only is None:
        check(folder)
    outcomes = track_all(jobs, folder, options, wishes, frames_bar, explain, overwrite=overwrite)
    if only is None:
        log.info("%s; see %s", summarise(folder, outcomes), folder / "summary.html")
    _end(outcomes, tell)


def _end(outcomes: "Sequence[Outcome]", tell: Tell) -> None:
    """Tell what became of the movies; the exit code is the number of those that failed."""
    failed = sum(one.state == "failed" for one in outcomes)
    tell({"failed": failed, "movies": [one.model_dump(exclude={"asked"}) for one in outcomes]})
    if failed:
        raise typer.Exit(min(failed, MOST_FAILED))


def _fields(choice: Choice) -> dict[str, Any]:
    """What the command line says of all movies, as a table's columns."""
    known = choice._asdict()
    units = known.pop("units")
    return known | {"z": known.pop("plane"), "pixel_size": units.pixel, "interval": units.interval}


@app.command(rich_help_panel=INFER)
@reads_movie
@tells
def choose(
    movies: Annotated[list[Path], typer.Argument(metavar="MOVIE...", help="Movies of any kind.")],
    choice: Choice,
    tell: Tell,
    out: Annotated[
        Path | None, written("A table of the movies with their models, for infer table.csv --out-dir.", "TABLE.csv")
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Say which shipped model fits each movie, and how well."""
    from rich.console import Console

    from embedtrack.batch.jobs import write_table
    from embedtrack.cli.display import frames_bar
    from embedtrack.files.whole import check_file, new_file
    from embedtrack.inference.model_choice import choose as choose_fit
    from embedtrack.movies.open import open_movie

    if out:
        check_file(out, overwrite=overwrite)
    fits = {}
    for path, movie in [(path, open_movie(path, choice)) for path in movies]:
        with frames_bar(f"looks of the models: {path.name}", "looks") as looks:
            fits[path] = choose_fit(movie, device, on_model=looks)
    if out:
        fields = {name: value for name, value in _fields(choice).items() if value is not None}
        rows = [
            {"path": path.absolute(), "model": fit.model.name, "agreement": round(fit.agreement, 3),
             "verdict": fit.verdict, **fields}
            for path, fit in fits.items()
        ]  # fmt: skip
        with new_file(out, overwrite=overwrite) as file:
            file.write_text(write_table(rows, ("path", "model", "agreement", "verdict", *fields)), encoding="utf-8")
        log.info("%s: %d movies", out, len(rows))
    said = {
        str(path): {
            "model": fit.model.name, "score": round(fit.agreement, 3), "sure": fit.sure, "verdict": fit.verdict,
            "models": [one.row() for one in fit.table],
        }
        for path, fit in fits.items()
    }  # fmt: skip
    if not tell(said):
        for path, fit in fits.items():
            Console().print(_choice_table(str(path), fit))


def _choice_table(title: str, fit: "Fit") -> "Table":
    """The models with their scores, the best first."""
    from rich.table import Table

    rows = Table("model", "score", "cells", "pixels across", "trained on", "the same when turned", title=title)
    rows.columns[0].no_wrap = True  # it is what one types
    for one in fit.table:
        seen = one.seen
        rows.add_row(
            seen.model.name, f"{one.score:.2f}", f"{seen.cells:.0f}", f"{seen.diameter:.0f}", f"{seen.learnt or 0:.0f}",
            f"{seen.agreement:.0%}",
        )  # fmt: skip
    rows.caption = fit.verdict
    return rows


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
