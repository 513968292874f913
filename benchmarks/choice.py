"""Does ``--model auto`` choose well? Each movie at hand, with the model of its data set left in, and left out.

    python -m benchmarks.choice [--frames 2] [MOVIE ...]

For each movie: what was chosen, whether its SEG is within .03 of the best model's, and the SEG that was lost against
it, all on the square in the middle of the annotated frames that the choice itself looks at, in one view. Movies for
which no model reaches a SEG of .4 do not count: there nothing serves.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

from embedtrack import checkpoint
from embedtrack.challenge.convention import data_root, models
from embedtrack.challenge.evaluate import jaccards
from embedtrack.challenge.layout import open_frames, open_truth, read_frame, read_labels
from embedtrack.inference.adapt import middle
from embedtrack.inference.model_choice import SIDE, assess, choosable
from embedtrack.inference.model_ranks import Assessment, rank
from embedtrack.inference.segmenter import Segmenter
from embedtrack.machine import device
from embedtrack.options import Options

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


def cases(movie: Path, names: Sequence[str], frames: int) -> Iterator[Case]:
    """Two of each movie."""
    truth = open_truth(movie)
    masks = truth.silver or truth.gold
    numbers = sorted(masks)
    numbers = [numbers[(2 * i + 1) * len(numbers) // (2 * frames)] for i in range(frames)]
    paths = open_frames(movie)  # single images too, with numbers left out
    seen: list[Assessment] = []
    worth: dict[str, float] = {}
    where = device.choose("cpu")
    images = [read_frame(paths[number]) for number in numbers]
    for name in names:
        seen.append(assess(models() / name, images, where, "auto"))
        segmenter = Segmenter(checkpoint.load(models() / name), Options(views=1, device="cpu", precision="auto"))
        found = [
            jaccard
            for number, image in zip(numbers, images, strict=True)
            for jaccard in jaccards(
                middle(read_labels(masks[number]), SIDE), segmenter.image(middle(image, SIDE)).labels
            )
        ]
        worth[name] = float(np.mean(found)) if found else 0.0
    for out in (False, True):
        left = [one for one in seen if not (out and one.model.name == movie.parent.name)]
        chosen = rank(left)[0].seen.model.name
        best = max((one.model.name for one in left), key=lambda name: worth[name])
        yield Case(f"{movie.parent.name}/{movie.name}", out, chosen, worth[chosen], best, worth[best])


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
