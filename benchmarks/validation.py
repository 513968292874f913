"""Scores of the shipped weights on their validation frames: ``python -m benchmarks.validation [DATASET...]``.

The frames of each training movie in ``$DATA_ROOT`` that chose weights and thresholds but trained nothing (its last
tenth where all is annotated) are segmented and tracked as a movie of their own, in one to eight views, and scored by
the challenge's measures.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import LINKING, MEASURES, SILVER, cells_of, markdown, place, score, shipped
from embedtrack import checkpoint
from embedtrack.challenge.convention import data_root, models
from embedtrack.cli.display import start_logging
from embedtrack.model_files import CARD, noted_validation
from embedtrack.movies.settings import Normalisation
from embedtrack.options import VIEWS
from embedtrack.training.recipes import recipe_for
from embedtrack.truth.holdout import split
from embedtrack.truth.reading import read_annotated
from embedtrack.truth.sequences import sequences


def held_back(folder: Path, share: float) -> range:
    """The numbers of the frames of a sequence that validate and do not train, as training leaves them out."""
    _, [movie] = split([read_annotated(folder, Normalisation())], share)
    return range(movie.numbers[0], movie.numbers[-1] + 1)


def frames_of(model: Path, folder: Path) -> range:
    """The numbers of the frames of a sequence that trained nothing of a model: those that its card names.

    The truth may have grown since the training. Where the card names none they are those that training leaves out.
    """
    dataset = folder.parent.name
    named = noted_validation(model / CARD).get(f"{dataset}/{folder.name}")
    return named or held_back(folder, recipe_for(dataset).validation)


def main(
    datasets: Annotated[list[str] | None, typer.Argument(help="By default all with weights and data.")] = None,
    precision: Annotated[str, typer.Option(help="auto, float32, bfloat16 or int8.")] = "float32",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    asked: Annotated[list[int] | None, typer.Option("--views", help="In so many; by default in 1, 2, 4 and 8.")] = None,
    out: Annotated[Path | None, typer.Option(help="Writes the table there too, for docs/results.md.")] = None,
    weights: Annotated[Path | None, typer.Option(help="A model's folder, instead of models/DATASET.")] = None,
) -> None:
    """Print the table of ``docs/results.md``."""
    start_logging()
    root = data_root()
    names = datasets or shipped()
    measures = (*MEASURES, *LINKING, SILVER)
    table = Table("data set", "frames", "views", *measures, "s / frame")
    for name in names:
        model = place(checkpoint.load(weights or models() / name), device)
        for folder in sequences(root / name):
            frames = frames_of(weights or models() / name, folder)
            for views in asked or VIEWS:
                scores = score(folder, model, views, frames, precision=precision)
                span = f"{folder.name}: {frames[0]} to {frames[-1]}"
                table.add_row(name, span, str(views), *cells_of(scores, measures), f"{scores['seconds']:.2f}")
    Console().print(table)
    if out:
        out.write_text(markdown(table) + "\n")


if __name__ == "__main__":
    typer.run(main)
