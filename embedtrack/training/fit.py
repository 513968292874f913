"""The training loop: draw samples, step, validate on whole frames, keep the best; a killed run resumes exactly."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from embedtrack import checkpoint
from embedtrack.config import ModelConfig
from embedtrack.machine import device
from embedtrack.method import Batch, Losses, Method
from embedtrack.recipe import Recipe
from embedtrack.training import resume
from embedtrack.training.average import average_of, follow, remember
from embedtrack.training.batches import batches, pairs_per_epoch
from embedtrack.training.calibrate import validation_seg
from embedtrack.training.distributed import ProcessGroup
from embedtrack.training.resume import Course, State
from embedtrack.training.schedules import SCHEDULES
from embedtrack.truth.annotated import AnnotatedMovie

SAVE_SECONDS = 120.0
VALIDATING = 0.15
"""A budget in minutes spends no more than this share on validations, the last one not counted."""

Observer = Callable[[nn.Module, ModelConfig, int, str], None]
"""Called with a network in evaluation mode, its configuration, the step and the precision; draws no random numbers."""


def fit(
    training: Sequence[AnnotatedMovie],
    validation: Sequence[AnnotatedMovie],
    out: Path,
    recipe: Recipe,
    group: ProcessGroup,
    *,
    minutes: float | None = None,
    reserve: float = 0.0,
    init: nn.Module | None = None,
    observe: Observer = lambda network, config, step, precision: None,
) -> Iterator[dict[str, Any]]:
    """Train a network on some movies, validate on others (see ``truth/holdout.py``), keep the best weights in ``out``.

    The budget is ``recipe.epochs``, or ``minutes`` by the clock where given, less ``reserve`` seconds for other work.
    An unfinished training in ``out`` goes on where it was saved last. Yields a record per step (losses) and per
    validation, for ``train.jsonl`` and a display. Of several processes the first one validates and writes, and lets
    ``observe`` see the network of each validation.

    Raises:
        ValueError: nothing to train on, a loss that is not finite, or an unfinished training of another recipe or of
            other first weights.
        OSError: no space is left; what was saved last stays.
    """
    method = recipe.method.implementation()
    course, shared, config = _begin(training, validation, recipe, group, minutes, init)
    resume.load(out, course)
    network, average, optimiser, state = course.network, course.average, course.optimiser, course.state
    if state.finished:
        return
    group.vary(recipe.seed, state.step)
    steps = math.ceil(recipe.epochs * pairs_per_epoch(training, recipe) / (recipe.batch * group.size))
    precision, begun = device.fast_precision(group.device), time.perf_counter() - state.seconds
    saved = state.seconds if state.step else -math.inf

    for batch in batches(training, recipe, state.step, group.rank):
        progress = state.seconds / max(60 * minutes - reserve, 1) if minutes else state.step / steps
        if progress >= 1:
            break
        rate = SCHEDULES[recipe.schedule](progress, recipe.learning_rate)
        remember(shared, state.step)
        losses = step(method, shared, optimiser, batch.to(group.device), rate, recipe, precision)
        state.step += 1
        if recipe.average:
            follow(average, network, recipe.average, state.step)
        values = _values(losses, state.step, out, group)
        state.seconds = group.agree(time.perf_counter() - begun)
        record = {"step": state.step, "progress": progress, "rate": rate, **values}
        yield record | {"seconds": round(state.seconds, 2)}
        if group.leads and _due(state, progress * recipe.validations, bounded=minutes is not None):
            yield _validate(average, config, validation, out, state, precision, observe)
            state.validated = int(progress * recipe.validations)
            saved = -math.inf
        state.seconds = group.agree(time.perf_counter() - begun)
        if group.leads and state.seconds - saved > SAVE_SECONDS:
            resume.save(out, course)
            saved = state.seconds
    if group.leads:
        yield _validate(average, config, validation, out, state, precision, observe)
        state.finished = True
        resume.save(out, course)
    group.wait()


def _begin(
    training: Sequence[AnnotatedMovie],
    validation: Sequence[AnnotatedMovie],
    recipe: Recipe,
    group: ProcessGroup,
    minutes: float | None,
    init: nn.Module | None,
) -> tuple[Course, nn.Module, ModelConfig]:
    """A training before its first step, its network as all processes share it, and how that is rebuilt.

    Sharing exchanges the network's batch norms for those of all processes: it comes before the optimiser.
    """
    network, config = recipe.method.implementation().start(training, recipe)
    if init is not None:
        _begin_with(network, init)
    device.move(network, group.device)
    average = average_of(network) if recipe.average else network
    shared = group.share(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    data = [(movie.name, len(movie.frames), movie.digest) for movie in (*training, *validation)]
    return Course(network, average, optimiser, data, recipe, minutes, resume.fingerprint(init)), shared, config


def _begin_with(network: nn.Module, init: nn.Module) -> None:
    """Take over the weights; where one of two methods has no tracking decoder, that begins anew or is left out."""
    found = network.load_state_dict(init.state_dict(), strict=False)
    if wrong := [name for name in (*found.missing_keys, *found.unexpected_keys) if not name.startswith("tracking.")]:
        raise ValueError(f"expected --init weights of the same network, got others: {min(wrong)}; choose another model")


def step(
    method: Method,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    rate: float,
    recipe: Recipe,
    precision: str,
) -> Losses:
    """One step of the optimiser; the network in bf16 where asked."""
    network.train()
    for parameters in optimiser.param_groups:
        parameters["lr"] = rate
    losses = method.loss(network, batch, recipe, getattr(torch, precision))
    optimiser.zero_grad(set_to_none=True)
    losses.total.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return losses


def _values(losses: Losses, number: int, out: Path, group: ProcessGroup) -> dict[str, float]:
    """The parts as numbers, means over all processes.

    Raises:
        ValueError: the loss is not finite.
    """
    parts = losses._asdict()
    means = group.mean(torch.stack(list(parts.values()))).tolist()
    values = {name: round(value, 6) for name, value in zip(parts, means, strict=True)}
    if not math.isfinite(values["total"]):
        raise ValueError(
            f"expected a finite loss, got {values['total']} at step {number}; the last good state is kept in {out}: "
            "begin anew with another --out and --seed, or a lower learning rate in embedtrack/recipe.py"
        )
    return values


def _due(state: State, validations: float, *, bounded: bool) -> bool:
    """Whether it is time to validate: ``validations`` were to be done by now, and they do not take too long."""
    if validations < state.validated + 1:
        return False
    return not bounded or state.validating + state.last_validation <= VALIDATING * state.seconds


def _validate(
    network: nn.Module,
    config: ModelConfig,
    validation: Sequence[AnnotatedMovie],
    out: Path,
    state: State,
    precision: str,
    observe: Observer,
) -> dict[str, Any]:
    """Score the validation frames; the best weights go into ``out``."""
    begin = time.perf_counter()
    seg = validation_seg(network.eval(), config, validation, precision)
    if seg >= state.best:
        state.best = seg
        checkpoint.save(out, network, config)
    observe(network, config, state.step, precision)
    state.last_validation = time.perf_counter() - begin
    state.validating += state.last_validation
    seconds = round(state.seconds, 2)
    return {"step": state.step, "seconds": seconds, "validation_seg": round(seg, 4), "best": round(state.best, 4)}
