"""The recipe of a training, by its method, its data set and the weights that it goes on from; and its folders."""

import math
from collections.abc import Sequence
from pathlib import Path

from embedtrack.challenge.stills import has_stills
from embedtrack.config import MethodConfig, ModelConfig
from embedtrack.methods.embedseg.recipes import RECIPES as EMBEDSEG
from embedtrack.methods.hourglass.recipes import RECIPES as HOURGLASS
from embedtrack.movies.settings import Normalisation
from embedtrack.recipe import GENERAL, RECIPES, Recipe
from embedtrack.truth.derive import own_normalisation
from embedtrack.truth.sequences import sequences

GENTLE = 0.5
"""Fine-tuning's learning rate against the recipe's: what the weights know already shall not be lost."""

OTHERS = {**EMBEDSEG, **HOURGLASS}
"""The recipes of all methods but EmbedTrack, by what ``--method`` calls them."""


def recipe_of(method: str, name: str, *, all_cells: bool) -> Recipe | None:
    """The recipe of a method for the data set of a name; None: the name's own, or that for any.

    Raises:
        ValueError: there is no such method, or it trains no model of all cells.
    """
    if method not in ("embedtrack", *OTHERS):
        raise ValueError(f"expected --method embedtrack, {', '.join(OTHERS)}, got {method}")
    if method == "embedtrack":
        return GENERAL if all_cells else None
    if all_cells:
        raise ValueError(f"expected --all-cells with --method embedtrack, got {method}; leave one of them out")
    recipe = OTHERS[method]
    known = name in RECIPES and "normalisation" not in recipe.model_fields_set
    return recipe.model_copy(update={"normalisation": RECIPES[name].normalisation}) if known else recipe


def folders_of(dataset: Path, recipe: Recipe) -> list[Path]:
    """The annotated sequences of a data set, or the folder itself where it holds single images.

    Raises:
        ValueError: there are none, or single images that this method learns nothing from.
    """
    if not has_stills(dataset):
        return sequences(dataset)
    if recipe.method.name != "embedseg":
        raise ValueError(
            f"{dataset}: expected annotated movies for {recipe.method.name}, got single images; say --method embedseg, "
            "or --all-cells"
        )
    return [dataset]


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


def tuned(recipe: Recipe, config: ModelConfig, folders: Sequence[Path]) -> Recipe:
    """The recipe for fine-tuning a model; the scale follows from the new cells.

    EmbedSeg's network is EmbedTrack's without tracking decoder, so each can begin with the other's weights. The
    normalisation is what the model knows, unless the new movies are of another kind: bright cells on a dark ground, or
    others. A model of all cells knows several, and another method keeps its own.
    """
    if not _starts(config.method, recipe.method):
        raise ValueError(
            f"expected --init weights of {_named(recipe.method)}, got some of {_named(config.method)}; choose another "
            "model, or another --method"
        )
    changes: dict[str, object] = {"learning_rate": recipe.learning_rate * GENTLE}
    if config.method.name == "hourglass":
        changes["method"] = config.method  # the size of the network
    else:
        changes["pixel_size"] = config.offsets.pixel_size
    if config.working_diameter is None and config.method.name == recipe.method.name:
        wanted = _wanted(recipe, folders)
        same = wanted is None or wanted.bright == config.normalisation.bright
        changes["normalisation"] = config.normalisation if same else wanted
    elif config.working_diameter and not recipe.working_diameter and (wanted := _wanted(recipe, folders)):
        changes["normalisation"] = wanted
    return recipe.model_copy(update=changes)


def _wanted(recipe: Recipe, folders: Sequence[Path]) -> Normalisation | None:
    """What the recipe says, or else the kind of the images; None without any."""
    return recipe.normalisation if "normalisation" in recipe.model_fields_set else own_normalisation(folders)


def _starts(known: MethodConfig, taught: MethodConfig) -> bool:
    """Whether weights of one method's network can begin a training of another one's: they mean the same."""
    return _meaning(known) == _meaning(taught)


def _meaning(method: MethodConfig) -> tuple[str, str]:
    """The network, and what its bandwidth is."""
    if method.name == "hourglass":
        return "hourglass", ""
    return "branched ERFNet", method.bandwidth if method.name == "embedseg" else "bounded"


def _named(method: MethodConfig) -> str:
    return f"embedseg ({method.bandwidth} bandwidth)" if method.name == "embedseg" else method.name
