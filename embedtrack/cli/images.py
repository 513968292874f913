"""Commands on single images."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.common import INFER, Channel, Compile, Device, Model, Overwrite, Precision, Views, chosen, written

app = typer.Typer()


@app.command(rich_help_panel=INFER)
def segment(
    images: Annotated[Path, typer.Argument(help="An image, a stack of images, or a folder of images of any sizes.")],
    model: Model,
    out: Annotated[Path, written("Gets NAME.tif for each image; an older output of ours is replaced.", "FOLDER")],
    outlines: Annotated[str | None, typer.Option(help="geojson: NAME.geojson too, as QuPath reads it.")] = None,
    views: Views = 8,
    device: Device = "auto",
    precision: Precision = "float32",
    compiling: Compile = "auto",
    diameter: Annotated[
        float | None, typer.Option(help="Of a typical cell in pixels, for a model of all cells; else found by itself.")
    ] = None,
    channel: Channel = None,
    overwrite: Overwrite = False,
) -> None:
    """Segment images that are no movie, each by itself, with a model of any method."""
    from embedtrack.cli.display import frames_bar
    from embedtrack.inference.segment import segment as find
    from embedtrack.machine.device import choose
    from embedtrack.options import Options

    options = Options(views, str(choose(device)), precision, compiling, diameter=diameter)
    with frames_bar(images.name) as bar:
        summary = find(
            images, model, out, options,
            choice=chosen(channel=channel), outlines=outlines, overwrite=overwrite, on_image=bar,
        )  # fmt: skip
    logging.getLogger("embedtrack").info("%s: %d images, %d cells", out, *summary)
    if not summary.cells:
        logging.getLogger("embedtrack").warning("no cell was found in any image: try another --model")
