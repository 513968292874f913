"""What ``embedtrack adapt`` is worth: ``python -m benchmarks.adapt Fluo-N2DH-SIM+=Fluo-N2DH-GOWT1/01 --minutes 10``.

A model that a movie trained nothing of teaches itself on the movie; the movie's truth then scores it, and the model as
it was, in one view. The model may be the folder of one that ``benchmarks.crossvalidate`` trained on the other half.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.parts import take
from benchmarks.scoring import LINKING, MEASURES, SILVER, cells_of, markdown, place, score
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.convention import REPOSITORY, data_root, model_folder
from embedtrack.cli.display import start_logging
from embedtrack.cli.options import frame_range
from embedtrack.movies.open import open_movie
from embedtrack.options import FOUND, Diameter
from embedtrack.training.self_training import self_train
from embedtrack.training.train import finished

SHOWN = (*MEASURES, SILVER, *LINKING)


def main(
    pairs: Annotated[list[str], typer.Argument(help="MODEL=DATASET/MOVIE, of $DATA_ROOT; a name or a folder.")],
    minutes: Annotated[float, typer.Option(help="Budget of each adaptation.")] = 10.0,
    frames: Annotated[str | None, typer.Option(help="Take these of the movie alone, e.g. 0:40.")] = None,
    last: Annotated[int | None, typer.Option(help="Score the last frames alone, so many.", min=2)] = None,
    seeds: Annotated[int, typer.Option(help="So many adaptations of each.", min=1)] = 1,
    sized: Annotated[bool, typer.Option("--sized", help="Bring the model to the movie's cells first.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Annotated[Path, typer.Option(help="Where the models lie; those that are there are only scored.")] = REPOSITORY
    / "adapted",
) -> None:
    """Print the scores of each pair, before and after."""
    start_logging()
    table = Table("model", "movie", "weights", *SHOWN)
    for pair in pairs:
        name, _, movie = pair.partition("=")
        model, folder = model_folder(Path(name)), data_root() / movie
        short = "-".join((model.name, *Path(movie).parts))
        if span := frame_range(frames):
            short += f"-{span[0]}-{span[-1]}"
            folder = take(folder, span, out / f"{short}-frames")
        numbers = sorted(layout.open_frames(folder))[-(last or 0) :]
        scored = range(numbers[0], numbers[-1] + 1)
        wanted: Diameter = FOUND if sized else None
        known: dict[str, tuple[Path, Diameter]] = {"as they were": (model, None)}
        if sized:
            known["brought to the cells"] = (model, FOUND)
        for seed in range(seeds):
            new = out / f"{short}-seed{seed}"
            if not finished(new):
                self_train(
                    open_movie(folder), model, new, minutes=minutes, seed=seed, device_name=device, diameter=wanted
                )
            known[f"adapted, seed {seed}"] = (new, None)
        for words, (weights, size) in known.items():
            network = place(checkpoint.load(weights), device)
            found = score(folder, network, 1, scored, precision="float32", diameter=size)
            table.add_row(model.name, movie, words, *cells_of(found, SHOWN))
    Console().print(table)
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.md").write_text(markdown(table) + "\n")


if __name__ == "__main__":
    typer.run(main)
