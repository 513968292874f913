"""Peak memory against the length of a movie and the size of its frames: ``python -m benchmarks.memory``.

Frames stream, so it must not grow with the length: ``--length 50 --length 5000 --size 64 64``. The network sees a large
frame in tiles, so it grows by what a frame's maps hold: ``--length 2 --size 4096 4096``. With many cells:
``--length 20 --length 300 --size 1440 1664 --cells 650``.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from embedtrack.challenge import layout
from embedtrack.challenge.convention import job
from embedtrack.simulate.movie import simulate

MEASURED = """
import resource
from embedtrack.__main__ import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
DIFFERENT = 24
"""At most so many frames of a movie differ; a longer one shows them again."""


def peak(sequence: Path, model: Path, out: Path) -> int:
    """The most kilobytes that one ``infer`` of a movie, in one view, holds at a time."""
    words = ["infer", str(sequence), "--model", str(model), "--out", str(out), "--views", "1", "--device", "cpu"]
    run = subprocess.run([sys.executable, "-c", MEASURED, *words], capture_output=True, text=True, check=True)
    return int(run.stdout)


def repeated(frames: tuple[Path, ...], length: int, movie: Path) -> Path:
    """A movie of links that shows some frames again and again."""
    movie.mkdir(parents=True)
    for t in range(length):
        (movie / f"t{t:04d}.tif").symlink_to(frames[t % len(frames)].resolve())
    return movie


def main(
    length: Annotated[list[int] | None, typer.Option(help="Frames of a movie; several are measured in turn.")] = None,
    size: Annotated[tuple[int, int] | None, typer.Option(help="Simulated frames; else those of the demo.")] = None,
    cells: Annotated[int | None, typer.Option(help="Of a simulated frame; else as dense as the demo.")] = None,
) -> None:
    """Track movies in one view, each in a process of its own, and print the peak of each."""
    demo, model, _ = job("demo", "01")
    lengths = length or [50, 500]
    table = Table("frames", "pixels", "peak memory, MB", "seconds")
    with tempfile.TemporaryDirectory() as scratch:
        source = demo
        if size:
            cells = cells or max(1, 30 * size[0] * size[1] // (400 * 480))
            simulate(Path(scratch), frames=min(DIFFERENT, max(lengths)), size=size, cells=cells, name="simulated")
            source = Path(scratch) / "simulated"
        sequence = layout.open_frame_folder(source)
        for frames in lengths:
            movie, begin = repeated(sequence.paths, frames, Path(scratch) / f"{frames}"), time.perf_counter()
            megabytes = peak(movie, model, movie.with_name(f"{frames}_RES")) / 1024
            seconds = time.perf_counter() - begin
            table.add_row(str(frames), "{} x {}".format(*sequence.shape), f"{megabytes:.0f}", f"{seconds:.0f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
