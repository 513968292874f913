"""What a training step costs beside the bare network: ``python -m benchmarks.training [--json]``.

Whole steps (samples drawn and prepared, network, loss, optimiser, just as ``embedtrack train`` does them) are timed
against the network's forward and backward alone on batches of the same shapes. The movie is drawn: nuclei on a lattice,
60 to 256 x 256 pixels (``--cells`` for others), in which nothing moves, as that costs the same.
"""

import itertools
import json as json_format
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Annotated, Any, NamedTuple, cast

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from embedtrack.machine import device
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.loss import embedtrack_loss
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.methods.embedtrack.samples import Batch, collate, draw
from embedtrack.methods.embedtrack.start import start
from embedtrack.recipe import Recipe
from embedtrack.training.batches import batches
from embedtrack.training.distributed import ProcessGroup
from embedtrack.training.fit import step
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.derive import derive
from embedtrack.truth.medoid import medoids
from embedtrack.truth.merge import Merged
from embedtrack.truth.reading import read_annotated

SIDE, FRAMES = 768, 4


class Trained(NamedTuple):
    """What the timed steps work on."""

    movie: AnnotatedMovie
    recipe: Recipe
    group: ProcessGroup
    network: BranchedERFNet
    optimiser: torch.optim.Optimizer
    precision: str


def drawn(cells: float, side: int = SIDE) -> AnnotatedMovie:
    """A movie of discs on a lattice that cover half of the frame, ``cells`` of them to 256 x 256 pixels."""
    pitch = 256 / cells**0.5
    y, x = np.indices((side, side))
    radius = 0.4 * pitch
    inside = (y % pitch - pitch / 2) ** 2 + (x % pitch - pitch / 2) ** 2 < radius**2
    lattice = (y // pitch).astype(np.int32) * int(side // pitch + 1) + (x // pitch).astype(np.int32) + 1
    labels = np.where(inside, lattice, 0).astype(np.int32)
    chance = np.random.default_rng(0)
    frame = (inside + chance.normal(0, 0.1, labels.shape)).astype(np.float32)
    sizes = {label: int(count) for label, count in enumerate(np.bincount(labels.ravel())) if label and count}
    return AnnotatedMovie(
        name="drawn/01",
        numbers=list(range(FRAMES)),
        frames=[frame] * FRAMES,
        labels=[labels] * FRAMES,
        partial=[frozenset()] * FRAMES,
        centres=[medoids(labels)] * FRAMES,
        sizes=[sizes] * FRAMES,
        parents=dict.fromkeys(sizes, 0),
        truth=[Merged(labels, frozenset())] * FRAMES,
        scale=1.0,
        centre="medoid",
        tracked=[True] * FRAMES,
    )


def prepare(movie: AnnotatedMovie, recipe: Recipe, group: ProcessGroup) -> Trained:
    """A new network and its optimiser."""
    network, _ = start([movie], recipe)
    device.move(network, group.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    return Trained(movie, recipe, group, network.train(), optimiser, device.fast_precision(group.device))


def measure(job: Trained, steps: int, rounds: int = 3) -> dict[str, float]:
    """Seconds of a step and of its parts, and their ratio.

    Whole steps and the bare network take turns, ``steps`` of each a round, after one round's two that do not count;
    medians of the rounds.
    """
    wholes, bares = [], []
    for number in range(rounds):
        seen: list[Batch] = []
        stream = cast(Iterator[Batch], batches([job.movie], job.recipe, number * steps, job.group.rank))
        if not number:
            for batch in itertools.islice(stream, 2):
                _whole(job, batch)
                _bare(job, batch)

        def whole(stream: Iterator[Batch] = stream, seen: list[Batch] = seen) -> None:
            for batch in itertools.islice(stream, steps):
                _whole(job, batch)
                seen.append(batch)

        def bare(seen: list[Batch] = seen) -> None:
            for batch in seen:
                _bare(job, batch)

        wholes.append(_timed(job, whole))
        bares.append(_timed(job, bare))
    pairs = sum(len(batch.now) for batch in seen)
    found = {"step": median(wholes), "network": median(bares), **_parts(job, seen)}
    return {
        "ratio": median(wholes) / median(bares),
        "pairs_per_second": pairs / wholes[-1],
        **{f"{name}_seconds": value / steps for name, value in found.items()},
    }


def _timed(job: Trained, work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds by a clock."""
    begin = clock()
    work()
    if job.group.device.type == "cuda":
        torch.cuda.synchronize(job.group.device)
    return clock() - begin


def _whole(job: Trained, batch: Batch) -> None:
    method = job.recipe.method.implementation()
    losses = step(method, job.network, job.optimiser, batch.to(job.group.device), 1e-5, job.recipe, job.precision)
    losses.total.item()


def _forward(job: Trained, batch: Batch) -> tuple[Maps[torch.Tensor], Maps[torch.Tensor]]:
    dtype = getattr(torch, job.precision)
    with torch.autocast(job.group.device.type, dtype, enabled=dtype != torch.float32):
        maps: tuple[Maps[torch.Tensor], Maps[torch.Tensor]] = job.network(batch.now, batch.before)
    return maps


def _bare(job: Trained, batch: Batch) -> None:
    """Forward and backward of the network alone; the frames are where they are needed."""
    job.network.zero_grad(set_to_none=True)
    now, before = _forward(job, batch.to(job.group.device))
    torch.autograd.backward([*now, *before[:3]], [torch.ones_like(values) for values in (*now, *before[:3])])


def _parts(job: Trained, seen: list[Batch]) -> dict[str, float]:
    """Processor seconds (on a GPU by the clock) of the parts, each by itself.

    Sampling goes on beside the network where a core is free.
    """
    recipe, chance = job.recipe, np.random.default_rng(1)

    def sample() -> None:
        for batch in seen:
            sampling = recipe.sampling.model_copy(update={"crop": batch.now.shape[-1]})
            collate([draw([job.movie], sampling, recipe.augmentation, chance) for _ in batch.now], recipe.pixel_size)

    with torch.no_grad():
        maps = [_forward(job, batch.to(job.group.device)) for batch in seen]
    leaves = [tuple(Maps(*(m.detach().requires_grad_() for m in one)) for one in pair) for pair in maps]

    clock = time.process_time if job.group.device.type == "cpu" else time.perf_counter

    def loss() -> None:
        for (now, before), batch in zip(leaves, seen, strict=True):
            there = batch.to(job.group.device)
            losses = embedtrack_loss(now, before, there.cells_now, there.cells_before, there.links, recipe.pixel_size)
            losses.total.backward()  # type: ignore[no-untyped-call]

    return {
        "sampling": _timed(job, sample, time.process_time),
        "loss": _timed(job, loss, clock),
        "optimiser": _timed(job, lambda: [job.optimiser.step() for _ in seen], clock),
    }


def main(
    sequence: Annotated[Path | None, typer.Argument(help="An annotated sequence instead of the drawn movie.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps in each of three rounds.")] = 10,
    cells: Annotated[float, typer.Option(min=1, help="Cells in 256 x 256 pixels of the drawn movie.")] = 60,
    device_name: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the ratio and the parts; for the drawn movie also how a sparse one's loss compares."""
    group, recipe = ProcessGroup(device.choose(device_name)), Recipe()
    if sequence:
        recipe = derive(recipe, [sequence])
    movie = read_annotated(sequence, recipe.normalisation, recipe.scale or 1.0) if sequence else drawn(cells)
    job = prepare(movie, recipe, group)
    found = measure(job, steps)
    if not sequence:
        few = measure(prepare(drawn(cells / 10), recipe, group), max(1, steps // 2))
        found["crowded_to_sparse_loss"] = found["loss_seconds"] / few["loss_seconds"]
    if json:
        typer.echo(json_format.dumps({name: round(value, 4) for name, value in found.items()}))
        return
    table = Table("what", "value", title=f"A training step, {job.precision} on {group.device}")
    for name, value in found.items():
        table.add_row(name.replace("_", " "), f"{value:.3f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
