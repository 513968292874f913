"""EmbedSeg on single images beside the paper: ``python -m benchmarks.stills DSB2018 Usiigaci BBBC010 --minutes 30``.

A fifth of a data set's images, by a hash of their names, is held back and scored; the others train, once with cells
that point at their medoid and once at their centroid. Both are scored in eight views and in one, which is the paper's
ablation. What is finished is not done again, what was stopped goes on. The images of the paper are not these: it trains
on 447 of DSB2018 and scores 50, 45 and 5 of Usiigaci, 50 and 50 of BBBC010, nine times each.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import markdown
from embedtrack.challenge.average_precision import THRESHOLDS, Precision, evaluate
from embedtrack.challenge.convention import REPOSITORY, data_root
from embedtrack.challenge.stills import IMAGES, MASKS, open_stills, part_of
from embedtrack.cli.display import start_logging
from embedtrack.inference.segment import segment
from embedtrack.methods.embedseg.recipes import RECIPES
from embedtrack.options import Options
from embedtrack.recipe import Recipe
from embedtrack.training import train as training

Row = tuple[float, ...]
"""AP at IoU .5, .55, ..., .9."""

PAPER: dict[str, dict[str, Row]] = {
    "DSB2018": {
        "StarDist": (0.864, 0.836, 0.804, 0.755, 0.685, 0.586, 0.450, 0.287, 0.119),
        "Cellpose, trained": (0.853, 0.826, 0.812, 0.792, 0.768, 0.716, 0.645, 0.536, 0.402),
        "EmbedSeg, centroid, 1 view": (0.868, 0.848, 0.828, 0.797, 0.761, 0.705, 0.624, 0.513, 0.375),
        "EmbedSeg, medoid, 8 views": (0.871, 0.853, 0.829, 0.802, 0.765, 0.713, 0.644, 0.529, 0.399),
    },
    "Usiigaci": {
        "StarDist": (0.510, 0.427, 0.337, 0.235, 0.143, 0.076, 0.019, 0.002, 0.0),
        "Cellpose, trained": (0.704, 0.600, 0.499, 0.370, 0.258, 0.138, 0.040, 0.005, 0.0),
        "EmbedSeg, centroid, 1 view": (0.648, 0.570, 0.463, 0.343, 0.233, 0.115, 0.035, 0.004, 0.0),
        "EmbedSeg, centroid, 8 views": (0.690, 0.630, 0.529, 0.409, 0.279, 0.149, 0.046, 0.004, 0.0),
        "EmbedSeg, medoid, 1 view": (0.676, 0.595, 0.485, 0.362, 0.233, 0.110, 0.036, 0.004, 0.0),
        "EmbedSeg, medoid, 8 views": (0.704, 0.643, 0.535, 0.414, 0.273, 0.140, 0.044, 0.005, 0.0),
    },
    "BBBC010": {
        "EmbedSeg, centroid, 1 view": (0.936, 0.921, 0.908, 0.879, 0.857, 0.807, 0.708, 0.546, 0.286),
        "EmbedSeg, centroid, 8 views": (0.954, 0.937, 0.922, 0.904, 0.876, 0.826, 0.725, 0.569, 0.290),
        "EmbedSeg, medoid, 1 view": (0.951, 0.940, 0.919, 0.893, 0.870, 0.825, 0.739, 0.579, 0.311),
        "EmbedSeg, medoid, 8 views": (0.962, 0.952, 0.935, 0.925, 0.891, 0.850, 0.756, 0.598, 0.320),
    },
}
"""Lalit et al. 2021; a centroid in one view is Neven et al. 2019. Of DSB2018 the paper gives no single steps."""

CENTRES = ("medoid", "centroid")
SMALLEST = 37
"""Smaller objects are not scored, as in the paper."""


def divide(dataset: Path, out: Path) -> tuple[Path, Path]:
    """Two data sets of links to the images: those that train, under the same name, and those that are held back."""
    parts = out / "train" / dataset.resolve().name, out / "test" / dataset.resolve().name
    for folder in (IMAGES, MASKS):
        for part in parts:
            (part / folder).mkdir(parents=True, exist_ok=True)
    for still in open_stills(dataset):
        part = parts[part_of(still.name) == "held back"]
        for folder, path in ((IMAGES, still.image), (MASKS, still.masks)):
            link = part / folder / path.name
            if not link.is_symlink():
                link.symlink_to(path.resolve())
    return parts


def recipe_of(method: str, dataset: str, centre: str) -> Recipe:
    """The method's recipe; the published one has crops of 512 for Usiigaci, and for BBBC010 batches of one."""
    recipe = RECIPES[method].model_copy(update={"centre": centre})
    if method != "embedseg-published":
        return recipe
    if dataset == "Usiigaci":
        return recipe.model_copy(update={"sampling": recipe.sampling.model_copy(update={"crop": 512})})
    return recipe.model_copy(update={"batch": 1}) if dataset == "BBBC010" else recipe


def score(model: Path, test: Path, views: int, device: str) -> Precision:
    """Segment the images that were held back, once, and compare."""
    masks = model.with_name(f"{model.name}-{views}-views")
    if not masks.is_dir():
        segment(test, model, masks, Options(views=views, device=device))
    return evaluate(test, masks, smallest=SMALLEST)


def bench(
    dataset: Path,
    out: Path,
    *,
    minutes: float | None = None,
    epochs: float | None = None,
    centres: Sequence[str] = CENTRES,
    method: str = "embedseg",
    init: Path | None = None,
    device: str = "auto",
    changes: Mapping[str, Any] | None = None,
) -> Table:
    """Train, segment and compare; the table lies in ``out`` too. ``changes`` are fields of the recipe."""
    train, test = divide(dataset, out)
    columns = [f"{threshold / 100:.2f}" for threshold in THRESHOLDS]
    counts = [len(list((part / IMAGES).iterdir())) for part in (train, test)]
    table = Table("AP at IoU", *columns, title=f"{dataset.name}: {counts[0]} images train, {counts[1]} are scored")
    for name, row in PAPER.get(dataset.name, {}).items():
        table.add_row(f"paper: {name}", *map(_spell, row))
    for centre in centres:
        model = out / centre.replace(" ", "-")
        if not training.finished(model):
            recipe = recipe_of(method, dataset.name, centre)
            training.train(
                [train], model, minutes=minutes, epochs=epochs, device_name=device, recipe=recipe, init=init,
                changes=changes,
            )  # fmt: skip
        for views in (1, 8):
            found = score(model, test, views, device)
            name = f"here: EmbedSeg, {centre}, {views} view{'s' if views > 1 else ''}"
            table.add_row(name, *map(_spell, found.mean))
            table.add_row(f"{name}, pooled", *map(_spell, found.pooled))
    (out / "table.md").write_text(markdown(table) + "\n")
    return table


def _spell(value: float) -> str:
    return f"{value:.3f}"


def main(
    datasets: Annotated[list[str], typer.Argument(help="Folders of images and masks in $DATA_ROOT, or paths.")],
    minutes: Annotated[float | None, typer.Option(help="Budget of each training.")] = None,
    epochs: Annotated[float | None, typer.Option(help="The same in passes over the images.")] = None,
    centre: Annotated[list[str] | None, typer.Option(help="medoid, approximate medoid, centroid.")] = None,
    method: Annotated[str, typer.Option(help="embedseg, or embedseg-published: the paper's recipe.")] = "embedseg",
    init: Annotated[Path | None, typer.Option(help="A model whose weights begin; by default chance's.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="A JSON file with the fields of the recipe to change.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where links, models and masks lie; one for each recipe.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print a table for each data set."""
    start_logging()
    if method not in RECIPES:
        raise typer.BadParameter(f"expected {' or '.join(RECIPES)}, got {method}")
    for name in datasets:
        folder = Path(name) if Path(name).is_dir() else data_root() / name
        place = (out or REPOSITORY / "stills") / folder.resolve().name / method
        centres = centre or CENTRES
        table = bench(
            folder, place, minutes=minutes, epochs=epochs, centres=centres, method=method, init=init, device=device,
            changes=json.loads(recipe.read_text()) if recipe else None,
        )  # fmt: skip
        Console(width=max(140, Console().width)).print(table)


if __name__ == "__main__":
    typer.run(main)
