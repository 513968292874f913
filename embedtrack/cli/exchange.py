"""Commands that bring results to other programs and back."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.common import EXCHANGE, Channel, Interval, PixelSize, Scene, TimeAxis, chosen

app = typer.Typer()


@app.command(rich_help_panel=EXCHANGE)
def export(
    result_folder: Annotated[Path, typer.Argument(metavar="RESULT", help="e.g. DATASET/01_RES, or truth.")],
    to: Annotated[str, typer.Option(help="geff, trackmate, napari, ome-zarr or isbi (the challenge's files).")],
    out: Annotated[Path, typer.Option(help="The folder to write; an older output of this kind is replaced.")],
    raw: Annotated[Path | None, typer.Option(help="Put the movie in too (trackmate, ome-zarr).")] = None,
    channel: Channel = None,
    scene: Scene = None,
    time_axis: TimeAxis = None,
    pixel_size: PixelSize = None,
    interval: Interval = None,
) -> None:
    """Write a result for another program."""
    from embedtrack.exchange.formats import export as write
    from embedtrack.movies.open import open_pair

    result, images = open_pair(result_folder, raw, chosen(pixel_size, interval, channel, scene, time_axis))
    write(result, to, out, images)
    logging.getLogger("embedtrack").info("%s: %d frames, %d tracks", out, len(result), len(result.tracks))


@app.command("import", rich_help_panel=EXCHANGE)
def import_(
    path: Annotated[Path, typer.Argument(help="What export wrote, another program's folder, or TrackMate's XML.")],
    out: Annotated[Path, typer.Option(help="The result's folder, e.g. DATASET/01_RES; an older result is replaced.")],
    kind: Annotated[str | None, typer.Option("--from", help="The format, where it is not recognised.")] = None,
    raw: Annotated[Path | None, typer.Option(help="The movie, whose frame numbers the masks get.")] = None,
) -> None:
    """Read another program's tracks and masks into a valid result."""
    from embedtrack.challenge.tracked import write_tracked
    from embedtrack.exchange.formats import load
    from embedtrack.movies.open import open_movie, open_raw

    result = load(path, kind)
    if raw:
        movie = open_movie(raw, channels=True)
        result = replace(result, first=movie.first, digits=movie.digits)
        open_raw(raw, result, channels=True)
    write_tracked(result, out)
    logging.getLogger("embedtrack").info("%s: %d frames, %d tracks", out, len(result), len(result.tracks))
