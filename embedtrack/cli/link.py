"""The command that links masks which somebody else made."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedtrack.cli.common import (
    AUTO,
    INFER,
    Channel,
    Compile,
    Device,
    Interval,
    ModelOrAuto,
    Overwrite,
    PixelSize,
    Precision,
    Scene,
    TimeAxis,
    chosen,
    written,
)

if TYPE_CHECKING:
    from embedtrack.movies.movie import Movie

app = typer.Typer()


@app.command(rich_help_panel=INFER)
def link(
    masks: Annotated[
        Path, typer.Argument(help="A folder of label images (any names, ERR_SEG, TRA) or a stack of them.")
    ],
    out: Annotated[Path, written("The result; an older one of ours is replaced at the end.", "FOLDER")],
    raw: Annotated[
        Path | None, typer.Option(help="The movie; with it a model's tracking offsets find the links.")
    ] = None,
    model: ModelOrAuto = AUTO,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Fill gaps, split merged cells, leave false ones out; else no pixel changes."),
    ] = False,
    device: Device = "auto",
    precision: Precision = "float32",
    compiling: Compile = "auto",
    border: Annotated[int, typer.Option(help="Cells within so many pixels of the edge are removed.")] = 0,
    gap: Annotated[int | None, typer.Option(help="A cell missed for up to this many frames is found again.")] = None,
    channel: Channel = None,
    scene: Scene = None,
    time_axis: TimeAxis = None,
    pixel_size: PixelSize = None,
    interval: Interval = None,
    overwrite: Overwrite = False,
) -> None:
    """Link masks that somebody else made: by the model's tracking offsets, or without --raw by overlap and distance."""
    from embedtrack.cli.display import frames_bar
    from embedtrack.files.whole import check_apart
    from embedtrack.inference.link import link_files
    from embedtrack.movies.masks import open_masks
    from embedtrack.movies.open import open_movie
    from embedtrack.options import Options

    choice = chosen(pixel_size, interval, channel, scene, time_axis)
    if raw is None and model != AUTO:
        raise ValueError(
            f"expected --raw MOVIE beside --model {model.name}: a model sees the movie; leave both away, or none"
        )
    if raw is None and any(choice.note().values()):
        raise ValueError("expected --raw MOVIE beside the options that say how a movie is read, got none")
    options = Options(1, _device(device) if raw else "cpu", precision, compiling, border, gap)
    check_apart(out, masks, raw, model if raw else None)
    movie, given = open_movie(raw, choice) if raw else None, open_masks(masks)
    folder = _model(movie, model, options.device) if movie else None
    with frames_bar("/".join(masks.absolute().parts[-2:])) as bar:
        summary = link_files(
            given, out,
            raw=movie, model_folder=folder, options=options, repair=repair, overwrite=overwrite, on_frame=bar,
        )  # fmt: skip
    log = logging.getLogger("embedtrack")
    log.info("%s: %d frames, %d cells, %d tracks, %d divisions", out, *summary[:4])
    if not summary.cells:
        log.warning("no cell is in any of the masks: look at %s", masks)


def _device(name: str) -> str:
    from embedtrack.machine.device import choose

    return str(choose(name))


def _model(movie: "Movie", model: Path, device: str) -> Path:
    """The folder of the model that was named, or that fits the movie."""
    if model != AUTO:
        return model
    from embedtrack.inference.model_choice import choose_model

    return choose_model(movie, device)
