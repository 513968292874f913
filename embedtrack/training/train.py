"""The story of training: annotated movies -> network -> calibration -> a model's folder with its card."""

import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from embedtrack import checkpoint
from embedtrack.challenge.stills import has_stills, open_stills, shuffled
from embedtrack.config import RECIPES, ModelConfig, Recipe
from embedtrack.files.guard import reading
from embedtrack.files.whole import whole_file
from embedtrack.machine import device
from embedtrack.model_files import CARD, CONFIG, WEIGHTS
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.open import open_frames
from embedtrack.training import resume
from embedtrack.training.calibrate import PASSES, affordable, calibrate, most, validation_seg
from embedtrack.training.card import origin, write_card
from embedtrack.training.distributed import ProcessGroup, join, leave
from embedtrack.training.fit import fit
from embedtrack.training.journal import CURVES, Journal
from embedtrack.training.methods import folders_of, recipe_of
from embedtrack.training.pseudo_labels import pseudo_labels
from embedtrack.truth.annotated import AnnotatedMovie, read_annotated_movies, roomy
from embedtrack.truth.collection import read_collection, read_stills
from embedtrack.truth.derive import derive
from embedtrack.truth.holdout import split
from embedtrack.types import Labels

LOG = "train.jsonl"
TEACHER = ".teacher"
"""The folder within a model's of the network that completes sparse truth."""
FEW = 50
"""Fewer steps change next to nothing."""
GENTLE = 0.5
"""Fine-tuning's learning rate against the recipe's: what the weights know already shall not be lost."""

MOST_RESERVED = 0.5
"""Of a budget in minutes the training gets the other part at least; calibration looks at fewer frames then."""

log = logging.getLogger(__name__)

OnRecord = Callable[[dict[str, Any]], None]


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
        method: ``embedtrack``, or one of ``methods/embedseg/recipes.py`` for single images or a movie's frames.
        changes: fields of the recipe that a person sets, whatever else would follow for them.
        held: sequences that validate as a whole and train nothing; the others then train as a whole.
        on_record: called with each record of ``train.jsonl``.

    Raises:
        ValueError: anything that is wrong with the data, the budget or ``out``, before any work.
    """
    begin = time.perf_counter()
    name = Path(os.path.abspath(datasets[0])).name
    recipe = recipe_for(name, epochs, seed, recipe or recipe_of(method, name, all_cells=all_cells))
    if minutes is not None and not 0 < minutes < math.inf:
        raise ValueError(f"expected --minutes above 0, got {minutes}")
    if minutes is not None and epochs is not None:
        raise ValueError(f"expected one budget, got --minutes {minutes} and --epochs {epochs}; leave one out")
    if finished(out):
        raise ValueError(
            f"expected a new or an unfinished training in {out}, found a finished one; choose another --out"
        )
    _check_out(out, overwrite=overwrite)
    folders = folders or ([] if all_cells else [folder for one in datasets for folder in folders_of(one, recipe)])
    if init is not None:
        recipe = tuned(recipe, checkpoint.load(init).config, folders)
    recipe = changed(recipe, changes or {})
    recipe = recipe if all_cells else derive(recipe, folders)
    _check_held(held, folders)
    group = join(device_name)
    with resume.lock(out) if group.leads else nullcontext():
        _train(datasets if all_cells else folders, out, recipe, group, minutes, init, on_record, held, begin)
    leave()


def tuned(recipe: Recipe, config: ModelConfig, folders: Sequence[Path]) -> Recipe:
    """The recipe for fine-tuning a model; the scale follows from the new cells.

    The normalisation is what the model knows. A model of all cells knows several: then it is the recipe's, or if that
    says nothing, the one for the kind of the first movie.
    """
    if config.method.name != recipe.method.name:
        raise ValueError(
            f"expected --init weights of {recipe.method.name}, got some of {config.method.name}; choose another "
            "model, or another --method"
        )
    changes: dict[str, object] = {
        "pixel_size": config.method.pixel_size,
        "learning_rate": recipe.learning_rate * GENTLE,
    }
    if config.working_diameter is None:
        changes["normalisation"] = config.normalisation
    elif not (recipe.working_diameter or "normalisation" in recipe.model_fields_set or has_stills(folders[0])):
        frames = list(open_frames(folders[0]).values())
        changes["normalisation"] = normalisation_for([frames[0](), frames[-1]()])
    return recipe.model_copy(update=changes)


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with fields that a person has set, checked.

    Raises:
        ValueError: a value that the field cannot have.
    """
    if recipe.working_diameter and "normalisation" in changes:
        raise ValueError("expected --normalisation without --all-cells: each movie is normalised by its kind")
    try:
        checked = Recipe.model_validate({name: getattr(value, "model_dump", lambda v=value: v)()
                                         for name, value in changes.items()})  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + str(first["loc"][0]).replace("_", "-")
        raise ValueError(f"expected {flag} as in embedtrack/config.py: {first['msg']}, got {first['input']}") from None
    return recipe.model_copy(update={name: getattr(checked, name) for name in changes})


def _check_held(held: Sequence[Path], folders: Sequence[Path]) -> None:
    """Raise ValueError unless the movies that validate are among those that were given, and others are left."""
    known = {folder.resolve() for folder in folders}
    for movie in held:
        if movie.resolve() not in known:
            there = ", ".join(map(str, folders)) or "none, for --all-cells reads whole data sets"
            raise ValueError(f"expected --validation to be one of the annotated movies ({there}), got {movie}")
    if held and len({movie.resolve() for movie in held}) == len(known):
        raise ValueError("expected a movie that trains beside those of --validation, got none")


def _parts(
    movies: Sequence[AnnotatedMovie], folders: Sequence[Path], share: float, held: Sequence[Path]
) -> tuple[list[AnnotatedMovie], list[AnnotatedMovie]]:
    """What trains and what validates: parts of each movie, or whole ones."""
    if not held:
        return split(movies, share)
    validate = {movie.resolve() for movie in held}
    sides: tuple[list[AnnotatedMovie], list[AnnotatedMovie]] = ([], [])
    for movie, folder in zip(movies, folders, strict=True):
        sides[folder.resolve() in validate].append(movie)
    return sides


def finished(out: Path) -> bool:
    """Whether a folder holds a model whose training came to its end."""
    return (out / checkpoint.CARD).is_file() and not (out / resume.FILE).is_file()


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Raise ValueError if a training would overwrite files that are none of an unfinished training's."""
    if overwrite or (out / resume.FILE).is_file() or (out / TEACHER / resume.FILE).is_file():
        return
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
    held: Sequence[Path] = (),
    begin: float | None = None,
) -> None:
    """Train, with the network's own masks where the truth is sparse, calibrate, write the card."""
    network, begun = (checkpoint.load(init).network, origin(init)) if init else (None, None)
    if recipe.working_diameter:
        training, validation = read_collection(folders, recipe)
    else:
        training, validation = _parts(_read(folders, recipe), folders, recipe.validation, held)
    begin = time.perf_counter() if begin is None else begin
    seconds, bare = 0.0, _bare(training)
    plan = phases(out, recipe, training)
    reserve = 0.0
    if minutes:
        reserve = len(plan) * _calibration_seconds(training, validation, recipe, group) + time.perf_counter() - begin
        reserve = min(reserve, 60 * minutes * MOST_RESERVED)
    for phase in plan:
        shorter = recipe.model_copy(update={"epochs": recipe.epochs * phase.share})
        budget, journal = minutes and minutes * phase.share, Journal(phase.out, validation)
        with _writing(journal, group, on_record) as write:
            for record in fit(
                training, validation, phase.out, shorter, group,
                minutes=budget, reserve=reserve * phase.share, init=network, observe=journal.observe,
            ):  # fmt: skip
                write(record)
        seconds += resume.state_of(phase.out).seconds
        if phase is not plan[-1]:
            trains = [folder for folder in folders if folder.resolve() not in {movie.resolve() for movie in held}]
            masks = _pseudo_labels(trains, training, validation, phase.out, recipe, group)
            training = _same_frames(_read(trains, recipe, masks), training)
            network = checkpoint.load(phase.out).network
    if group.leads:
        state = resume.state_of(out)
        if state.step < FEW:
            log.warning("expected %d steps or more to teach anything, got %d: give it more time", FEW, state.step)
        model = checkpoint.load(out)
        device.move(model.network, group.device)
        left = begin + 60 * minutes - time.perf_counter() if minutes else math.inf
        frames = affordable(validation, left, state.last_validation)
        log.info("calibrating on up to %d frames of each movie", frames)
        precision = device.fast_precision(group.device)
        config, scores = calibrate(model.network, model.config, validation, precision, frames)
        checkpoint.save(out, model.network, config)
        pseudo = bare - _bare(training)
        write_card(out, training, validation, recipe, group, seconds, scores, pseudo, begun)
        shutil.rmtree(out / TEACHER, ignore_errors=True)
        (out / resume.FILE).unlink()


def _calibration_seconds(
    training: Sequence[AnnotatedMovie], validation: Sequence[AnnotatedMovie], recipe: Recipe, group: ProcessGroup
) -> float:
    """What the last validation and the calibration will take, about, by one frame."""
    network, config = recipe.method.implementation().start(training, recipe)
    device.move(network.eval(), group.device)
    begin = time.perf_counter()
    validation_seg(network, config, [validation[0].part([0])], device.fast_precision(group.device))
    frames = sum(min(most(validation), len(movie.frames)) for movie in validation)
    return (PASSES + 1) * frames * (time.perf_counter() - begin)


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


def _read(
    folders: Sequence[Path], recipe: Recipe, pseudo: Mapping[Path, Mapping[int, Labels]] | None = None
) -> list[AnnotatedMovie]:
    """The annotated movies as the recipe wants them, then single images in an order by chance."""
    movies = [folder for folder in folders if not has_stills(folder)]
    read = read_annotated_movies(movies, recipe.normalisation, recipe.scale or 1.0, centre=recipe.centre, pseudo=pseudo)
    stills, room = [folder for folder in folders if has_stills(folder)], roomy()
    return [*read, *(read_stills(shuffled(open_stills(folder)), recipe, room) for folder in stills)]


def _bare(movies: Sequence[AnnotatedMovie]) -> int:
    """How many cells have a marker alone."""
    return sum(len(partial) for movie in movies for partial in movie.partial)


def _same_frames(movies: Sequence[AnnotatedMovie], examples: Sequence[AnnotatedMovie]) -> list[AnnotatedMovie]:
    """The frames of the movies that are in the examples too."""
    return [
        movie.part(t for t, number in enumerate(movie.numbers) if number in example.numbers)
        for movie, example in zip(movies, examples, strict=True)
    ]


def _pseudo_labels(
    folders: Sequence[Path],
    training: Sequence[AnnotatedMovie],
    validation: Sequence[AnnotatedMovie],
    teacher: Path,
    recipe: Recipe,
    group: ProcessGroup,
) -> dict[Path, dict[int, Labels]]:
    """The teacher's trusted masks of the training frames; the first process makes them, once."""
    files = [teacher / f"masks{number}.npz" for number in range(len(folders))]
    if group.leads and not files[-1].is_file():
        model, precision = checkpoint.load(teacher), device.fast_precision(group.device)
        device.move(model.network, group.device)
        config, _ = calibrate(model.network, model.config, validation, precision)
        for movie, file in zip(training, files, strict=True):
            masks = pseudo_labels(replace(model, config=config), movie, precision)
            with whole_file(file) as new:
                np.savez_compressed(new, allow_pickle=False, **{str(t): labels for t, labels in masks.items()})
    group.wait()
    found = {}
    for folder, file in zip(folders, files, strict=True):
        with reading(file, "masks of this training", f"delete {teacher} to begin anew"):
            found[folder] = {int(number): labels for number, labels in np.load(file).items()}
    return found


@contextmanager
def _writing(journal: Journal, group: ProcessGroup, on_record: OnRecord) -> Iterator[OnRecord]:
    """What takes each record of a training and writes it; what an earlier run wrote after it was saved last goes."""
    if not group.leads:
        yield lambda record: None
        return
    path = journal.out / LOG
    earlier = _log_until(path, resume.state_of(journal.out).step)
    with whole_file(path) as new:
        new.write_text("".join(f"{line}\n" for line in earlier), encoding="utf-8")
    with path.open("a", encoding="utf-8", buffering=1) as log_file, journal.writing(earlier):

        def write(record: dict[str, Any]) -> None:
            log_file.write(json.dumps(record) + "\n")
            journal.record(record)
            on_record(record)

        yield write


def _log_until(path: Path, step: int) -> list[str]:
    """The lines of an earlier ``train.jsonl`` up to a step; a kill may have cut the last line."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if step and path.is_file() else []
    return [line for line in lines if 0 <= _step_of(line) <= step]


def _step_of(line: str) -> int:
    """The step of a line of ``train.jsonl``; -1 of one that is damaged."""
    try:
        step = json.loads(line)["step"]
        return step if type(step) is int else -1
    except (ValueError, KeyError, TypeError, RecursionError):
        return -1


def recipe_for(name: str, epochs: float | None = None, seed: int = 0, recipe: Recipe | None = None) -> Recipe:
    """The recipe of a data set, or the given one, with another budget and seed.

    Raises:
        ValueError: epochs is not above 0.
    """
    if epochs is not None and not 0 < epochs < math.inf:
        raise ValueError(f"expected --epochs above 0, got {epochs}")
    if not 0 <= seed < 1 << 63:
        raise ValueError(f"expected --seed from 0 to {(1 << 63) - 1}, got {seed}")
    recipe = recipe or RECIPES.get(name, Recipe())
    return recipe.model_copy(update={"seed": seed} | ({"epochs": epochs} if epochs else {}))
