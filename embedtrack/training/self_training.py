"""The story of ``embedtrack adapt``: a movie without annotation, and a model -> one that has taught itself on it."""

import logging
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from embedtrack import checkpoint
from embedtrack.challenge.revision import revision
from embedtrack.config import ModelConfig
from embedtrack.files.whole import whole_file
from embedtrack.inference.adapt import adapt
from embedtrack.inference.segmenter import Segmenter
from embedtrack.model import Model
from embedtrack.model_files import CARD, WEIGHTS, digest
from embedtrack.movies.movie import Movie
from embedtrack.options import USUAL_VIEWS, Diameter, Options
from embedtrack.recipe import Recipe
from embedtrack.training import resume
from embedtrack.training.card import OWN_TERMS, origin
from embedtrack.training.distributed import join, leave
from embedtrack.training.fit import fit
from embedtrack.training.journal import Journal
from embedtrack.training.log import OnRecord, writing
from embedtrack.training.recipes import recipe_for, recipe_of
from embedtrack.training.train import check_out, warn_of_few
from embedtrack.training.unannotated import Lessons, agreement, lessons

log = logging.getLogger(__name__)

RATE = 1e-4
"""The peak of the learning rate: a fifth of what a new network learns with."""
LOOKS = 0.3
"""Probability of each change of appearance, where cells are bright on dark: masks of plain frames teach frames that are
harder to see; what that is worth says docs/experiments.md."""
FEWEST = 10
"""Masks that are too few to learn from."""


class Adapted(NamedTuple):
    """What an adaptation came to."""

    trusted: int
    """Masks that taught, of ..."""
    found: int
    """... those that were found."""
    before: float
    """How well the masks of two views agree, mean panoptic quality in [0, 1], by the old weights ..."""
    after: float
    """... and by the new ones, on the same frames."""


def self_train(
    movie: Movie,
    model_folder: Path,
    out: Path,
    *,
    minutes: float = 10.0,
    device_name: str = "auto",
    seed: int = 0,
    diameter: Diameter = None,
    overwrite: bool = False,
    on_record: OnRecord = lambda record: None,
) -> Adapted:
    """Teach a model with its own masks of a movie, where its views agree; ``out`` gets the new model.

    Thresholds and the way of tracking stay those of the model.

    Args:
        movie: of two frames or more, without annotation.
        model_folder: of EmbedTrack or EmbedSeg.
        out: the new model's folder; an unfinished adaptation there goes on.
        minutes: the training's budget by the clock.
        device_name: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        seed: of samples and dropout.
        diameter: of a typical cell in pixels, see ``Options``.
        overwrite: write into a folder that holds files of the same names that no unfinished training left.
        on_record: called with each record of ``train.jsonl``.

    Raises:
        ValueError: anything that is wrong with the movie, the model, the budget or ``out``, before any work; or masks
            on which its views agree are too few.
    """
    if not 0 < minutes < math.inf:
        raise ValueError(f"expected --minutes above 0, got {minutes}")
    if len(movie) < 2:
        raise ValueError(f"{movie.path}: expected a movie of two frames or more, got {len(movie)}")
    check_out(out, overwrite=overwrite)
    with resume.lock(out):
        return _teach(movie, model_folder, out, minutes, device_name, seed, diameter, on_record)


def _teach(
    movie: Movie,
    model_folder: Path,
    out: Path,
    minutes: float,
    device_name: str,
    seed: int,
    diameter: Diameter,
    on_record: OnRecord,
) -> Adapted:
    """In a folder that no other training writes into."""
    model = checkpoint.load(model_folder)
    if USUAL_VIEWS not in model.config.method.implementation().views():
        raise ValueError(f"expected a model of embedtrack or embedseg, got one of {model.config.method.name}")
    options = Options(views=USUAL_VIEWS, device=device_name, diameter=diameter)
    model = adapt(Segmenter(model, options).model, movie.frames, options)
    config = model.config.model_copy(update={"ranges": {}})  # they are those of other weights
    model = replace(model, config=config)
    taught = lessons(Segmenter(model, options), movie.frames)
    if taught.trusted < FEWEST:
        raise ValueError(
            f"{movie.path}: expected {FEWEST} masks or more that {model_folder.name} finds alike in two views, got "
            f"{taught.trusted} of {taught.found}; take another model, or annotate some frames: docs/fine-tuning.md"
        )
    log.info("%d of %d masks are found alike in two views, and teach", taught.trusted, taught.found)
    recipe = recipe_of_model(model_folder.name, config, seed)
    seconds = _train(taught, model, out, recipe, minutes, device_name, on_record)
    network = checkpoint.load(out).network
    checkpoint.save(out, network, config)
    after = agreement(Segmenter(Model(network, config), options), movie.frames)
    result = Adapted(taught.trusted, taught.found, taught.agreement, after)
    _write_card(out, movie, model_folder, recipe, result, seconds)
    (out / resume.FILE).unlink()
    if result.after < result.before:
        log.warning("its views agree less than before: look at both results before you take %s", out)
    return result


def recipe_of_model(name: str, config: ModelConfig, seed: int) -> Recipe:
    """The recipe of a model of this name, at its own scale and normalisation, slower and validated at the end alone."""
    known = recipe_for(name, None, seed, recipe_of(config.method.name, name, all_cells=False))
    looks = LOOKS if config.normalisation.bright else 0.0
    return known.model_copy(
        update={
            "augmentation": known.augmentation.model_copy(update={"appearance": looks}),
            "normalisation": config.normalisation,
            "scale": config.scale,
            "pixel_size": config.offsets.pixel_size,
            "learning_rate": RATE,
            "validations": 1,
        }
    )


def _train(
    taught: Lessons, model: Model, out: Path, recipe: Recipe, minutes: float, device_name: str, on_record: OnRecord
) -> float:
    """Leave the weights in ``out``; gives the seconds that it took."""
    group = join(device_name)
    journal = Journal(out, taught.pairs[-1:])
    with writing(journal, group, on_record) as write:
        for record in fit(
            taught.pairs, taught.pairs[-1:], out, recipe, group,
            minutes=minutes, init=model.network, observe=journal.observe,
        ):  # fmt: skip
            write(record)
    leave()
    state = resume.state_of(out)
    warn_of_few(state.step)
    return state.seconds


def _write_card(out: Path, movie: Movie, begun: Path, recipe: Recipe, result: Adapted, seconds: float) -> None:
    text = f"""# {out.name}

{recipe.method.title}.
`{WEIGHTS}`: sha256 `{digest(out / WEIGHTS)}`.

## Data and terms

- {Path(os.path.abspath(movie.path)).name}: not annotated; {result.trusted} of the {result.found} masks that the
  model found in some frames were alike in two views, and taught it.

{OWN_TERMS}

## Training

From {origin(begun)}, whose thresholds it keeps. Seed {recipe.seed}, {seconds / 3600:.2f} hours, torch
{torch.__version__}, commit {revision()}.

```json
{recipe.model_dump_json(indent=2)}
```

## Scores

None, for there is no truth. The masks of two views agree to {result.after:.3f} (mean panoptic quality, 1 at best), by
the old weights to {result.before:.3f}. That tells how sure the model is, not how right.
"""
    with whole_file(out / CARD) as path:
        path.write_text(text, encoding="utf-8")
