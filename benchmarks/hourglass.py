"""What one training step of the recurrent hourglass costs: ``python -m benchmarks.hourglass``.

Each recipe's step runs in a process of its own, forward, loss and backward, on drawn discs that move: its seconds, and
the peak of memory beyond what the process held before.
"""

import math
import subprocess
import sys
import time
from typing import Annotated

import numpy as np
import torch
import typer
from rich.table import Table

from benchmarks.scoring import markdown
from embedtrack.machine import device as devices
from embedtrack.machine import heap
from embedtrack.methods.hourglass import method
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.methods.hourglass.recipes import RECIPES
from embedtrack.methods.hourglass.start import build
from embedtrack.methods.hourglass.windows import Clip, Windows, collate
from embedtrack.recipe import Recipe
from embedtrack.training.fit import step

RADIUS = 12


def discs(recipe: Recipe, settings: HourglassConfig) -> Windows:
    """A batch of the recipe's size, with discs on a grid that move a pixel a frame."""
    side = recipe.sampling.crop
    y, x = np.mgrid[:side, :side]
    cell = (y // (3 * RADIUS)) * math.ceil(side / (3 * RADIUS)) + x // (3 * RADIUS) + 1
    away = np.hypot(y % (3 * RADIUS) - 1.5 * RADIUS, x % (3 * RADIUS) - 1.5 * RADIUS)
    still = np.where(away < RADIUS, cell, 0).astype(np.int32)
    labels = np.stack([np.roll(still, t, axis=1) for t in range(settings.length)])
    clip = Clip((labels > 0).astype(np.float32), labels)
    return collate([clip] * recipe.batch)


def measure(name: str, precision: str, where: torch.device) -> tuple[float, float, float]:
    """Seconds of a step by the clock and of all cores, and its megabytes."""
    recipe = RECIPES[name]
    settings = recipe.method
    assert isinstance(settings, HourglassConfig)
    network, batch = build(settings), discs(recipe, settings).to(where)
    devices.move(network, where)
    optimiser = torch.optim.Adam(network.parameters())
    before = heap.peak_memory()
    begin, busy = time.perf_counter(), time.process_time()
    losses = step(method, network, optimiser, batch, recipe.learning_rate, recipe, precision)
    if not math.isfinite(losses.total.item()):
        raise ValueError(f"{name}: expected a finite loss, got {losses.total.item()}")
    seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    if where.type == "cuda":
        return seconds, busy, torch.cuda.max_memory_allocated(where) / 1e6
    return seconds, busy, float(heap.peak_memory() - before)


def main(
    recipe: Annotated[str | None, typer.Option(help="One of the recipes; by default all, one after the other.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "cpu",
) -> None:
    """Print seconds and memory of a step of each recipe."""
    where = devices.choose(device)
    precision = devices.fast_precision(where)
    if recipe:
        seconds, busy, megabytes = measure(recipe, precision, where)
        typer.echo(f"{seconds:.2f} {busy:.2f} {megabytes:.0f}")
        return
    columns = ("seconds a step", "of all cores", "memory of a step, MB")
    table = Table("recipe", "weights", "window", "device", "precision", *columns)
    for name, one in RECIPES.items():
        settings = one.method
        assert isinstance(settings, HourglassConfig)
        words = [sys.executable, "-m", "benchmarks.hourglass", "--recipe", name, "--device", device]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        window = f"{one.batch} x {settings.length} x {one.sampling.crop} x {one.sampling.crop}"
        weights = sum(parameter.numel() for parameter in build(settings).parameters())
        table.add_row(name, f"{weights:,}", window, str(where), precision, *said)
    typer.echo(markdown(table))


if __name__ == "__main__":
    typer.run(main)
