"""Commands on single images."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.expand import Tell, chosen, runs_model, tells
from embedtrack.cli.options import Channel, Model, Overwrite, written
from embedtrack.cli.panels import INFER
from embedtrack.options import Options

app = typer.Typer()


@app.command(rich_help_panel=INFER)
@tells
@runs_model("border", "crumbs", "memory")
def segment(
    images: Annotated[Path, typer.Argument(help="An image, a stack of images, or a folder of images of any sizes.")],
    model: Model,
    out: Annotated[Path, written("Gets NAME.tif for each image; an older output of ours is replaced.", "FOLDER")],
    options: Options,
    tell: Tell,
    outlines: Annotated[str | None, typer.Option(help="geojson: NAME.geojson too, as QuPath reads it.")] = None,
    channel: Channel = None,
    overwrite: Overwrite = False,
) -> None:
    """Segment images that are no movie, each by itself, with a model of any method."""
    from embedtrack.cli.display import frames_bar
    from embedtrack.inference.segment import segment as find

    with frames_bar(images.name) as bar:
        summary = find(
            images, model, out, options,
            choice=chosen(channel=channel), outlines=outlines, overwrite=overwrite, on_image=bar,
        )  # fmt: skip
    logging.getLogger("embedtrack").info("%s: %d images, %d cells", out, *summary)
    if not summary.cells:
        logging.getLogger("embedtrack").warning("no cell was found in any image: try another --model")
    tell({"masks": str(out), **summary._asdict()})
