"""Commands that work while a recording runs."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.expand import runs_model
from embedtrack.cli.options import DiameterInPixels, Model, Overwrite, finite, written
from embedtrack.cli.panels import INFER
from embedtrack.options import Options

app = typer.Typer()


@app.command(rich_help_panel=INFER)
@runs_model("diameter", "memory")
def watch(
    folder: Annotated[Path, typer.Argument(help="The folder in which t000.tif, t001.tif, ... appear.")],
    model: Model,
    out: Annotated[
        Path,
        written("The result: valid after every frame, in the end that of infer.", "FOLDER"),
    ],
    options: Options,
    idle: Annotated[
        float | None,
        typer.Option(help="The recording ends after so many seconds without change.", callback=finite, min=0),
    ] = None,
    diameter: DiameterInPixels = None,
    flag: Annotated[str, typer.Option(help="The recording ends when FOLDER holds a file of this name.")] = "end",
    overwrite: Overwrite = False,
) -> None:
    """Track a recording while its frames arrive, until it ends: by --idle, --flag or Ctrl-C; goes on after a kill."""
    from embedtrack.challenge.used import in_words
    from embedtrack.files.whole import check_apart
    from embedtrack.live.watch import told_by_ctrl_c
    from embedtrack.live.watch import watch as follow

    if not flag.strip() or Path(flag).name != flag:
        raise ValueError(f"expected --flag to be the name of a file in {folder}, got {flag or 'an empty one'}")
    check_apart(out, folder, model)
    with told_by_ctrl_c() as told:
        summary = follow(
            folder, model, out, replace(options, diameter=diameter), overwrite=overwrite,
            idle=float("inf") if idle is None else idle, ended=lambda: told() or (folder / flag).exists(),
        )  # fmt: skip
    logging.getLogger("embedtrack").info(
        "%s: ended after %d frames, %d masks of %d cells in %d tracks, %d divisions; %s",
        out, *summary[:5], in_words(summary.used),
    )  # fmt: skip
