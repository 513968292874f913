"""The story of training: annotated movies -> network -> calibration -> a model's folder with its card."""

import json
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from embedtrack import checkpoint, device, resume
from embedtrack.card import write_card
from embedtrack.config import RECIPES, Recipe
from embedtrack.data.movie import read_movies, typical_diameter
from embedtrack.data.scale import scale_for
from embedtrack.fit import fit, split
from embedtrack.validate import calibrate

LOG = "train.jsonl"
GENTLE = 0.5
"""Fine-tuning's learning rate against the recipe's: what the weights know already shall not be lost."""


def train(
    datasets: Sequence[Path],
    out: Path,
    *,
    minutes: float | None = None,
    epochs: float | None = None,
    device_name: str = "auto",
    seed: int = 0,
    init: Path | None = None,
    on_record: Callable[[dict[str, Any]], None] = lambda record: None,
) -> None:
    """Train a model on all annotated sequences of some data sets; ``out`` gets weights, configuration and card.

    Args:
        datasets: e.g. ``[Path("Fluo-N2DH-SIM+")]``; the recipe is that of the first one's name.
        out: e.g. ``models/Fluo-N2DH-SIM+``; an unfinished training there goes on.
        minutes: the budget in minutes of computing.
        epochs: the budget in passes over the data, instead of the recipe's.
        device_name: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        seed: of first weights, samples and dropout.
        init: a model's folder whose weights are fine-tuned.
        on_record: called with each record of ``train.jsonl``.

    Raises:
        ValueError: anything that is wrong with the data, the budget or ``out``, before any work.
    """
    recipe = recipe_for(Path(os.path.abspath(datasets[0])).name, epochs, seed)
    if minutes is not None and not 0 < minutes < math.inf:
        raise ValueError(f"expected --minutes above 0, got {minutes}")
    if minutes is not None and epochs is not None:
        raise ValueError(f"expected one budget, got --minutes {minutes} and --epochs {epochs}; leave one out")
    if (out / checkpoint.CARD).is_file() and not (out / resume.FILE).is_file():
        raise ValueError(
            f"expected a new or an unfinished training in {out}, found a finished one; choose another --out"
        )
    network = None
    if init is not None:
        network, config = checkpoint.load(init)
        known = {"normalisation": config.normalisation, "step": config.step, "scale": config.scale}
        recipe = recipe.model_copy(update={**known, "learning_rate": recipe.learning_rate * GENTLE})
    chosen = device.choose(device_name)
    folders = [folder for dataset in datasets for folder in sequences(dataset)]
    scale = recipe.scale or scale_for(typical_diameter(folders))
    recipe = recipe.model_copy(update={"scale": scale})
    movies = read_movies(folders, recipe.normalisation, scale)
    out.mkdir(parents=True, exist_ok=True)
    begun = resume.state_of(out).step
    earlier = _log_until(out / LOG, begun)
    with (out / LOG).open("w", encoding="utf-8", buffering=1) as log_file:
        log_file.writelines(line + "\n" for line in earlier)
        for record in fit(movies, out, recipe, chosen, minutes=minutes, init=network):
            log_file.write(json.dumps(record) + "\n")
            on_record(record)
    model = checkpoint.load(out)
    device.place(model.network, chosen)
    _, validation = split(movies, recipe.validation)
    config, scores = calibrate(model.network, model.config, validation, device.fast_precision(chosen))
    checkpoint.save(out, model.network, config)
    write_card(out, movies, recipe, chosen, resume.state_of(out).seconds, scores)
    (out / resume.FILE).unlink()


def _log_until(path: Path, step: int) -> list[str]:
    """The lines of an earlier ``train.jsonl`` up to a step; a kill may have cut the last line."""
    lines = path.read_text(encoding="utf-8").splitlines() if step and path.is_file() else []
    steps = (re.match(r'{"step": ([0-9]+),.*}$', line) for line in lines)
    return [line for line, match in zip(lines, steps, strict=True) if match and int(match[1]) <= step]


def recipe_for(name: str, epochs: float | None = None, seed: int = 0) -> Recipe:
    """The recipe of a data set, with another budget and seed.

    Raises:
        ValueError: epochs is not above 0.
    """
    if epochs is not None and not 0 < epochs < math.inf:
        raise ValueError(f"expected --epochs above 0, got {epochs}")
    if seed < 0:
        raise ValueError(f"expected --seed 0 or above, got {seed}")
    recipe = RECIPES.get(name, Recipe())
    return recipe.model_copy(update={"seed": seed} | ({"epochs": epochs} if epochs else {}))


def sequences(dataset: Path) -> list[Path]:
    """The annotated sequences of a data set: ``01`` where there is ``01_GT`` or ``01_ST``.

    Raises:
        ValueError: there are none.
    """
    folders = sorted(path for path in dataset.glob("*") if path.is_dir() and re.fullmatch(r"[0-9]+", path.name))
    found = [path for path in folders if any(path.with_name(path.name + end).is_dir() for end in ("_GT", "_ST"))]
    if not found:
        raise ValueError(f"expected annotated sequences like 01 with 01_GT in {dataset}, found none; check the path")
    return found
