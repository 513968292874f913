"""Learn what decisions about tracks cost: ``python -m benchmarks.tracking_costs DATASET... [--model FOLDER]``.

Only frames that trained no network may teach this: those that were held back, those that the folds of
``benchmarks.crossvalidate`` score (``--folds``), or others (``--weights``, ``--first``, ``--last``). Where there are
too few of them, training frames may be made so much worse (``--blur``, ``--grain``) that the network merges and misses
as many cells as in a new movie.

Weights of evidence come from logistic regressions, see ``tracks/learn.py``. With ``--search``, what it costs to appear
or vanish, and how readily cells and divisions are believed, follow from the best (TRA + BIO) / 2 of the same frames.
With ``--check`` each data set is also scored with what the others teach.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated, Any, NamedTuple

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.crossvalidate import folds
from benchmarks.scoring import place, segmenter
from benchmarks.validation import frames_of
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.aogm import match_labels
from embedtrack.challenge.convention import data_root, dataset_of, models
from embedtrack.challenge.scores import Scores, cut, track_scores
from embedtrack.cli.display import start_logging
from embedtrack.config import Costs, ModelConfig
from embedtrack.files.whole import whole_file
from embedtrack.model_files import CONFIG
from embedtrack.movies.noise import noise
from embedtrack.tracks.learn import Examples, examples, learn
from embedtrack.tracks.tracker import Tracker, finished
from embedtrack.training import train as training
from embedtrack.truth.sequences import sequences
from embedtrack.types import Cells, Labels, Track

MEASURES = ("DET", "TRA", "LNK", "CT", "TF", "BC", "CCA", "BIO")
CHOICES: dict[str, tuple[float, ...]] = {
    "appear": (3, 4, 5, 7, 9),
    "cell": (-2, 0, 2, 4),
    "division": (-2, -1, 0, 1, 2),
}
"""Values of appearing and vanishing; what is added to the bias of the others."""

Datasets = Annotated[list[str], typer.Argument(help="Folders in $DATA_ROOT with tracks.")]
Weights = Annotated[Path | None, typer.Option(help="Weights that never saw the frames, for models/DATASET.")]
First = Annotated[int | None, typer.Option(help="First frame; by default those that were held back.")]
Last = Annotated[int | None, typer.Option(help="Last frame.")]
Folds = Annotated[Path | None, typer.Option("--folds", help="Those of benchmarks.crossvalidate: its --out.")]


class Part(NamedTuple):
    """The frames of a movie that teach, and what a network saw in them."""

    name: str
    cells: list[Cells]
    markers: list[Labels]
    tracks: list[Track]
    """Cut to the frames, the first of which is 0."""
    border: int
    tolerance: int
    max_gap: int


def worse(image: NDArray[Any], blur: float, grain: float) -> NDArray[np.float32]:
    """Grey values [H, W] as of a worse microscope: blurred, and with noise of so many times their own."""
    grey = image.astype(np.float32)
    sigma, rng = grain * noise(grey), np.random.default_rng(int(image.sum()))
    soft = cv2.GaussianBlur(grey, (0, 0), blur) if blur else grey
    return np.asarray(soft + rng.normal(0, sigma, grey.shape), np.float32)


class Source(NamedTuple):
    """Frames that trained nothing of a network."""

    name: str
    folder: Path
    weights: Path
    frames: range


def sources(
    datasets: Iterable[str], weights: Path | None, first: int | None, last: int | None, out: Path | None
) -> list[Source]:
    """The folds below ``out`` that are trained; without it each data set's last sequence.

    Of the sequence the frames held back from its shipped model or ``weights`` are taken, or those from ``first`` to
    ``last``.
    """
    if out:
        return [
            Source(f"{name} {fold.name}", fold.scored, model, fold.frames or range(10**6))
            for name in datasets
            if (out / name).is_dir()  # else folds would be laid out there
            for fold in folds(data_root() / name, out / name)
            if training.finished(model := out / name / f"{fold.name}-seed0")
        ]
    found = []
    for name in datasets:
        folder, model = sequences(data_root() / name)[-1], weights or models() / name
        frames = frames_of(model, folder)
        if first is not None or last is not None:
            frames = range(first or 0, (10**6 if last is None else last) + 1)
        found.append(Source(name, folder, model, frames))
    return found


def part(source: Source, device: str, blur: float = 0, grain: float = 0) -> Part:
    """Segment some frames of a sequence, made worse, in one view."""
    name, folder, weights, frames = source
    model = place(checkpoint.load(weights), device)
    paths, truth, rules = layout.open_frames(folder), layout.open_truth(folder), dataset_of(folder)
    chosen = [number for number in sorted(paths) if number in frames and number in truth.markers]
    images = (worse(layout.read_frame(paths[number]), blur, grain) for number in chosen)
    return Part(
        name,
        [frame.cells for frame in segmenter(model, 1, "auto").movie(images)],
        [layout.read_labels(truth.markers[number]) for number in chosen],
        cut(truth.tracks, chosen[0], chosen[-1]),
        rules.border,
        rules.cycle_tolerance,
        model.config.linking.max_gap,
    )


def parts_of(asked: Sequence[Source], device: str, blur: float = 0, grain: float = 0) -> Iterator[tuple[Part, Costs]]:
    """Of each source what a network saw in its frames, with the costs of its weights.

    Raises:
        typer.BadParameter: there is none.
    """
    if not asked:
        raise typer.BadParameter("expected --folds with trained models in it, got none; see benchmarks.crossvalidate")
    for source in asked:
        yield part(source, device, blur, grain), checkpoint.read_config(source.weights / CONFIG).costs


def lessons(one: Part) -> dict[str, Examples]:
    """What it teaches."""
    return examples(zip(one.cells, one.markers, strict=True), one.tracks, 0, one.border, one.max_gap)


def linked(one: Part, costs: Costs) -> tuple[Iterator[tuple[Labels, Labels]], Tracker]:
    """The truth and the result of each frame, int32[H, W], when it is decided; then the tracks are the tracker's."""
    tracker = Tracker(ModelConfig(costs=costs), one.border, one.max_gap, crumbs=True)
    masks = zip(one.markers, finished(tracker, one.cells), strict=True)
    return ((truth, mask.astype(np.int32)) for truth, mask in masks), tracker


def score(one: Part, costs: Costs) -> Scores:
    """The measures of its tracks."""
    pairs, tracker = linked(one, costs)
    matches = [match_labels(*pair) for pair in pairs]
    return track_scores(matches, one.tracks, tracker.tracks(), one.tolerance)


def worth(parts: Iterable[Part], costs: Costs) -> float:
    """The mean of (TRA + BIO) / 2."""
    scores = [score(one, costs) for one in parts]
    return mean(((found["TRA"] or 0.0) + (found["BIO"] or 0.0)) / 2 for found in scores)


def search(start: Costs, merit: Callable[[Costs], float]) -> Costs:
    """The best of CHOICES, one after the other."""
    best = start
    for name, values in CHOICES.items():
        best = max([best, *(_changed(best, name, value) for value in values)], key=merit)
    return best


def _changed(costs: Costs, name: str, value: float) -> Costs:
    if name == "appear":
        return costs.model_copy(update={"appear": value, "vanish": value})
    weights = getattr(costs, name)
    return costs.model_copy(update={name: weights | {"bias": weights.get("bias", 0.0) + value}})


def main(
    datasets: Datasets,
    weights: Weights = None,
    first: First = None,
    last: Last = None,
    out: Folds = None,
    blur: Annotated[float, typer.Option(help="Blur frames that trained a network: standard deviation, pixels.")] = 0,
    grain: Annotated[float, typer.Option(help="... and add noise of so many times their own.")] = 0,
    model: Annotated[Path | None, typer.Option(help="Write the costs into this model's config.json.")] = None,
    searching: Annotated[bool, typer.Option("--search", help="Search for the best biases too.")] = False,
    check: Annotated[bool, typer.Option(help="Learn from all but one, score that one, for each.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print what was learnt and how good it is."""
    start_logging()
    asked = sources(datasets, weights, first, last, out)
    parts = [one for one, _ in parts_of(asked, device, blur, grain)]
    taught = [lessons(one) for one in parts]
    table = Table("data set", "costs", *MEASURES)
    for index, one in enumerate(parts):
        others = [lesson for number, lesson in enumerate(taught) if number != index]
        for label, costs in (("default", Costs()), *([("of the others", learn(others))] if check and others else [])):
            _row(table, one.name, label, score(one, costs))
    learnt = learn(taught)
    if searching:
        learnt = search(learnt, lambda costs: worth(parts, costs))
    for one in parts:
        _row(table, one.name, "learnt here", score(one, learnt))
    Console().print(table)
    Console().print_json(learnt.model_dump_json())
    if model:
        config = checkpoint.read_config(model / CONFIG).model_copy(update={"costs": learnt})
        with whole_file(model / CONFIG) as file:
            file.write_text(config.model_dump_json(indent=2, exclude_unset=True) + "\n")


def _row(table: Table, name: str, label: str, scores: Scores) -> None:
    values = [scores.get(measure) for measure in MEASURES]
    table.add_row(name, label, *("-" if value is None else f"{value:.3f}" for value in values))


if __name__ == "__main__":
    typer.run(main)
