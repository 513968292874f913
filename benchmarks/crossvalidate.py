"""Train on all movies but one, score that one: ``python -m benchmarks.crossvalidate DATASET --minutes N``.

With two movies this is the protocol of Payer et al. 2019. A fold that is finished is not done again; one that was
stopped goes on. Models and scores lie in ``crossvalidation/DATASET``, the table too.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import MEASURES, cells_of, markdown, place, score
from embedtrack import checkpoint
from embedtrack.challenge.convention import REPOSITORY, data_root
from embedtrack.challenge.evaluate import Scores
from embedtrack.cli.display import start_logging
from embedtrack.training import train as training
from embedtrack.truth.sequences import sequences

PUBLISHED: dict[str, dict[str, Scores]] = {
    "DIC-C2DH-HeLa": {"Payer et al. 2019": {"SEG": 0.780, "TRA": 0.924}},
    "Fluo-N2DH-GOWT1": {"Payer et al. 2019": {"SEG": 0.777, "TRA": 0.976}},
    "PhC-C2DH-U373": {"Payer et al. 2019": {"SEG": 0.748, "TRA": 0.951}},
}
"""Two-fold cross-validations over the training movies."""


def fold(
    dataset: Path,
    movie: Path,
    others: Sequence[Path],
    out: Path,
    minutes: float | None,
    epochs: float | None,
    device: str,
) -> dict[int, Scores]:
    """Train on the other movies and score this one, whole, in one view and in eight; done once."""
    model, file = out / f"without-{movie.name}", out / f"{movie.name}.json"
    if not training.finished(model):
        training.train([dataset], model, minutes=minutes, epochs=epochs, device_name=device, folders=others)
    if not file.is_file():
        loaded = place(checkpoint.load(model), device)
        found = {views: score(movie, loaded, views) for views in (1, 8)}
        file.write_text(json.dumps(found))
    return {int(views): scores for views, scores in json.loads(file.read_text()).items()}


def crossvalidate(
    dataset: Path, out: Path, *, minutes: float | None = None, epochs: float | None = None, device: str = "auto"
) -> Table:
    """All folds, and their means beside the published figures.

    Raises:
        ValueError: fewer than two annotated movies.
    """
    movies = sequences(dataset)
    if len(movies) < 2:
        raise ValueError(f"expected two annotated movies or more in {dataset}, got {movies[0].name} alone")
    table = Table("scored", "trained on", "views", *MEASURES, title=dataset.name)
    folds: dict[int, list[Scores]] = {1: [], 8: []}
    for movie in movies:
        others = [other for other in movies if other != movie]
        for views, scores in fold(dataset, movie, others, out, minutes, epochs, device).items():
            folds[views].append(scores)
            table.add_row(movie.name, ", ".join(other.name for other in others), str(views), *cells_of(scores))
    for views, found in folds.items():
        table.add_row("mean", "", str(views), *cells_of(means(found)))
    for name, scores in PUBLISHED.get(dataset.name, {}).items():
        table.add_row(name, "", "", *cells_of(scores))
    (out / "table.md").write_text(markdown(table) + "\n")
    return table


def means(found: Sequence[Scores]) -> Scores:
    """The mean of each measure, where every fold has it."""
    columns = {measure: [scores.get(measure) for scores in found] for measure in MEASURES}
    return {
        measure: None if None in column else mean(v for v in column if v is not None)
        for measure, column in columns.items()
    }


def main(
    dataset: Annotated[str, typer.Argument(help="A folder in $DATA_ROOT, or a path.")],
    minutes: Annotated[float | None, typer.Option(help="Budget of each fold's training.")] = None,
    epochs: Annotated[float | None, typer.Option(help="The same in passes over the data.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where models and scores lie.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print the table of the folds."""
    start_logging()
    folder = Path(dataset) if Path(dataset).is_dir() else data_root() / dataset
    place_of = out or REPOSITORY / "crossvalidation" / folder.name
    Console().print(crossvalidate(folder, place_of, minutes=minutes, epochs=epochs, device=device))


if __name__ == "__main__":
    typer.run(main)
