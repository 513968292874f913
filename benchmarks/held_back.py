"""Average precision on single images that trained nothing: ``python -m benchmarks.held_back DSB2018 Usiigaci``.

By default ``models/generalist``, each image at the diameter that the model finds by itself, and at the median diameter
of its cells, as if a person had said it; a model with a scale of its own as it is, too. In one view, or in each number
of ``--views``.
"""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import markdown
from embedtrack import checkpoint
from embedtrack.challenge.average_precision import average, matches
from embedtrack.challenge.convention import data_root, models
from embedtrack.challenge.stills import Part, Still, open_stills, part_of
from embedtrack.cli.display import start_logging
from embedtrack.model import Model
from embedtrack.movies.scale import typical_diameter
from embedtrack.options import FOUND, Options

THRESHOLDS = (50, 60, 70, 80, 90)
AS_IT_IS, BY_ITSELF, TOLD = "as it is", "found", "told"


def precisions(model: Model, stills: list[Still], size: str, views: int, device: str) -> list[float]:
    """The means over the images, at each threshold."""
    found = []
    for still in stills:
        grey, truth = still.read()
        options = Options(views=views, device=device)
        if size != AS_IT_IS:
            options = replace(options, diameter=typical_diameter([truth]) if size == TOLD else FOUND)
        labels = model.segment(np.asarray(grey), options)
        found.append(matches(truth, labels, THRESHOLDS))
    return [float(value) for value in average(np.stack(found))]


def main(
    datasets: Annotated[list[str], typer.Argument(help="Folders of images and masks in $DATA_ROOT.")],
    weights: Annotated[Path | None, typer.Option(help="A model's folder.")] = None,
    part: Annotated[str, typer.Option(help="held back, or validation.")] = "held back",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    views: Annotated[list[int] | None, typer.Option(help="In so many, by default in one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Writes the table there too.")] = None,
) -> None:
    """Print the table."""
    start_logging()
    if part not in ("held back", "validation"):
        raise ValueError(f"expected --part 'held back' or validation, got {part}")
    folder = weights or models() / "generalist"
    model = checkpoint.load(folder)
    table = Table(
        "images",
        "number",
        "diameter",
        "views",
        *(f"AP {threshold / 100}" for threshold in THRESHOLDS),
        title=folder.name,
    )
    for name in datasets:
        stills = chosen(data_root() / name, "held back" if part == "held back" else "validation")
        sizes = (BY_ITSELF, TOLD) if model.config.working_diameter else (AS_IT_IS, BY_ITSELF, TOLD)
        for size, number in product(sizes, views or (1,)):
            scores = [f"{score:.3f}" for score in precisions(model, stills, size, number, device)]
            table.add_row(name, str(len(stills)), size, str(number), *scores)
    Console().print(table)
    if out:
        out.write_text(markdown(table) + "\n")


def chosen(dataset: Path, part: Part) -> list[Still]:
    """The images of a part that have cells."""
    return [still for still in open_stills(dataset) if part_of(still.name) == part and still.read()[1].any()]


if __name__ == "__main__":
    typer.run(main)
