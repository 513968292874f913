"""The training loop: draw samples, step, validate on whole frames, keep the best; a killed run resumes exactly."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from embedtrack import checkpoint, device, resume
from embedtrack.config import Clustering, ModelConfig, Recipe
from embedtrack.data.movie import Movie
from embedtrack.data.samples import Batch, collate, draw
from embedtrack.losses.spatial import Losses, embedtrack_loss
from embedtrack.networks.branched import BranchedERFNet
from embedtrack.resume import State
from embedtrack.validate import validation_seg

SAVE_SECONDS = 120.0
WARM_UP = 0.3
"""Share of the training in which the learning rate rises."""


def fit(
    movies: Sequence[Movie],
    out: Path,
    recipe: Recipe,
    chosen: torch.device,
    *,
    minutes: float | None = None,
    init: BranchedERFNet | None = None,
) -> Iterator[dict[str, Any]]:
    """Train a network on the first part of each movie, validate on its end, keep the best weights in ``out``.

    The budget is ``recipe.epochs``, or ``minutes`` of computing where given. An unfinished training in ``out`` goes on
    where it was saved last. Yields a record per step (losses) and per validation, for ``train.jsonl`` and a display.

    Raises:
        ValueError: nothing to train on, a loss that is not finite, or an unfinished training of another recipe.
    """
    training, validation = split(movies, recipe.validation)
    network, config = start(training, recipe)
    if init is not None:
        network.load_state_dict(init.state_dict())
    device.place(network, chosen)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    data = [(movie.name, len(movie.frames)) for movie in movies]
    state = resume.load(out, network, optimiser, data, recipe, minutes)
    steps = math.ceil(recipe.epochs * pairs_per_epoch(training, recipe) / recipe.batch)
    precision, saved = device.fast_precision(chosen), state.seconds

    for batch in _batches(training, recipe, state.step):
        begin = time.perf_counter()
        progress = state.seconds / (60 * minutes) if minutes else state.step / steps
        if progress >= 1:
            break
        rate = one_cycle(progress, recipe.learning_rate)
        losses = _step(network, optimiser, batch.to(chosen), rate, recipe.step, precision)
        state.step += 1
        record = {"step": state.step, "progress": progress, "rate": rate, **_values(losses, state.step, out)}
        state.seconds += time.perf_counter() - begin
        yield record | {"seconds": round(state.seconds, 2)}
        begin = time.perf_counter()
        if progress * recipe.validations >= state.validated + 1:
            yield _validate(network, config, validation, out, state, precision)
            saved = 0.0
        state.seconds += time.perf_counter() - begin
        if state.seconds - saved > SAVE_SECONDS or saved == 0.0:
            resume.save(out, network, optimiser, data, recipe, minutes, state)
            saved = state.seconds
    if state.validated < recipe.validations:
        yield _validate(network, config, validation, out, state, precision)
    resume.save(out, network, optimiser, data, recipe, minutes, state)


def split(movies: Sequence[Movie], share: float) -> tuple[list[Movie], list[Movie]]:
    """Cut off the end of each movie for validation; a movie of a single frame serves for both."""
    training, validation = [], []
    for movie in movies:
        length = len(movie.frames)
        first = first_held_back(length, share)
        training.append(movie.part(range(first)))
        validation.append(movie.part(range(first, length) if first < length else range(length)))
    if not any(
        cells.keys() - partial
        for movie in training
        for cells, partial in zip(movie.centres, movie.partial, strict=True)
    ):
        raise ValueError("expected annotated cells in the training frames, found none; check the _GT and _ST folders")
    return training, validation


def first_held_back(length: int, share: float) -> int:
    """How many of a movie's annotated frames train; those after them validate."""
    return min(max(round(length * (1 - share)), 1), length)


def start(training: Sequence[Movie], recipe: Recipe) -> tuple[BranchedERFNet, ModelConfig]:
    """The untrained network and its configuration, as far as they follow from the training masks."""
    sizes = np.array(
        [
            size
            for movie in training
            for cells, partial in zip(movie.sizes, movie.partial, strict=True)
            for label, size in cells.items()
            if label not in partial
        ]
    )
    torch.manual_seed(recipe.seed)
    network = BranchedERFNet()
    network.start_at(math.sqrt(float(np.median(sizes)) / math.pi), recipe.step)
    scale = training[0].scale
    clustering = Clustering(min_cell_size=max(1, int(np.percentile(sizes, 1) / 2 / scale**2)))
    return network, ModelConfig(
        step=recipe.step, scale=scale, normalisation=recipe.normalisation, clustering=clustering
    )


def pairs_per_epoch(training: Sequence[Movie], recipe: Recipe) -> int:
    """As many crops as cover every frame about twice."""
    area = recipe.sampling.crop**2
    return sum(math.ceil(2 * frame.size / area) for movie in training for frame in movie.frames)


def one_cycle(progress: float, peak: float) -> float:
    """The learning rate (Smith 2018): a cosine up from peak / 25 in the first 30 %, then one down to peak / 10,000.

    A function of progress in [0, 1] alone: there is no scheduler whose state could be lost.
    """
    if progress < WARM_UP:
        low, share = peak / 25, progress / WARM_UP
    else:
        low, share = peak / 1e4, (1 - progress) / (1 - WARM_UP)
    return low + (peak - low) * (1 - math.cos(math.pi * share)) / 2


def _batches(training: Sequence[Movie], recipe: Recipe, first: int) -> Iterator[Batch]:
    """Batches from step ``first`` on, prepared while the network works; each depends on seed and step alone."""

    def make(step: int) -> Batch:
        sampling, count = recipe.sampling, recipe.batch  # (seed, step) and (seed, step, 0) would be one stream
        if np.random.default_rng((recipe.seed, step)).random() < sampling.large:
            sampling, count = sampling.model_copy(update={"crop": 2 * sampling.crop}), max(1, count // 4)
        generators = [np.random.default_rng((recipe.seed, step, 1 + place)) for place in range(count)]
        return collate([draw(training, sampling, recipe.augmentation, rng) for rng in generators], recipe.step)

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(make, first)
        while True:
            batch, first = following.result(), first + 1
            following = pool.submit(make, first)
            yield batch


def _step(
    network: BranchedERFNet, optimiser: torch.optim.Adam, batch: Batch, rate: float, width: float, precision: str
) -> Losses:
    """One step of the optimiser; the network in bf16 where asked, the loss always in single precision."""
    network.train()
    for group in optimiser.param_groups:
        group["lr"] = rate
    dtype = getattr(torch, precision)
    with torch.autocast(batch.now.device.type, dtype, enabled=dtype != torch.float32):
        now, before = network(batch.now, batch.before)
    losses = embedtrack_loss(now, before, batch.cells_now, batch.cells_before, batch.links, width)
    optimiser.zero_grad(set_to_none=True)
    losses.total.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return losses


def _values(losses: Losses, step: int, out: Path) -> dict[str, float]:
    """The parts as numbers.

    Raises:
        ValueError: the loss is not finite.
    """
    values = {name: round(value.item(), 6) for name, value in losses._asdict().items()}
    if not math.isfinite(values["total"]):
        raise ValueError(
            f"expected a finite loss, got {values['total']} at step {step}; the last good state is kept in {out}: "
            "begin anew with another --out and --seed, or a lower learning rate in embedtrack/config.py"
        )
    return values


def _validate(
    network: BranchedERFNet, config: ModelConfig, validation: Sequence[Movie], out: Path, state: State, precision: str
) -> dict[str, Any]:
    """Score the validation frames; the best weights go into ``out``."""
    seg = validation_seg(network.eval(), config, validation, precision)
    state.validated += 1
    if seg >= state.best:
        state.best = seg
        checkpoint.save(out, network, config)
    seconds = round(state.seconds, 2)
    return {"step": state.step, "seconds": seconds, "validation_seg": round(seg, 4), "best": round(state.best, 4)}
