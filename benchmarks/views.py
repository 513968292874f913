"""Which views are worth their time: ``python -m benchmarks.views [DATASET...] --frames 6``.

The network sees validation frames of the shipped weights in each of the eight views once. Means over some of the views
are clustered and scored, each frame by itself: over those that ``infer`` takes, over each pair with the frame as it is,
and over other groups of four.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.links import Views
from benchmarks.scoring import markdown, place, shipped
from benchmarks.validation import frames_of
from embedtrack import checkpoint
from embedtrack.challenge.convention import data_root, models
from embedtrack.challenge.scores import jaccards
from embedtrack.cli.display import start_logging
from embedtrack.config import ModelConfig
from embedtrack.inference.symmetry import AVERAGED, SYMMETRIES, Symmetry
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.maps import Maps, to_frame
from embedtrack.methods.embedtrack.movie import pixel_size
from embedtrack.model import Model
from embedtrack.training.calibrate import detection_errors
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.reading import read_annotated
from embedtrack.truth.sequences import sequences
from embedtrack.types import Frame, Labels

WORDS = {
    Symmetry(1, False): "quarter turn",
    Symmetry(2, False): "half turn",
    Symmetry(3, False): "quarter turn back",
    Symmetry(0, True): "left and right",
    Symmetry(1, True): "main diagonal",
    Symmetry(2, True): "up and down",
    Symmetry(3, True): "other diagonal",
}
SETS: Mapping[str, Sequence[Symmetry]] = {
    **{f"{number} as taken": views for number, views in AVERAGED.items()},
    **{f"2: {word}": (SYMMETRIES[0], symmetry) for symmetry, word in WORDS.items()},
    "4: turns": SYMMETRIES[:4],
    "4: half turn and flips": (SYMMETRIES[0], Symmetry(2, False), Symmetry(0, True), Symmetry(2, True)),
}
"""What is averaged, by its name in the table."""


class Tally(NamedTuple):
    """Of the frames seen so far."""

    overlaps: list[float]
    """The Jaccard index of each annotated mask."""
    errors: list[int]
    """Of detection, weighted, and as many for an empty result: two for each frame."""

    def scores(self) -> list[str]:
        """SEG over all masks, and DET."""
        seg = f"{np.mean(self.overlaps):.4f}" if self.overlaps else "-"
        return [seg, f"{1 - sum(self.errors[::2]) / max(sum(self.errors[1::2]), 1):.4f}"]


def cells_by(
    seen: Mapping[Symmetry, Maps[Frame]], config: ModelConfig, shape: tuple[int, int]
) -> Iterator[tuple[str, Labels]]:
    """The cells int32[H, W] by the mean of each of ``SETS``, of what each view of a frame (H, W) gives."""
    for name, views in SETS.items():
        mean = Maps(*(np.mean(parts, axis=0) for parts in zip(*(seen[view] for view in views), strict=True)))
        maps = to_frame(mean, shape, config.scale)
        yield name, cluster(maps, config.offsets.clustering, pixel_size(config))


def measure(model: Model, movie: AnnotatedMovie, numbers: range, frames: int) -> dict[str, Tally]:
    """The tallies of each of ``SETS`` on at most so many of the frames with these numbers, those with masks first."""
    views, found = Views(model, "auto"), defaultdict[str, Tally](lambda: Tally([], []))
    times = [t for t, number in enumerate(movie.numbers) if number in numbers]
    times = [t for t in times if movie.has_masks(t)] or times
    for t in times[:: -(-len(times) // frames)]:
        truth = movie.truth[t]
        shape = (truth.labels.shape[0], truth.labels.shape[1])
        for name, labels in cells_by(views(movie.frames[t]), model.config, shape):
            found[name].overlaps.extend(jaccards(truth.masks(), labels))
            found[name].errors.extend(detection_errors(truth.labels, labels))
    return found


def main(
    datasets: Annotated[list[str] | None, typer.Argument(help="By default all with weights and data.")] = None,
    frames: Annotated[int, typer.Option(help="At most so many of each movie.", min=1)] = 6,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Writes the table there too.")] = None,
) -> None:
    """Print SEG and DET of each data set, over the masks and cells of its movies."""
    start_logging()
    names = datasets or shipped()
    columns: list[list[list[str]]] = []
    for name in names:
        model, total = place(checkpoint.load(models() / name), device), {one: Tally([], []) for one in SETS}
        for folder in sequences(data_root() / name):
            movie = read_annotated(folder, model.config.normalisation, model.config.scale)
            for one, tally in measure(model, movie, frames_of(models() / name, folder), frames).items():
                total[one].overlaps.extend(tally.overlaps)
                total[one].errors.extend(tally.errors)
        columns.append([total[one].scores() for one in SETS])
    table = Table("views", *(f"{name}: SEG, DET" for name in names))
    for one, *cells in zip(SETS, *columns, strict=True):
        table.add_row(one, *(", ".join(cell) for cell in cells))
    Console().print(table)
    if out:
        out.write_text(markdown(table) + "\n")


if __name__ == "__main__":
    typer.run(main)
