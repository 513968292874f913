"""The story of training: annotated movies -> network -> calibration -> a model's folder with its card."""

import logging
import math
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

from embedtrack import checkpoint
from embedtrack.challenge.stills import has_stills, open_stills, shuffled
from embedtrack.machine import device
from embedtrack.model_files import CARD, CONFIG, WEIGHTS
from embedtrack.recipe import Recipe
from embedtrack.training import resume
from embedtrack.training.calibrate import affordable, calibrate
from embedtrack.training.card import origin, write_card
from embedtrack.training.controls import MOST_RESERVED, calibration_seconds, changed, check_budget, check_held, parted
from embedtrack.training.distributed import ProcessGroup, join, leave
from embedtrack.training.fit import fit
from embedtrack.training.journal import CURVES, Journal
from embedtrack.training.log import LOG, OnRecord, writing
from embedtrack.training.pseudo_labels import taught
from embedtrack.training.recipes import folders_of, recipe_for, recipe_of, tuned
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.collection import read_collection, read_stills
from embedtrack.truth.derive import derive
from embedtrack.truth.reading import read_annotated_movies, roomy

TEACHER = ".teacher"
"""The folder within a model's of the network that completes sparse truth."""
FEW = 50
"""Fewer steps change next to nothing."""
log = logging.getLogger(__name__)


def train(
    datasets: Sequence[Path],
    out: Path,
    *,
    minutes: float | None = None,
    epochs: float | None = None,
    device_name: str = "auto",
    seed: int = 0,
    init: Path | None = None,
    recipe: Recipe | None = None,
    folders: Sequence[Path] = (),
    overwrite: bool = False,
    all_cells: bool = False,
    method: str = "embedtrack",
    changes: Mapping[str, Any] | None = None,
    held: Sequence[Path] = (),
    on_record: OnRecord = lambda record: None,
) -> None:
    """Train a model on all annotated sequences of some data sets; ``out`` gets weights, configuration and card.

    Args:
        datasets: e.g. ``[Path("Fluo-N2DH-SIM+")]``; the recipe is that of the first one's name.
        out: e.g. ``models/Fluo-N2DH-SIM+``; an unfinished training there goes on.
        minutes: the budget in minutes by the clock, reading, validations and calibration included.
        epochs: the budget in passes over the data, instead of the recipe's.
        device_name: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        seed: of first weights, samples and dropout.
        init: a model's folder whose weights are fine-tuned.
        recipe: instead of the data set's.
        folders: the sequences to train on, instead of all annotated ones.
        overwrite: write into a folder that holds files of the same names that no unfinished training left.
        all_cells: a model of all cells: each movie and image at a scale of its own; single images may be among them.
        method: ``embedtrack``, or one of the recipes of another method, see ``training/recipes.py``.
        changes: fields of the recipe that a person sets, whatever else would follow for them.
        held: sequences that validate as a whole and train nothing; the others then train as a whole.
        on_record: called with each record of ``train.jsonl``.

    Raises:
        ValueError: anything that is wrong with the data, the budget or ``out``, before any work.
    """
    begin = time.perf_counter()
    name = Path(os.path.abspath(datasets[0])).name
    recipe = recipe_for(name, epochs, seed, recipe or recipe_of(method, name, all_cells=all_cells))
    check_budget(minutes, epochs)
    check_out(out, overwrite=overwrite)
    folders = folders or ([] if all_cells else [folder for one in datasets for folder in folders_of(one, recipe)])
    folders = sorted(folders, key=has_stills)  # movies first
    if init is not None:
        recipe = tuned(recipe, checkpoint.load(init).config, folders)
    recipe = changed(recipe, changes or {})
    recipe = recipe if all_cells else derive(recipe, folders)
    check_held(held, folders)
    group = join(device_name)
    with resume.lock(out) if group.leads else nullcontext():
        _train(datasets if all_cells else folders, out, recipe, group, minutes, init, on_record, held, begin)
    leave()


def finished(out: Path) -> bool:
    """Whether a folder holds a model whose training came to its end."""
    return all((out / name).is_file() for name in (WEIGHTS, CONFIG, CARD)) and not (out / resume.FILE).is_file()


def warn_of_few(steps: int) -> None:
    """Tell of a training that was too short to have taught anything."""
    if steps < FEW:
        log.warning("expected %d steps or more to teach anything, got %d: give it more time", FEW, steps)


def check_out(out: Path, *, overwrite: bool) -> None:
    """Raise ValueError if a training would overwrite files that are none of an unfinished training's."""
    if overwrite or (out / resume.FILE).is_file() or (out / TEACHER / resume.FILE).is_file():
        return
    if finished(out):
        raise ValueError(
            f"expected a new or an unfinished training in {out}, found a finished one; choose another --out, or say "
            "--overwrite"
        )
    names = [WEIGHTS, CONFIG, CARD, LOG, CURVES]
    with suppress(OSError):
        begun = (out / LOG).read_bytes()[:8]
        names = [WEIGHTS, CONFIG, CARD] if begun in (b"", b'{"step":') else names  # it was killed before it was saved
    if taken := next((name for name in names if (out / name).exists()), None):
        raise ValueError(
            f"{out}: expected a new folder or an unfinished training there, got {taken}, which no unfinished training "
            "left; choose another --out, or say --overwrite"
        )


def _train(
    folders: Sequence[Path],
    out: Path,
    recipe: Recipe,
    group: ProcessGroup,
    minutes: float | None,
    init: Path | None,
    on_record: OnRecord,
    held: Sequence[Path],
    begin: float,
) -> None:
    """Train, with the network's own masks where the truth is sparse, calibrate, write the card."""
    network, begun = (checkpoint.load(init).network, origin(init)) if init else (None, None)
    if recipe.working_diameter:
        training, validation = read_collection(folders, recipe)
    else:
        training, validation = parted(_read(folders, recipe), folders, recipe.validation, held)
    seconds, bare, fitted = 0.0, _bare(training), begin
    plan = phases(out, recipe, training)
    reserve = 0.0
    if minutes:
        reserve = len(plan) * calibration_seconds(training, validation, recipe, group) + time.perf_counter() - begin
        reserve = min(reserve, 60 * minutes * MOST_RESERVED)
    for phase in plan:
        shorter = recipe.model_copy(update={"epochs": recipe.epochs * phase.share})
        budget, journal = minutes and minutes * phase.share, Journal(phase.out, validation)
        with writing(journal, group, on_record) as write:
            for record in fit(
                training, validation, phase.out, shorter, group,
                minutes=budget, reserve=reserve * phase.share, init=network, observe=journal.observe,
            ):  # fmt: skip
                write(record)
        seconds, fitted = seconds + resume.state_of(phase.out).seconds, time.perf_counter()
        if phase is not plan[-1]:
            training = taught(training, validation, phase.out, group)
            network = checkpoint.load(phase.out).network
    if group.leads:
        state = resume.state_of(out)
        warn_of_few(state.step)
        model = checkpoint.load(out)
        device.move(model.network, group.device)
        left = 60 * minutes - seconds - (time.perf_counter() - fitted) if minutes else math.inf
        frames, precision = affordable(validation, left, state.last_validation), device.fast_precision(group.device)
        log.info("calibrating on up to %d frames of each movie", frames)
        config, scores = calibrate(model.network, model.config, validation, precision, frames)
        checkpoint.save(out, model.network, config)
        pseudo = bare - _bare(training)
        write_card(out, training, validation, recipe, group, seconds, scores, pseudo, begun)
        (out / resume.FILE).unlink()  # from here on it is finished
        shutil.rmtree(out / TEACHER, ignore_errors=True)


class Phase(NamedTuple):
    """A part of a training, which leaves weights."""

    out: Path
    share: float
    """Of the budget."""


def phases(out: Path, recipe: Recipe, training: Sequence[AnnotatedMovie]) -> list[Phase]:
    """One; where the truth is sparse a teacher's before it, whose masks complete the truth."""
    first = recipe.pseudo_labels
    if first and any(movie.sparse for movie in training):
        return [Phase(out / TEACHER, first), Phase(out, 1 - first)]
    return [Phase(out, 1.0)]


def _read(folders: Sequence[Path], recipe: Recipe) -> list[AnnotatedMovie]:
    """Of folders, movies first, each as the recipe wants it; single images in an order by chance."""
    movies, stills = ([folder for folder in folders if has_stills(folder) is still] for still in (False, True))
    read = read_annotated_movies(movies, recipe.normalisation, recipe.scale or 1.0, centre=recipe.centre)
    room = roomy()
    return [*read, *(read_stills(shuffled(open_stills(folder)), recipe, room) for folder in stills)]


def _bare(movies: Sequence[AnnotatedMovie]) -> int:
    """How many cells have a marker alone."""
    return sum(len(partial) for movie in movies for partial in movie.partial)
