"""Commands that track movies: one, many, the challenge's by name."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedtrack.cli.batch import track_all
from embedtrack.cli.expand import Tell, reads_movie, runs_model, tells
from embedtrack.cli.options import AUTO, ModelOrAuto, Overwrite, finite, place, written
from embedtrack.cli.panels import INFER
from embedtrack.movies.selection import Choice
from embedtrack.options import Options

if TYPE_CHECKING:
    from embedtrack.inference.model_choice import Fit
    from embedtrack.inference.track import Summary

CUT_SHORT = 3
"""The exit code where a frame could not be read and those before it were kept."""
NO_FIT = 4
"""The exit code where no model fits as well as was asked for; nothing is written then."""

app = typer.Typer()
log = logging.getLogger("embedtrack")

Movies = Annotated[
    list[Path],
    typer.Argument(metavar="MOVIE...", help="Folders of frames, TIFF stacks, OME-Zarr, ...; or a table.csv of movies."),
]


@app.command(rich_help_panel=INFER)
@tells
@runs_model("border", "diameter", "crumbs")
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
@tells
@reads_movie
@runs_model()
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
        from embedtrack.batch.wishes import Wishes

        wishes = Wishes(measure, report, tuple(export or ()))
        if out or min_agreement is not None:
            raise ValueError("expected --out-dir without --out and --min-agreement; leave them out")
        track_all(movies, model, choice, options, out_dir, wishes, only, tell, overwrite=overwrite)
        return
    if len(movies) > 1 or movies[0].suffix.lower() == ".csv":
        raise ValueError(f"expected --out-dir FOLDER for {len(movies)} movies or a table of them; say where they go")
    if measure or report or export or only is not None:
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
    from embedtrack.challenge.writer import check_place
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

        check_place(out, overwrite=overwrite)  # before the long look of all models
        with frames_bar("looks of the models", "looks") as looks:
            fit = choose_fit(recording, options.device, on_model=looks, diameter=options.diameter)
        model, options = fit.model, fit.run_by(options)
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
        out, *summary[:6], summary.frames / summary.seconds, in_words({**summary.used, "cut_short": None}),
    )  # fmt: skip
    if not summary.masks:
        log.warning("no cell was found in any frame: look at the movie, or try another --model")
    if summary.fault:
        log.error("%s\nthe frames before it were kept: %d in %s", summary.fault, summary.frames, out)
