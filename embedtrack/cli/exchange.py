"""Commands that bring results to other programs and back."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.expand import reads_movie
from embedtrack.cli.options import Overwrite, written
from embedtrack.cli.panels import EXCHANGE
from embedtrack.movies.selection import Choice

app = typer.Typer()


@app.command(rich_help_panel=EXCHANGE)
@reads_movie
def export(
    result_folder: Annotated[Path, typer.Argument(metavar="RESULT", help="e.g. DATASET/01_RES, or truth.")],
    choice: Choice,
    to: Annotated[str, typer.Option(help="geff, trackmate, napari, ome-zarr or isbi (the challenge's files).")],
    out: Annotated[
        Path,
        written("The folder to write; an older output of ours is replaced.", "FOLDER"),
    ],
    raw: Annotated[Path | None, typer.Option(help="Put the movie in too (trackmate, ome-zarr).")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a result for another program."""
    from embedtrack.challenge.pair import open_pair
    from embedtrack.exchange.formats import export as write
    from embedtrack.files.whole import check_apart

    check_apart(out, result_folder, raw)
    result, images = open_pair(result_folder, raw, choice)
    write(result, to, out, images, overwrite=overwrite)
    logging.getLogger("embedtrack").info("%s: %d frames, %d tracks", out, len(result), len(result.tracks))


@app.command("import", rich_help_panel=EXCHANGE)
def import_(
    path: Annotated[Path, typer.Argument(help="What export wrote, another program's folder, or TrackMate's XML.")],
    out: Annotated[
        Path,
        written("The result's folder, e.g. DATASET/01_RES; an older one of ours is replaced.", "FOLDER"),
    ],
    kind: Annotated[str | None, typer.Option("--from", help="The format, where it is not recognised.")] = None,
    raw: Annotated[Path | None, typer.Option(help="The movie, whose frame numbers the masks get.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Read another program's tracks and masks into a valid result."""
    from embedtrack.challenge.pair import open_raw
    from embedtrack.challenge.tracked import write_tracked
    from embedtrack.exchange.formats import load
    from embedtrack.files.whole import check_apart
    from embedtrack.movies.open import open_movie

    check_apart(out, path, raw)
    result = load(path, kind)
    if raw:
        movie = open_movie(raw, channels=True)
        result = replace(result, first=movie.first, digits=movie.digits)
        open_raw(raw, result, channels=True)
    write_tracked(result, out, overwrite=overwrite)
    logging.getLogger("embedtrack").info("%s: %d frames, %d tracks", out, len(result), len(result.tracks))
