"""The command that trains."""

from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.common import TRAIN, Device, Init, Overwrite, finite, written

app = typer.Typer()


@app.command(rich_help_panel=TRAIN)
def train(
    datasets: Annotated[
        list[Path], typer.Argument(help="Folders with annotated sequences, or for embedseg with images/ and masks/.")
    ],
    out: Annotated[Path, written("The model's folder, e.g. models/NAME.", "FOLDER")],
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes.", callback=finite)] = None,
    epochs: Annotated[float | None, typer.Option(help="Budget in passes over the data.", callback=finite)] = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of first weights, samples and dropout.")] = 0,
    init: Init = None,
    overwrite: Overwrite = False,
    all_cells: Annotated[
        bool, typer.Option("--all-cells", help="One model of all these data sets, single images among them.")
    ] = False,
    method: Annotated[
        str, typer.Option(help="embedtrack; for single images embedseg, or embedseg-published: the paper's recipe.")
    ] = "embedtrack",
) -> None:
    """Train a model on annotated movies or images; an interrupted training goes on where it was."""
    from embedtrack.cli.display import training_bar
    from embedtrack.training.train import train as teach

    with training_bar(out.name) as bar:
        teach(
            datasets, out,
            minutes=minutes, epochs=epochs, device_name=device, seed=seed, init=init, all_cells=all_cells,
            method=method, overwrite=overwrite,
            on_record=bar,
        )  # fmt: skip
