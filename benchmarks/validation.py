"""Scores of the shipped weights on their validation frames: ``python -m benchmarks.validation [DATASET...]``.

The last tenth of each training movie in ``$DATA_ROOT``, which chose weights and thresholds but trained nothing, is
segmented and tracked as a movie of its own, in one view and in eight, and scored by the challenge's measures.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from embedtrack.challenge import data_root, models
from embedtrack.data import ctc
from embedtrack.display import start_logging
from embedtrack.evaluate import evaluate
from embedtrack.infer import dataset_of, track
from embedtrack.train import recipe_for, sequences

MEASURES = ("SEG", "DET", "TRA")


def held_back(folder: Path, share: float) -> range:
    """The numbers of the frames at the end of a sequence that validate and do not train."""
    sequence = ctc.open_sequence(folder)
    first = sequence.first + round(len(sequence) * (1 - share))
    return range(first, sequence.last + 1)


def score(folder: Path, model: Path, frames: range, views: int) -> dict[str, float | None]:
    """Track some frames of a sequence as a movie of its own and score them; adds seconds per frame."""
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / Path(os.path.abspath(folder)).parent.name / folder.name
        part.mkdir(parents=True)
        sequence = ctc.open_sequence(folder)
        for path in sequence.paths[frames[0] - sequence.first :]:
            (part / path.name).symlink_to(path.resolve())
        out = part.with_name(f"{part.name}_RES")
        begin = time.perf_counter()
        track(part, model, out, views=views)
        seconds = (time.perf_counter() - begin) / len(frames)
        tolerance = dataset_of(folder).cycle_tolerance
        truth = folder.with_name(f"{folder.name}_GT")
        return {**evaluate(truth, out, cycle_tolerance=tolerance, frames=frames), "seconds": seconds}


def main(
    datasets: Annotated[list[str] | None, typer.Argument(help="By default all with weights and data.")] = None,
) -> None:
    """Print the table of the README."""
    start_logging()
    root = data_root()
    names = datasets or sorted(p.name for p in models().iterdir() if p.is_dir() and (root / p.name).is_dir())
    columns = ("data set", "frames", "views", *MEASURES, "s / frame")
    table = Table(*columns)
    for name in names:
        for folder in sequences(root / name):
            frames = held_back(folder, recipe_for(name).validation)
            for views in (1, 8):
                scores = score(folder, models() / name, frames, views)
                cells = [f"{value:.3f}" if (value := scores[key]) is not None else "-" for key in MEASURES]
                span = f"{folder.name}: {frames[0]} to {frames[-1]}"
                table.add_row(name, span, str(views), *cells, f"{scores['seconds']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
