"""Where a model loses its score: ``python -m benchmarks.errors DATASET...``.

The validation frames are segmented, and tracked where there are tracks, as in ``benchmarks.validation``. Two tables say
which kinds of errors cost how much: of SEG, the mean over the cells of 1 - Jaccard index; of TRA, the errors' AOGM over
that of an empty result. The frames that lose most are drawn with their errors, into ``errors/DATASET``.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import markdown, place, segmenter, shipped, tracked
from benchmarks.validation import held_back
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.aogm import edges, match_labels
from embedtrack.challenge.convention import REPOSITORY, data_root, dataset_of, models
from embedtrack.challenge.pair import open_raw
from embedtrack.challenge.scores import cut
from embedtrack.challenge.tracked import open_tracked
from embedtrack.cli.display import start_logging
from embedtrack.files.lazy import Lazy
from embedtrack.looks.errors import WEIGHTS, find_errors
from embedtrack.looks.show import show
from embedtrack.model import Model
from embedtrack.tracked import Tracked
from embedtrack.tracks.relabel import present
from embedtrack.tracks.rules import remove_border
from embedtrack.training.recipes import recipe_for
from embedtrack.truth.sequences import sequences
from embedtrack.types import Labels, Track

OUTLINES = ("missed", "seen in part", "merged", "split", "outline")
"""What a cell may suffer from: of most of its area there is no mask, or a mask that it shares, or several, or one."""
SEEN = 0.1
"""A cell of which masks cover a smaller share is missed, one of which they cover more is seen in part."""


class Losses(NamedTuple):
    """1 - SEG and 1 - TRA of some frames, by kind of error."""

    seg: dict[str, list[float]]
    """Kind of OUTLINES -> 1 - Jaccard index of each cell that suffers from it."""
    tra: dict[str, list[float]]
    """Kind of error -> its part of AOGM."""
    empty: float
    """AOGM of an empty result."""
    frames: list[float]
    """For each frame the shares of SEG and of TRA that it loses, added."""


def seg_losses(gold: Labels, labels: Labels) -> Iterator[tuple[str, float]]:
    """For each mask of ``gold`` int32[H, W]: what the result ``labels`` int32[H, W] does with it, 1 - Jaccard index."""
    match = match_labels(gold, labels)
    finds = Counter(match.finders)
    found = {
        cell: (mask, jaccard) for cell, mask, jaccard in zip(match.found, match.finders, match.jaccards, strict=True)
    }
    area = np.bincount(labels.ravel())
    for cell in match.cells:
        inside = labels[gold == cell]
        masks, common = np.unique(inside[inside > 0], return_counts=True)
        own = masks[2 * common > area[masks]]  # they lie mostly within this cell
        if cell not in found:
            others = set(masks.tolist()) & finds.keys()
            kind = "split" if len(own) > 1 else "missed" if common.sum() < SEEN * inside.size else "seen in part"
            yield "merged" if kind != "missed" and others else kind, 1.0
        else:
            mask, jaccard = found[cell]
            yield "merged" if finds[mask] > 1 else "split" if len(own) > 1 else "outline", 1 - jaccard


def of_movie(folder: Path, model: Model, views: int, frames: range, pictures: Path, worst: int) -> Losses:
    """Track some frames of a movie, compare them with the truth, and draw the ``worst`` of them."""
    paths = layout.open_frames(folder)
    reference = part(open_tracked(folder.with_name(f"{folder.name}_GT")), frames)
    with tracked(folder, model, views, {number: paths[number] for number in frames}) as out:
        result = open_tracked(out)
        losses = compare(masks_of(folder, frames), reference, result)
        raw = open_raw(out.with_name(folder.name), result).frames
        for index in sorted(range(len(frames)), key=lambda index: -losses.frames[index])[:worst]:
            picture = pictures / f"{folder.name}-{result.spell(index)}.png"
            show(result, picture, raw, reference, range(index, index + 1))
    return losses


def of_stills(folder: Path, model: Model, views: int, frames: range, pictures: Path, worst: int) -> Losses:
    """The same for single frames with gold masks and without tracks: each one is a movie of its own."""
    paths, truth, border = layout.open_frames(folder), layout.open_truth(folder), dataset_of(folder).border
    numbers = [number for number in frames if number in truth.gold]
    frames_of = segmenter(model, views, "float32").movie([paths[number] for number in numbers])
    losses, stills = Losses(defaultdict(list), defaultdict(list), 0, []), []
    for number, frame in zip(numbers, frames_of, strict=True):
        images = layout.read_labels(truth.gold[number]), remove_border(frame.cells.labels, border)
        reference, result = (still(image, number) for image in images)
        found = compare([reference.masks[0]], reference, result)
        losses.frames.append(found.frames[0])
        for kind, values in found.seg.items():
            losses.seg[kind] += values
        stills.append((found.frames[0], reference, result))
    for _, reference, result in sorted(stills, key=lambda one: -one[0])[:worst]:
        picture = pictures / f"{folder.name}-{result.spell(0)}.png"
        show(result, picture, [layout.read_frame(paths[result.first])], reference, range(1))
    return losses


def still(labels: Labels, number: int) -> Tracked:
    """A single frame int32[H, W] as a movie."""
    tracks = [Track(int(label), 0, 0, 0) for label in present(labels)]
    return Tracked([labels], tracks, (labels.shape[0], labels.shape[1]), number)


def masks_of(folder: Path, frames: range) -> list[Labels | None]:
    """The masks of each frame that are scored, gold ones before silver ones, int32[H, W]."""
    truth, border = layout.open_truth(folder), dataset_of(folder).border
    paths = [truth.gold.get(number, truth.silver.get(number)) for number in frames]
    return [None if path is None else remove_border(layout.read_labels(path), border) for path in paths]


def compare(masks: Sequence[Labels | None], reference: Tracked, result: Tracked) -> Losses:
    """What a result of some frames loses on masks and on tracking truth of the same frames."""
    empty = WEIGHTS["FN"] * sum(track.end - track.begin + 1 for track in reference.tracks)
    empty += WEIGHTS["EA"] * len(edges(reference.tracks))
    losses = Losses(defaultdict(list), defaultdict(list), empty, [0.0] * len(reference))
    for index, gold in enumerate(masks):
        found = [] if gold is None else list(seg_losses(gold, result.masks[index]))
        for kind, loss in found:
            losses.seg[kind].append(loss)
            losses.frames[index] += loss / len(found)
    for error in find_errors(reference, result):
        losses.tra[f"{error.kind} beside a missed cell" if error.follows else error.kind].append(error.cost)
        losses.frames[error.frame] += error.cost / empty * len(reference) if empty else 0.0
    return losses


def part(movie: Tracked, frames: range) -> Tracked:
    """Some frames of a tracked movie, by number, as a movie of their own."""
    first = frames[0] - movie.first
    tracks = cut(movie.tracks, first, first + len(frames) - 1)
    labels = Lazy(len(frames), lambda i: movie.masks[first + i])
    return Tracked(labels, tracks, movie.shape, frames[0], movie.digits, movie.units)


def seg_table(title: str, losses: Sequence[Losses]) -> Table:
    """How many cells suffer from what, and what that costs."""
    lost = _merged([one.seg for one in losses])
    cells, total = sum(map(len, lost.values())), sum(map(sum, lost.values()))
    table = Table("SEG is lost by", "cells", "of SEG", "share", title=title)
    for kind in OUTLINES:
        values = lost.get(kind, [])
        table.add_row(kind, str(len(values)), f"{sum(values) / max(cells, 1):.3f}", _share(sum(values), total))
    table.add_row("all", str(cells), f"{total / max(cells, 1):.3f}", _share(total, total))
    return table


def tra_table(title: str, losses: Sequence[Losses]) -> Table:
    """How many errors of each kind, and what they cost."""
    lost = _merged([one.tra for one in losses])
    empty, total = sum(one.empty for one in losses), sum(map(sum, lost.values()))
    table = Table("TRA is lost by", "errors", "of TRA", "share", title=title)
    for kind, values in sorted(lost.items(), key=lambda pair: -sum(pair[1])):
        table.add_row(kind, str(len(values)), f"{sum(values) / empty:.4f}", _share(sum(values), total))
    table.add_row("all", str(sum(map(len, lost.values()))), f"{total / max(empty, 1):.4f}", _share(total, total))
    return table


def _merged(parts: Sequence[Mapping[str, list[float]]]) -> dict[str, list[float]]:
    merged: dict[str, list[float]] = defaultdict(list)
    for one in parts:
        for kind, values in one.items():
            merged[kind] += values
    return merged


def _share(value: float, total: float) -> str:
    return f"{value / total:.0%}" if total else "-"


def main(
    datasets: Annotated[list[str] | None, typer.Argument(help="By default all with weights and data.")] = None,
    views: Annotated[int, typer.Option(help="1 or 8.")] = 8,
    worst: Annotated[int, typer.Option(min=0, help="So many frames of a movie are drawn.")] = 5,
    weights: Annotated[Path | None, typer.Option(help="A model's folder, instead of models/DATASET.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Annotated[Path, typer.Option(help="Where tables and pictures go.")] = REPOSITORY / "errors",
) -> None:
    """Print what each data set loses, and draw its worst frames."""
    start_logging()
    root = data_root()
    for name in datasets or shipped():
        model = place(checkpoint.load(weights or models() / name), device)
        (out / name).mkdir(parents=True, exist_ok=True)
        share, losses = recipe_for(name).validation, []
        for folder in sequences(root / name):
            look = of_movie if layout.open_truth(folder).markers else of_stills
            losses.append(look(folder, model, views, held_back(folder, share), out / name, worst))
        tracked_too = any(one.empty for one in losses)
        tables = [make(f"{name}, {views} views", losses) for make in (seg_table, tra_table)[: 1 + tracked_too]]
        (out / name / "table.md").write_text("\n\n".join(map(markdown, tables)) + "\n")
        for table in tables:
            Console().print(table)


if __name__ == "__main__":
    typer.run(main)
