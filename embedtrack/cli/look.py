"""Commands to look at a result: pictures and tables."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.expand import Tell, chosen, reads_movie, tells
from embedtrack.cli.options import Interval, Overwrite, PixelSize, finite, frame_range, written
from embedtrack.cli.panels import LOOK
from embedtrack.movies.selection import Choice

app = typer.Typer()

Result = Annotated[Path, typer.Argument(metavar="RESULT", help="e.g. DATASET/01_RES; or truth, e.g. DATASET/01_GT.")]
Raw = Annotated[Path | None, typer.Option(help="The movie, of any kind, e.g. DATASET/01.")]


@app.command(rich_help_panel=LOOK)
@reads_movie
def show(
    result_folder: Result,
    choice: Choice,
    out: Annotated[
        Path,
        written("NAME.mp4, .webm (for browsers), .gif; or .png, .jpg: frames in rows.", "FILE"),
    ],
    raw: Raw = None,
    truth: Annotated[Path | None, typer.Option(help="Mark the errors against it, e.g. DATASET/01_GT.")] = None,
    frames: Annotated[str | None, typer.Option(help="FIRST:LAST, or one: the frames to draw, inclusive.")] = None,
    fps: Annotated[float, typer.Option(help="Frames shown in a second.", min=0.1, max=100, callback=finite)] = 10,
    tail: Annotated[int, typer.Option(help="Frames of the past that the tails show.", min=0)] = 10,
    numbers: Annotated[bool, typer.Option(help="Write each track's number beside its cell.")] = True,
    zoom: Annotated[int | None, typer.Option(help="Enlarge; small frames are by themselves.", min=1, max=8)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw a result over its movie: outlines, tails, divisions, and errors where there is truth."""
    from embedtrack.challenge.pair import open_pair
    from embedtrack.challenge.tracked import open_tracked
    from embedtrack.cli.display import frames_bar
    from embedtrack.files.whole import check_apart, check_file
    from embedtrack.looks.movie import check_suffix
    from embedtrack.looks.show import PictureOptions
    from embedtrack.looks.show import show as make

    check_suffix(out)
    check_file(out, overwrite=overwrite)
    check_apart(out, result_folder, raw, truth)
    result, images = open_pair(result_folder, raw, choice)
    span = frame_range(frames)
    part = range(span.start - result.first, span.stop - result.first) if span else None
    reality = open_tracked(truth) if truth else None
    with frames_bar(out.name) as bar:
        make(result, out, images, reality, part, PictureOptions(tail, numbers, zoom, fps), bar, overwrite=overwrite)
    logging.getLogger("embedtrack").info("%s: %.1f MB", out, out.stat().st_size / 1e6)


@app.command(rich_help_panel=LOOK)
@tells
@reads_movie
def measure(
    result_folder: Result,
    choice: Choice,
    tell: Tell,
    out: Annotated[
        Path,
        written("NAME.csv or NAME.parquet; the tracks go to NAME_tracks beside it.", "FILE"),
    ],
    raw: Raw = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a table with a row per cell and frame, and one with a row per cell."""
    from embedtrack.challenge.pair import open_pair
    from embedtrack.looks.measure import measure as make

    result, images = open_pair(result_folder, raw, choice, channels=True)
    beside = make(result, out, images, overwrite=overwrite)
    logging.getLogger("embedtrack").info("%s: a row per cell and frame; %s: a row per cell", out, beside.name)
    tell({"table": str(out), "tracks": str(beside), "frames": len(result)})


@app.command(rich_help_panel=LOOK)
def view(
    result_folder: Result,
    raw: Raw = None,
    out: Annotated[
        Path | None,
        written("Where corrections go; by default the result's own folder.", "FOLDER"),
    ] = None,
    as_truth: Annotated[
        Path | None, typer.Option(help="A data set's folder: gets frames that are right, to train.")
    ] = None,
    frames: Annotated[str | None, typer.Option(help="FIRST:LAST, or one: right when it is saved.")] = None,
    pixel_size: PixelSize = None,
    interval: Interval = None,
    overwrite: Overwrite = False,
) -> None:
    """Look at a result in napari and correct it: cut, join, divide, relabel, paint."""
    from embedtrack.viewer.window import view as open_window

    open_window(
        result_folder,
        raw=raw,
        out=out,
        truth=as_truth,
        frames=frame_range(frames),
        units=chosen(pixel_size, interval).units,
        overwrite=overwrite,
    )


@app.command(rich_help_panel=LOOK)
@reads_movie
def report(
    result_folder: Result,
    choice: Choice,
    out: Annotated[Path, written("NAME.html: one file, which needs no network.", "FILE")],
    raw: Raw = None,
    truth: Annotated[Path | None, typer.Option(help="Score it and list the errors, e.g. DATASET/01_GT.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a page for the browser: movie, lineages, numbers, doubtful places, and each error where there is truth."""
    from embedtrack.cli.display import frames_bar
    from embedtrack.looks.report.files import report_folder

    with frames_bar(out.name) as bar:
        report_folder(result_folder, out, raw, truth, choice, bar, overwrite=overwrite)
    logging.getLogger("embedtrack").info("%s: %.1f MB", out, out.stat().st_size / 1e6)
