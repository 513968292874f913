"""Commands that hand the program on."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.options import Model, Overwrite, written
from embedtrack.cli.panels import EXCHANGE

app = typer.Typer()


@app.command(rich_help_panel=EXCHANGE)
def submission(
    out: Annotated[Path, written("Gets SW/ and description.txt.", "FOLDER")],
    datasets: Annotated[list[str] | None, typer.Option(help="Again for more; by default all with weights.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write the challenge's folder SW: scripts, weights, and an environment that needs nothing of the host."""
    from embedtrack.ship.submission import write

    software = write(out, datasets, overwrite=overwrite)
    scripts = sorted(path.name for path in software.glob("*.sh"))
    size = sum(path.stat().st_size for path in software.rglob("*") if path.is_file() and not path.is_symlink())
    logging.getLogger("embedtrack").info("%s: %.2f GB, %s", software, size / 1e9, ", ".join(scripts))


@app.command("export-model", rich_help_panel=EXCHANGE)
def export_model(
    model: Model,
    out: Annotated[Path, written("NAME.zip: network, description, test images and card.", "FILE")],
    author: Annotated[list[str] | None, typer.Option(help="Of the weights; again for more.")] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, by its SPDX name, e.g. CC-BY-4.0.")] = "",
    overwrite: Overwrite = False,
) -> None:
    """Write a model in bioimage.io's format, for the zoo and for programs such as deepImageJ."""
    from embedtrack.checkpoint import load
    from embedtrack.ship.zoo import write

    write(
        load(model), out, authors=[name for name in author or () if name.strip()], licence=licence, overwrite=overwrite
    )
    logging.getLogger("embedtrack").info("%s: %.1f MB", out, out.stat().st_size / 1e6)
