"""The command that links masks which somebody else made."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.expand import reads_movie, runs_model
from embedtrack.cli.options import AUTO, ModelOrAuto, Overwrite, written
from embedtrack.cli.panels import INFER
from embedtrack.movies.selection import Choice
from embedtrack.options import Options

app = typer.Typer()


@app.command(rich_help_panel=INFER)
@reads_movie
@runs_model("views", border=0)
def link(
    masks: Annotated[
        Path, typer.Argument(help="A folder of label images (any names, ERR_SEG, TRA) or a stack of them.")
    ],
    out: Annotated[Path, written("The result; an older one of ours is replaced at the end.", "FOLDER")],
    choice: Choice,
    options: Options,
    raw: Annotated[
        Path | None, typer.Option(help="The movie; with it a model's tracking offsets find the links.")
    ] = None,
    model: ModelOrAuto = AUTO,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Fill gaps, split merged cells, leave false ones out; else no pixel changes."),
    ] = False,
    pins: Annotated[
        bool, typer.Option(help="Keep the links that a person corrected in these masks; decide the others anew.")
    ] = True,
    gap: Annotated[int | None, typer.Option(help="A cell missed for up to this many frames is found again.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Link masks that somebody else made: by the model's tracking offsets, or without --raw by overlap and distance."""
    from embedtrack.challenge.used import in_words
    from embedtrack.challenge.writer import check_place
    from embedtrack.cli.display import frames_bar
    from embedtrack.files.whole import check_apart
    from embedtrack.inference.link import link_files
    from embedtrack.inference.model_choice import choose
    from embedtrack.inference.paired import pair
    from embedtrack.movies.open import open_movie

    if raw is None:
        _check_alone(model, choice, options)
    options = replace(options, views=1, max_gap=gap)
    check_apart(out, masks, raw, model if raw else None)
    notes = None
    movie = open_movie(raw, choice) if raw else None
    paired = pair(masks, movie)
    if movie and model == AUTO:
        check_place(out, overwrite=overwrite)  # before the long look of all models
        fit = choose(movie, options.device, diameter=paired.sized(options).diameter)
        model, options, notes = fit.model, fit.run_by(options), fit.note()
    with frames_bar("/".join(masks.absolute().parts[-2:])) as bar:
        summary = link_files(
            paired, out,
            model_folder=model if movie else None, options=options, repair=repair, pins=pins, overwrite=overwrite,
            notes=notes, on_frame=bar,
        )  # fmt: skip
    log = logging.getLogger("embedtrack")
    log.info(
        "%s: %d frames, %d masks of %d cells in %d tracks, %d divisions; %s",
        out, *summary[:5], in_words(summary.used),
    )  # fmt: skip
    if not summary.masks:
        log.warning("no cell is in any of the masks: look at %s", masks)


def _check_alone(model: Path, choice: Choice, options: Options) -> None:
    """Raise ValueError where something is said of a movie that is not there."""
    if model != AUTO:
        raise ValueError(
            f"expected --raw MOVIE beside --model {model.name}: a model sees the movie; give both, or neither"
        )
    if any(choice.note().values()):
        raise ValueError("expected --raw MOVIE beside the options that say how a movie is read, got none")
    if options.diameter is not None:
        raise ValueError(
            "expected --raw MOVIE beside --diameter, which says at what size a model sees the movie, got none"
        )
