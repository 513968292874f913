"""What less truth costs: ``python -m benchmarks.truth DATASET --minutes 8``.

The last movie is scored, whole; the first one trains, once with all of its truth and then with parts: gold masks and
markers alone, or ten frames, each from random initialisation and from the weights of another data set. Every one has
the same budget but the shorter one of fine-tuning. What is finished is not done again, what was stopped goes on.
"""

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.parts import take
from benchmarks.scoring import MEASURES, cells_of, markdown, place, score
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.convention import REPOSITORY, data_root, models
from embedtrack.challenge.scores import Scores
from embedtrack.cli.display import start_logging
from embedtrack.training import train as training
from embedtrack.truth.sequences import sequences

FEW = 10
"""Frames that a user may annotate in an afternoon."""


class Part(NamedTuple):
    """A part of the truth, and how it trains."""

    silver: bool = True
    """Whether silver masks are seen."""
    frames: int | None = None
    """So many frames from the beginning, all by default."""
    tuned: bool = False
    """Whether other weights are fine-tuned."""
    budget: float = 1.0
    """Share of the budget."""


PARTS: dict[str, Part] = {
    "silver masks of all frames": Part(),
    "gold masks and markers alone": Part(silver=False),
    "gold masks and markers alone, fine-tuned": Part(silver=False, tuned=True),
    "ten frames": Part(frames=FEW),
    "ten frames, fine-tuned": Part(frames=FEW, tuned=True),
    "ten frames, fine-tuned, half the time": Part(frames=FEW, tuned=True, budget=0.5),
}


def run(name: str, dataset: Path, out: Path, init: Path, minutes: float, device: str) -> dict[int, Scores]:
    """Train on a part of the first movie's truth and score the last movie, in one view and in eight; done once."""
    part, movies = PARTS[name], sequences(dataset)
    model, file = out / name.replace(",", "").replace(" ", "-"), out / f"{name}.json"
    if not training.finished(model):
        numbers = sorted(layout.open_frames(movies[0]))[: part.frames]
        folder = take(movies[0], numbers, model.with_name(f"{model.name}-truth") / dataset.name, silver=part.silver)
        training.train(
            [folder.parent], model, minutes=minutes * part.budget, device_name=device, init=init if part.tuned else None
        )
    if not file.is_file():
        loaded = place(checkpoint.load(model), device)
        file.write_text(json.dumps({views: score(movies[-1], loaded, views) for views in (1, 8)}))
    return {int(views): scores for views, scores in json.loads(file.read_text()).items()}


def main(
    dataset: Annotated[str, typer.Argument(help="A folder in $DATA_ROOT with two movies, or a path.")],
    minutes: Annotated[float, typer.Option(help="Budget of each training.")],
    init: Annotated[Path | None, typer.Option(help="The weights to fine-tune; of another data set.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Parts by name, all by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where models and scores lie.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print the table of the parts."""
    start_logging()
    folder = Path(dataset) if Path(dataset).is_dir() else data_root() / dataset
    place_of = out or REPOSITORY / "truth" / folder.name
    movies = sequences(folder)
    if len(movies) < 2:
        raise typer.BadParameter(f"expected two annotated movies or more in {folder}, got {movies[0].name} alone")
    table = Table(
        "truth of the training movie", "minutes", "views", *MEASURES, title=f"{folder.name}/{movies[-1].name}"
    )
    for name in only or PARTS:
        found = run(name, folder, place_of, init or models() / "Fluo-N2DH-SIM+", minutes, device)
        for views, scores in found.items():
            table.add_row(name, f"{minutes * PARTS[name].budget:g}", str(views), *cells_of(scores))
    (place_of / "table.md").write_text(markdown(table) + "\n")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
