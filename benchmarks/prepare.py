"""Check a data set and note what is there and on which terms: ``python -m benchmarks.prepare DATASET --out FILE``."""

from pathlib import Path
from typing import Annotated

import typer

from embedtrack.config import DATASETS
from embedtrack.data import ctc

TERMS = """\
Movies of the Cell Tracking Challenge (https://celltrackingchallenge.net) are free to use for work on the challenge and
may not be redistributed. Cite Maška et al., Nature Methods 2023, and Ulman et al., Nature Methods 2017.
"""
OWN = "This is no data set of the Cell Tracking Challenge: its owner's terms apply.\n"


def main(
    folder: Annotated[Path, typer.Argument(help="The data set, with 01, 01_GT, ...")],
    out: Annotated[Path, typer.Option(help="The note.")],
) -> None:
    """Write the note; a fault of the data is an error."""
    lines = []
    for truth_folder in sorted(folder.glob("[0-9]*_GT")):
        sequence = ctc.open_sequence(truth_folder.with_name(truth_folder.name.removesuffix("_GT")))
        truth = ctc.open_truth(sequence.folder)
        height, width = sequence.shape
        lines.append(
            f"{folder.name}/{sequence.folder.name}: {len(sequence)} frames of {height} x {width}, {len(truth.tracks)} "
            f"tracks, gold masks of {len(truth.gold)} frames, silver of {len(truth.silver)}\n"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(lines) + (TERMS if folder.name in DATASETS else OWN))


if __name__ == "__main__":
    typer.run(main)
