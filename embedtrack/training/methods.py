"""What ``--method`` means for a training: its recipe, and the folders that it can learn from."""

from pathlib import Path

from embedtrack.challenge.stills import has_stills
from embedtrack.config import GENERAL, RECIPES, Recipe
from embedtrack.methods.embedseg.recipes import RECIPES as EMBEDSEG
from embedtrack.truth.sequences import sequences


def recipe_of(method: str, name: str, *, all_cells: bool) -> Recipe | None:
    """The recipe of a method for the data set of a name; None: the name's own, or that for any.

    Raises:
        ValueError: there is no such method, or it trains no model of all cells.
    """
    if method not in ("embedtrack", *EMBEDSEG):
        raise ValueError(f"expected --method embedtrack, {', '.join(EMBEDSEG)}, got {method}")
    if method == "embedtrack":
        return GENERAL if all_cells else None
    if all_cells:
        raise ValueError(f"expected --all-cells with --method embedtrack, got {method}; leave one of them out")
    recipe = EMBEDSEG[method]
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
