"""How good on another movie: ``python -m benchmarks.crossvalidate [DATASET...] --minutes N --seeds 2``.

Where a data set has two movies, each is scored by a model of the others (the protocol of Payer et al. 2019). Where it
has one, each half in time is scored by a model of the other, with a gap between them so that they differ. With
``--left-out`` each is scored by a model of all cells that was trained on the other data sets. What is finished is not
done again, what was stopped goes on. Models, scores and the table lie in ``crossvalidation``.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.parts import take
from benchmarks.scoring import MEASURES, cells_of, markdown, place, score
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.convention import REPOSITORY, data_root
from embedtrack.challenge.datasets import DATASETS, DataSet
from embedtrack.challenge.scores import Scores
from embedtrack.challenge.stills import MEASURING_ONLY, has_stills
from embedtrack.cli.display import start_logging
from embedtrack.recipe import RECIPES, Recipe
from embedtrack.training import train as training
from embedtrack.training.recipes import recipe_of
from embedtrack.truth.sequences import sequences

GAP = 0.1
"""Share of a movie's frames between its halves."""
SHOWN = (*MEASURES, "LNK", "BIO")


class Fold(NamedTuple):
    """What trains, and what is scored."""

    name: str
    """Of its files, unique within a data set: ``01``, ``01-late``."""
    trains: list[Path]
    """Sequences, or data sets where a model of all cells is trained."""
    scored: Path
    frames: range | None
    """Of the scored sequence; None: all."""
    words: str
    """What trains, for people."""


@dataclass(frozen=True)
class Budget:
    """How each model is trained."""

    minutes: float | None = None
    epochs: float | None = None
    device: str = "auto"
    init: Path | None = None
    changes: dict[str, object] | None = None
    """Fields of the recipe that differ from the data set's own."""
    method: str = "embedtrack"
    """As ``embedtrack train`` has it."""
    views: Sequence[int] = ()
    """In how many views each model is scored; none: in the fewest and the most that its method can average."""

    def recipe(self, dataset: str) -> Recipe | None:
        """The method's recipe for the data set with the changes; None: as it is."""
        own = recipe_of(self.method, dataset, all_cells=False)
        if not self.changes:
            return own
        known = (own or RECIPES.get(dataset, Recipe())).model_dump(exclude_unset=True)
        return Recipe.model_validate({**known, **self.changes})


def folds(dataset: Path, out: Path) -> Iterator[Fold]:
    """Movie against movies; of a single one each half against the other, as links below ``out``."""
    movies = sequences(dataset)
    for movie in movies:
        others = [other for other in movies if other != movie]
        if others:
            yield Fold(movie.name, others, movie, None, ", ".join(other.name for other in others))
    if len(movies) == 1:
        early, late = halves(sorted(layout.open_frames(movies[0])))
        for name, trains, scored in (("late", early, late), ("early", late, early)):
            part = take(movies[0], trains, out / f"trains-{name}" / dataset.name)
            words = f"{movies[0].name}: {trains[0]} to {trains[-1]}"
            yield Fold(f"{movies[0].name}-{name}", [part], movies[0], scored, words)


def halves(numbers: Sequence[int]) -> tuple[range, range]:
    """The frame numbers of the first and of the second half in time, with a gap between them.

    Raises:
        ValueError: too few frames for two halves.
    """
    gap = max(1, round(GAP * len(numbers)))
    first, second = (len(numbers) - gap) // 2, (len(numbers) + gap + 1) // 2
    if first < 2:
        raise ValueError(f"expected a movie of five annotated frames or more, got {len(numbers)}")
    return range(numbers[0], numbers[first - 1] + 1), range(numbers[second], numbers[-1] + 1)


def left_out(dataset: Path, others: Sequence[Path]) -> Iterator[Fold]:
    """Each movie of a data set against a model of all cells of the other data sets."""
    for movie in sequences(dataset):
        yield Fold(f"{movie.name}-left-out", list(others), movie, None, f"{len(others)} other data sets")


def run(dataset: Path, fold: Fold, out: Path, budget: Budget, seed: int) -> dict[int, Scores]:
    """Train and score a fold; what is done is not done again."""
    alone = fold.name.endswith("-left-out")
    model = out / (f"left-out-seed{seed}" if alone else f"{fold.name}-seed{seed}")
    file = out / f"{fold.name}-seed{seed}.json"
    if not training.finished(model):
        training.train(
            fold.trains if alone else [dataset],
            model,
            minutes=budget.minutes,
            epochs=budget.epochs,
            device_name=budget.device,
            seed=seed,
            init=budget.init,
            recipe=None if alone else budget.recipe(dataset.name),
            folders=() if alone else fold.trains,
            all_cells=alone,
        )
    possible = checkpoint.read_config(model / checkpoint.CONFIG).method.implementation().views()
    wanted = budget.views or sorted({possible[0], possible[-1]})
    known = json.loads(file.read_text()) if file.is_file() else {}
    if missing := [views for views in wanted if str(views) not in known]:
        loaded = place(checkpoint.load(model), budget.device)
        for views in missing:
            known[str(views)] = score(fold.scored, loaded, views, fold.frames)
            file.write_text(json.dumps(known))
    return {views: known[str(views)] for views in wanted}


def crossvalidate(
    datasets: Sequence[Path],
    out: Path,
    budget: Budget,
    seeds: int = 1,
    others: Sequence[Path] = (),
    only: Sequence[str] = (),
) -> Table:
    """All folds of all data sets and seeds, and the means of each data set.

    Args:
        datasets: what is scored.
        out: gets ``DATASET/`` and ``table.md``.
        budget: of each training.
        seeds: so many trainings of each fold.
        others: all data sets of a model of all cells, of which each scored one is left out; none: within each data set.
        only: the names of the folds that are trained; none: all.

    Raises:
        ValueError: no fold has one of these names.
    """
    table = Table("data set", "scored", "trained on", "seed", "views", *SHOWN)
    for dataset in datasets:
        found: dict[int, list[Scores]] = {}
        place_of = out / dataset.name
        rest = [other for other in others if other.resolve() != dataset.resolve()]
        for fold in left_out(dataset, rest) if others else folds(dataset, place_of):
            if only and fold.name not in only:
                continue
            for seed in range(seeds):
                for views, scores in run(dataset, fold, place_of, budget, seed).items():
                    found.setdefault(views, []).append(scores)
                    span = f": {fold.frames[0]} to {fold.frames[-1]}" if fold.frames else ""
                    about = (dataset.name, f"{fold.scored.name}{span}", fold.words, str(seed), str(views))
                    table.add_row(*about, *cells_of(scores, SHOWN))
        if not found:
            continue
        for views, every in found.items():
            table.add_row(dataset.name, "mean", "", "", str(views), *cells_of(means(every), SHOWN))
        payer = DATASETS.get(dataset.name, DataSet()).payer
        if payer and not others:
            theirs: Scores = {"SEG": payer[0], "TRA": payer[1]}
            table.add_row(dataset.name, "Payer et al. 2019", "", "", "", *cells_of(theirs, SHOWN))
        (out / "table.md").write_text(markdown(table) + "\n")
    if only and not table.row_count:
        raise ValueError(f"expected --only to name folds, e.g. 01, got {', '.join(only)}")
    return table


def means(found: Sequence[Scores]) -> Scores:
    """The mean of each measure, where every fold has it."""
    columns = {measure: [scores.get(measure) for scores in found] for measure in SHOWN}
    return {
        measure: None if None in column else mean(v for v in column if v is not None)
        for measure, column in columns.items()
    }


def main(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Folders in $DATA_ROOT, or paths; by default all with sequences.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget of each training.")] = None,
    epochs: Annotated[float | None, typer.Option(help="The same in passes over the data.")] = None,
    seeds: Annotated[int, typer.Option(help="So many trainings of each fold.", min=1)] = 1,
    left: Annotated[bool, typer.Option("--left-out", help="By a model of all cells of the other data sets.")] = False,
    init: Annotated[Path | None, typer.Option(help="A model's folder to begin each training with.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="A JSON file with the fields of the recipe to change.")] = None,
    method: Annotated[str, typer.Option(help="What is trained: see embedtrack train.")] = "embedtrack",
    views: Annotated[list[int] | None, typer.Option(help="Score in so many; by default in one and in eight.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="These folds alone: 01, 01-late, ...")] = None,
    out: Annotated[Path | None, typer.Option(help="Where models and scores lie; one for each recipe.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print the table of the folds."""
    start_logging()
    known = [
        path
        for path in sorted(data_root().iterdir())
        if trains(path) or (has_stills(path) and path.name not in MEASURING_ONLY)
    ]
    asked = [Path(name) if Path(name).is_dir() else data_root() / name for name in datasets or ()]
    changes = json.loads(recipe.read_text()) if recipe else None
    budget = Budget(minutes, epochs, device, init, changes, method, views or ())
    where = out or REPOSITORY / "crossvalidation"
    scored = asked or [path for path in known if trains(path)]
    Console().print(crossvalidate(scored, where, budget, seeds, known if left else (), only or ()))


def trains(dataset: Path) -> bool:
    """Whether a folder holds annotated sequences."""
    try:
        return bool(sequences(dataset))
    except ValueError:
        return False


if __name__ == "__main__":
    typer.run(main)
