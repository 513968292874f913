"""Does ``--model auto`` choose well? Each movie at hand, with the model of its data set left in, and left out.

    python -m benchmarks.choice [--frames 2] [MOVIE ...]

For each movie: what was chosen, of all models as they are and, where none fits so, brought to the cells that they find;
whether its SEG is within .03 of the best one's, and the SEG that was lost against it, all on the square in the middle
of the annotated frames that the choice itself looks at, in one view. Movies for which no model reaches a SEG of .4 do
not count: there nothing serves.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from embedtrack import checkpoint
from embedtrack.challenge.convention import data_root, models
from embedtrack.challenge.layout import open_frames, open_truth, read_frame, read_labels
from embedtrack.challenge.scores import jaccards
from embedtrack.inference.adapt import adapt, middle
from embedtrack.inference.model_choice import SIDE, assess, choosable
from embedtrack.inference.model_ranks import AGREE, Assessment, rank
from embedtrack.inference.segmenter import Segmenter
from embedtrack.machine import device
from embedtrack.options import FOUND, Diameter, Options
from embedtrack.types import Labels

log = logging.getLogger(__name__)
WITHIN, SERVES = 0.03, 0.4


class Case(NamedTuple):
    """A movie, the models that may be chosen for it, and what they are worth."""

    movie: str
    out: bool
    """Whether its own model was left out."""
    chosen: str
    seg: float
    best: str
    best_seg: float

    @property
    def right(self) -> bool:
        """Whether what was chosen is as good as the best, or nearly."""
        return self.best_seg - self.seg < WITHIN


class Looked(NamedTuple):
    """A model that has looked at some frames."""

    seen: Assessment
    seg: float

    @property
    def name(self) -> str:
        """Which, and what it was brought to."""
        size = f" at {self.seen.brought_to:.0f} pixels" if self.seen.brought_to else ""
        return f"{self.seen.model.name}{size}"


class Frames(NamedTuple):
    """Annotated frames of a movie."""

    images: list[NDArray[Any]]
    truths: list[Labels]
    """The middle of each."""

    def looked_at(self, name: str, diameter: Diameter) -> Looked:
        """What a model sees in them, as it is or brought to their cells, and what that is worth."""
        seen = assess(models() / name, self.images, device.choose("cpu"), "auto", diameter)
        options = Options(views=1, device="cpu", precision="auto", diameter=seen.brought_to)
        segmenter = Segmenter(checkpoint.load(models() / name), options)
        segmenter.model = adapt(segmenter.model, self.images, options)
        found = [
            jaccard
            for image, truth in zip(self.images, self.truths, strict=True)
            for jaccard in jaccards(truth, segmenter.image(middle(image, SIDE)).labels)
        ]
        return Looked(seen, float(np.mean(found)) if found else 0.0)


def cases(movie: Path, names: Sequence[str], frames: int) -> Iterator[Case]:
    """Two of each movie."""
    truth = open_truth(movie)
    masks = truth.silver or truth.gold
    numbers = sorted(masks)
    numbers = [numbers[(2 * i + 1) * len(numbers) // (2 * frames)] for i in range(frames)]
    paths = open_frames(movie)  # single images too, with numbers left out
    some = Frames(
        [read_frame(paths[number]) for number in numbers],
        [middle(read_labels(masks[number]), SIDE) for number in numbers],
    )
    look = cache(some.looked_at)
    for out in (False, True):
        left = [name for name in names if not (out and name == movie.parent.name)]
        looked = [look(name, None) for name in left]
        if rank([one.seen for one in looked])[0].score < AGREE:
            looked += [look(name, FOUND) for name in left]
        first = rank([one.seen for one in looked])[0].seen
        chosen = next(one for one in looked if one.seen == first)
        best = max(looked, key=lambda one: one.seg)
        yield Case(f"{movie.parent.name}/{movie.name}", out, chosen.name, chosen.seg, best.name, best.seg)


def table(found: Sequence[Case]) -> str:
    """For docs/movies.md."""
    lines = ["| movie | own model | chosen | SEG | best | SEG |", "|---|---|---|---|---|---|"]
    for one in found:
        own = "left out" if one.out else "there"
        lines.append(f"| {one.movie} | {own} | {one.chosen} | {one.seg:.3f} | {one.best} | {one.best_seg:.3f} |")
    for out in (False, True):
        some = [one for one in found if one.out is out and one.best_seg >= SERVES]
        if some:
            lost = np.mean([one.best_seg - one.seg for one in some])
            own = "left out" if out else "there"
            lines.append(
                f"\nOwn model {own}: right {sum(one.right for one in some)} of {len(some)}, SEG lost {lost:.3f}"
            )
    return "\n".join(lines)


def main(
    movies: Annotated[list[Path] | None, typer.Argument(help="By default all of $DATA_ROOT.")] = None,
    frames: Annotated[int, typer.Option(help="Of each movie.", min=1)] = 2,
) -> None:
    """Print the table."""
    movies = movies or sorted(
        folder for folder in data_root().glob("*/[0-9][0-9]") if (folder.parent / f"{folder.name}_GT").is_dir()
    )
    found: list[Case] = []
    names = choosable()
    for movie in movies:
        if movie.parent.name in names:
            found += cases(movie, names, frames)
            log.info("%s, %s", *found[-2:])
    typer.echo(table(found))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    typer.run(main)
