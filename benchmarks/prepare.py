"""Check a data set and note what is there and on which terms: ``python -m benchmarks.prepare DATASET --out FILE``."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.challenge import layout
from embedtrack.challenge.datasets import DATASETS, TERMS

OWN = "This is no data set of the Cell Tracking Challenge: its owner's terms apply.\n"


def main(
    folder: Annotated[Path, typer.Argument(help="The data set, with 01, 01_GT, ...")],
    out: Annotated[Path, typer.Option(help="The note.")],
) -> None:
    """Write the note; a fault of the data is an error of one line."""
    try:
        text = note(folder)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)


def note(folder: Path) -> str:
    """What there is in a data set's folder, and on which terms."""
    movies = sorted(path for path in folder.iterdir() if path.is_dir() and re.fullmatch("[0-9]+", path.name))
    return "".join(map(line, movies)) + (TERMS if folder.name in DATASETS else OWN)


def line(movie: Path) -> str:
    """What there is of a movie."""
    sequence = layout.open_frame_folder(movie)
    height, width = sequence.shape
    text = f"{movie.parent.name}/{movie.name}: {len(sequence)} frames of {height} x {width}"
    if not movie.with_name(f"{movie.name}_GT").is_dir():
        return f"{text}, no truth\n"
    truth = layout.open_truth(movie)
    masks = f"gold masks of {len(truth.gold)} frames, silver of {len(truth.silver)}"
    return f"{text}, {len(truth.tracks)} tracks, {masks}\n"


if __name__ == "__main__":
    typer.run(main)
