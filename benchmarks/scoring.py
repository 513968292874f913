"""A model's scores on a sequence or a part of it; what validation, cross-validation and ablation have in common."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.table import Table

from embedtrack.challenge import layout
from embedtrack.challenge.convention import data_root, dataset_of, model_names
from embedtrack.challenge.evaluate import evaluate
from embedtrack.challenge.scores import Scores, jaccards
from embedtrack.challenge.writer import ResultWriter
from embedtrack.files.lazy import Lazy
from embedtrack.files.names import numbered
from embedtrack.inference.adapt import adapt
from embedtrack.inference.segmenter import Segmenter
from embedtrack.machine import device
from embedtrack.model import Model
from embedtrack.options import Diameter, Options
from embedtrack.tracks.cells import at_rest
from embedtrack.tracks.rules import remove_border
from embedtrack.tracks.tracker import Tracker, finished

MEASURES = ("SEG", "DET", "TRA")
LINKING = ("LNK", "BIO")
"""What biologists count: links, and whole tracks with their divisions."""
SILVER = "SEG (silver)"
"""SEG with the silver masks in the place of the gold ones, which often are of few frames."""


def score(
    folder: Path,
    model: Model,
    views: int,
    frames: range | None = None,
    *,
    offsets: bool = True,
    precision: str = "auto",
    diameter: Diameter = None,
) -> Scores:
    """Segment and track a sequence, or some frames of it as a movie of its own; the measures and seconds per frame.

    Without tracking truth the frames need not follow each other, and SEG is all that is measured. Where there is
    silver truth, SILVER is measured too.

    Args:
        folder: e.g. ``Fluo-N2DH-SIM+/01``, with ``01_GT`` beside it.
        model: on the device where it shall run.
        views: 1 or 8.
        frames: the numbers of the frames, all by default.
        offsets: whether cells are linked by the tracking offsets; else by their overlap.
        precision: as in ``embedtrack infer``.
        diameter: what the model is brought to.
    """
    paths, truth = layout.open_frames(folder), layout.open_truth(folder)
    chosen = {number: path for number, path in paths.items() if frames is None or number in frames}
    images = Lazy(len(chosen), lambda index: layout.read_frame(list(chosen.values())[index]))
    model = adapt(model, images, Options(device=str(model.device), precision=precision, diameter=diameter))
    begin = time.perf_counter()
    if not truth.markers:
        both = {number: path for number, path in chosen.items() if number in truth.gold}
        frames_of = segmenter(model, views, precision).movie(list(both.values()))
        overlaps = [
            jaccards(layout.read_labels(truth.gold[n]), frame.cells.labels)
            for n, frame in zip(both, frames_of, strict=True)
        ]
        seconds = (time.perf_counter() - begin) / max(len(both), 1)
        flat = [overlap for frame in overlaps for overlap in frame]
        return {"SEG": float(np.mean(flat)) if flat else None, "seconds": seconds}
    with tracked(folder, model, views, chosen, offsets=offsets, precision=precision) as out:
        seconds = (time.perf_counter() - begin) / len(chosen)
        rules, gold = dataset_of(folder), folder.with_name(f"{folder.name}_GT")
        scores = evaluate(gold, out, cycle_tolerance=rules.cycle_tolerance, frames=range(min(chosen), max(chosen) + 1))
        silver = {n: truth.silver[n] for n in chosen if n in truth.silver}
        return {**scores, SILVER: silver_seg(silver, out, rules.border), "seconds": seconds}


def silver_seg(silver: Mapping[int, Path], result: Path, border: int) -> float | None:
    """SEG of a result folder on silver masks, by frame number, without those of the border that no one scores."""
    made = {file.number: file.path for file in numbered(result, "mask")}
    flat: list[float] = []
    for number, path in silver.items():
        flat += jaccards(remove_border(layout.read_labels(path), border), layout.read_labels(made[number]))
    return float(np.mean(flat)) if flat else None


@contextmanager
def tracked(
    folder: Path, model: Model, views: int, chosen: Mapping[int, Path], *, offsets: bool = True, precision: str = "auto"
) -> Iterator[Path]:
    """The result folder of some consecutive frames of a sequence, as a movie of its own; it goes at the end."""
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / Path(os.path.abspath(folder)).parent.name / folder.name
        part.mkdir(parents=True)
        for path in chosen.values():
            (part / path.name).symlink_to(path.resolve())
        out = part.with_name(f"{part.name}_RES")
        track(part, model, out, views, offsets=offsets, precision=precision)
        yield out


def track(folder: Path, model: Model, out: Path, views: int, *, offsets: bool, precision: str) -> None:
    """What ``embedtrack infer`` does, with a model in memory."""
    sequence = layout.open_frame_folder(folder)
    tracker = Tracker(model.config, dataset_of(folder).border)
    cells = (frame.cells for frame in segmenter(model, views, precision).movie(sequence.paths))
    if not offsets:
        cells = (one._replace(origin=at_rest(one.labels.shape)) for one in cells)
    with ResultWriter(out, sequence) as writer:
        for index, mask in enumerate(finished(tracker, cells)):
            writer.write(index, mask)
        writer.commit(tracker.tracks())


def segmenter(model: Model, views: int, precision: str) -> Segmenter:
    """The model at work, on the device where it is."""
    return Segmenter(model, Options(views=views, device=str(model.device), precision=precision))


def shipped() -> list[str]:
    """The data sets with weights and data."""
    return [name for name in model_names() if (data_root() / name).is_dir()]


def place(model: Model, device_name: str) -> Model:
    """The model on a device."""
    device.move(model.network, device.choose(device_name))
    return model


def cells_of(scores: Scores, measures: Sequence[str] = MEASURES) -> list[str]:
    """SEG, DET and TRA, or other measures, as a table's cells."""
    values = [scores.get(measure) for measure in measures]
    return ["-" if value is None else f"{value:.3f}" for value in values]


def markdown(table: Table) -> str:
    """A table in Markdown."""
    columns = [list(column.cells) for column in table.columns]
    rows = [[str(column.header) for column in table.columns], ["---"] * len(columns), *zip(*columns, strict=True)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
