"""What tracking offsets are worth, and in how many views: ``python -m benchmarks.links DATASET --every 4``.

The frames of a sequence, or every nth of them as of a slower recording, are segmented in eight views. Then each cell
looks for its predecessor by the mean tracking offset of eight views, by that of one (what ``infer`` does), or where it
lies itself. Counted are the right ones among the cells whose own marker and whose predecessor's were found.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.scoring import markdown, place
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.aogm import match_labels
from embedtrack.challenge.convention import data_root, models
from embedtrack.cli.display import start_logging
from embedtrack.inference.symmetry import SYMMETRIES, Symmetry, do
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cells import origins
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.maps import Maps, to_frame, undo_maps
from embedtrack.methods.embedtrack.movie import pixel_size
from embedtrack.methods.embedtrack.predict import STRAIGHT, Predictor, Prepared, plan_tiles
from embedtrack.model import Model
from embedtrack.movies.normalise import as_frame
from embedtrack.truth.sequences import sequences
from embedtrack.types import Frame, Labels

WAYS: dict[str, Sequence[Symmetry]] = {
    "eight views": SYMMETRIES,
    "one view": [STRAIGHT],
    "overlap": (),
}


class Views:
    """The network in each view by itself; the frames of a movie are fed in order."""

    def __init__(self, model: Model, precision: str) -> None:
        self.model, self._prepared = model, Prepared(cast(BranchedERFNet, model.network), precision)
        self._predictors: dict[Symmetry, Predictor] = {}

    def __call__(self, frame: Frame) -> dict[Symmetry, Maps[Frame]]:
        """What each view of a frame at the working scale gives, turned back."""
        found = {}
        for symmetry in SYMMETRIES:
            turned = np.ascontiguousarray(do(frame, symmetry))
            if symmetry not in self._predictors:
                shape = (turned.shape[0], turned.shape[1])
                tiles = plan_tiles(shape, self.model.config.tile, self.model.device, 1)
                self._predictors[symmetry] = Predictor(self._prepared, tiles, 1)
            found[symmetry] = undo_maps(self._predictors[symmetry](turned), symmetry)
        return found


def ways(model: Model, views: Views, image: NDArray[np.generic]) -> tuple[Labels, dict[str, Frame]]:
    """The cells of an image by the mean of all views, and each way's tracking offset float32[2, H, W]."""
    config = model.config
    found = views(as_frame(image, config.scale, config.normalisation))
    mean = Maps(*(np.mean(channels, axis=0) for channels in zip(*found.values(), strict=True)))
    shape = (image.shape[0], image.shape[1])
    shifts = {}
    for name, chosen in WAYS.items():
        shift = np.mean([found[symmetry].shift for symmetry in chosen], axis=0) if chosen else 0 * mean.shift
        shifts[name] = to_frame(mean._replace(shift=shift), shape, config.scale).shift
    return cluster(to_frame(mean, shape, config.scale), config.offsets.clustering, pixel_size(config)), shifts


def link(labels: Labels, shift: Frame, before: Labels, pixel_size: float) -> dict[int, int]:
    """Each cell of frame t votes for the cell of t-1 that holds most of its shifted pixels (section 3.4 of the paper).

    The background, and what lies outside, is a candidate too: a cell whose predecessor was missed so has none, rather
    than a neighbour, which would then seem to divide. Of equally many pixels a cell's count before the background's,
    and the smaller label's before the larger one's.

    Args:
        labels: int32[H, W] of frame t, any positive labels.
        shift: float32[2, H, W], the tracking offset (y, x) in grid units.
        before: int32[H, W] of frame t-1, any positive labels.
        pixel_size: the width of a pixel in grid units.

    Returns:
        Label at t -> label at t-1, in rising order, for the cells that have a predecessor.
    """
    goal = origins(shift, pixel_size)[labels > 0]
    vote = np.where(goal >= 0, before.ravel()[goal], 0).astype(np.int64)
    pairs, pixels = np.unique(labels[labels > 0] * (base := np.int64(before.max()) + 1) + vote, return_counts=True)
    cell, source = np.divmod(pairs, base)
    order = np.lexsort((source, source == 0, -pixels, cell))
    winners = dict(zip(cell[order][::-1].tolist(), source[order][::-1].tolist(), strict=True))  # the first one stays
    return {cell: source for cell, source in sorted(winners.items()) if source}


def right(
    links: Mapping[int, int], now: Mapping[int, int], before: Mapping[int, int], parents: Mapping[int, int]
) -> Counter[str]:
    """How many predecessors were to be found, and were.

    Args:
        links: cell -> its predecessor.
        now: marker -> its cell.
        before: the same of the frame before.
        parents: track -> its parent, for those that begin with a division.
    """
    count = Counter[str]()
    for marker, cell in now.items():
        source = before.get(marker, before.get(parents.get(marker, 0)))
        if source is not None:
            count["all"] += 1
            count["right"] += links.get(cell) == source
    return count


def measure(model: Model, folder: Path, every: int, frames: int, precision: str) -> dict[str, Counter[str]]:
    """Way -> predecessors that were to be found, and were; of each nth frame, at most so many of the last ones."""
    sequence, truth = layout.open_frame_folder(folder), layout.open_truth(folder)
    parents = {one.label: one.parent for one in truth.tracks}
    numbers = range(sequence.first, sequence.first + len(sequence.paths))[::-every][:frames][::-1]
    views, total = Views(model, precision), {name: Counter[str]() for name in WAYS}
    old: tuple[Labels, dict[int, int]] | None = None
    for number in track(numbers, f"{folder.parent.name}/{folder.name}"):
        labels, shifts = ways(model, views, layout.read_frame(sequence.paths[number - sequence.first]))
        match = match_labels(layout.read_labels(truth.markers[number]), labels)
        now = dict(zip(match.found, match.finders, strict=True))
        if old is not None:
            for name, shift in shifts.items():
                total[name] += right(link(labels, shift, old[0], pixel_size(model.config)), now, old[1], parents)
        old = labels, now
    return total


def _cells(found: Mapping[str, Counter[str]]) -> list[str]:
    """How many predecessors there were, and how many each way found."""
    return [str(next(iter(found.values()))["all"]), *(str(count["right"]) for count in found.values())]


def main(
    datasets: Annotated[list[str], typer.Argument(help="Folders in $DATA_ROOT with weights; the last movie is taken.")],
    every: Annotated[list[int] | None, typer.Option(min=1, help="Take every nth frame; may be repeated.")] = None,
    frames: Annotated[int, typer.Option(min=2, help="At most so many frames.")] = 20,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Writes the table there too.")] = None,
) -> None:
    """Print the share of right predecessors."""
    start_logging()
    movies = {name: sequences(data_root() / name)[-1] for name in datasets}
    untracked = [name for name, folder in movies.items() if not layout.open_truth(folder).markers]
    if untracked:
        raise typer.BadParameter(f"expected data sets with tracks (GT/TRA), got {', '.join(untracked)} without")
    table, steps = Table("movie", "every", "predecessors", *WAYS), every or [1]
    sums = {step: {name: Counter[str]() for name in WAYS} for step in steps}
    for name, folder in movies.items():
        model = place(checkpoint.load(models() / name), device)
        for step in steps:
            found = measure(model, folder, step, frames, precision)
            table.add_row(f"{name}/{folder.name}", str(step), *_cells(found))
            for way, count in found.items():
                sums[step][way] += count
    for step, found in sums.items():
        table.add_row("all", str(step), *_cells(found))
    Console().print(table)
    if out:
        out.write_text(markdown(table) + "\n")


if __name__ == "__main__":
    typer.run(main)
