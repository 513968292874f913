"""Peak memory against the length of a movie: ``python -m benchmarks.memory``; frames stream, so it must not grow."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from embedtrack.challenge import job
from embedtrack.data import ctc

MEASURED = """
import resource
from embedtrack.__main__ import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(sequence: Path, model: Path, out: Path) -> int:
    """The most kilobytes that one ``infer`` of a movie, in one view, holds at a time."""
    words = ["infer", str(sequence), "--model", str(model), "--out", str(out), "--views", "1", "--device", "cpu"]
    run = subprocess.run([sys.executable, "-c", MEASURED, *words], capture_output=True, text=True, check=True)
    return int(run.stdout)


def main(lengths: Annotated[list[int] | None, typer.Option(help="Lengths of the movies, in frames.")] = None) -> None:
    """Track the demo again and again as one long movie, and print the peak of each length."""
    sequence, model, _ = job("demo", "01")
    frames = ctc.open_sequence(sequence).paths
    table = Table("frames", "peak memory, MB")
    for length in lengths or (50, 500):
        with tempfile.TemporaryDirectory() as scratch:
            movie = Path(scratch) / "01"
            movie.mkdir()
            for t in range(length):
                (movie / f"t{t:04d}.tif").symlink_to(frames[t % len(frames)].resolve())
            table.add_row(str(length), f"{peak(movie, model, Path(scratch) / '01_RES') / 1024:.0f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
