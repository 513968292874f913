"""What each part of the method is worth: ``python -m benchmarks.ablation DATASET --minutes 30``.

Each variant changes one thing. Those that change the training get the same budget each and all seeds; those that change
inference alone use the weights of the unchanged training. The last movie of two or more is scored and trains nothing;
of a single one its validation frames are scored. What is finished is not done again, what was stopped goes on.

With ``--weights models/NAME`` nothing trains: what changes inference alone is tried on the held-back frames.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import MEASURES, markdown, place, score
from benchmarks.validation import held_back
from embedtrack import checkpoint
from embedtrack.challenge.convention import REPOSITORY, data_root
from embedtrack.challenge.scores import Scores
from embedtrack.cli.display import start_logging
from embedtrack.model import Model
from embedtrack.recipe import RECIPES, Recipe
from embedtrack.simulate.movie import simulate
from embedtrack.training import train as training
from embedtrack.truth.sequences import sequences


class Variant(NamedTuple):
    """What is changed against the unchanged method, in training or in inference."""

    recipe: Mapping[str, object] = {}
    """Fields of the recipe."""
    clustering: Mapping[str, object] = {}
    linking: Mapping[str, object] = {}
    """Fields of the model's configuration."""
    views: int = 8
    offsets: bool = True
    """Whether cells are linked by the tracking offsets."""
    pretrained: bool = False
    """Whether the first half of the budget goes into simulated movies."""

    @property
    def trains(self) -> bool:
        """Whether it needs weights of its own."""
        return bool(self.recipe) or self.pretrained


BASE = "as it is"
VARIANTS: dict[str, Variant] = {
    BASE: Variant(),
    "no tracking decoder, links by overlap": Variant(recipe={"tracking_weight": 0.0}, offsets=False),
    "the same weights, links by overlap": Variant(offsets=False),
    "centroid for medoid": Variant(recipe={"centre": "centroid"}),
    "no variance term": Variant(recipe={"variance_weight": 0.0}),
    "bandwidth not smoothed": Variant(clustering={"smoothing": 1}),
    "one view": Variant(views=1),
    "gaps stay open": Variant(linking={"max_gap": 0}),
    "pretrained on simulated movies": Variant(pretrained=True),
}


class Budget(NamedTuple):
    """What every training gets: one of both."""

    minutes: float | None
    epochs: float | None

    def half(self) -> "Budget":
        """For each of two trainings that share it."""
        return Budget(self.minutes and self.minutes / 2, self.epochs and self.epochs / 2)


class Bench(NamedTuple):
    """What all runs of an ablation share."""

    dataset: Path
    folders: Sequence[Path]
    """The sequences that train."""
    scored: Path
    frames: range | None
    """The sequence that is scored, and the numbers of its frames, all by default."""
    out: Path
    budget: Budget
    device: str
    given: Path | None = None
    """Weights that are there already; nothing trains then."""

    def run(self, name: str, seed: int) -> Scores:
        """The scores of one variant with one seed, in ``out`` once they are known."""
        file = self.out / f"{_file_name(name)}-{seed}.json"
        if not file.is_file():
            found = self._score(VARIANTS[name], self.weights(name if VARIANTS[name].trains else BASE, seed))
            file.write_text(json.dumps(found))
        scores: Scores = json.loads(file.read_text())
        return scores

    def weights(self, name: str, seed: int) -> Path:
        """The model of a variant that trains, trained where it is not."""
        if self.given:
            return self.given
        variant, model = VARIANTS[name], self.out / f"{_file_name(name)}-{seed}"
        if not training.finished(model):
            init = self._simulated(seed) if variant.pretrained else None
            base = RECIPES.get(self.dataset.name, Recipe())
            self._train(self.dataset, model, seed, base.model_copy(update=dict(variant.recipe)), self.folders, init)
        return model

    def _train(
        self, dataset: Path, model: Path, seed: int, recipe: Recipe, folders: Sequence[Path], init: Path | None
    ) -> None:
        budget = self.budget.half() if init or dataset != self.dataset else self.budget
        training.train(
            [dataset],
            model,
            minutes=budget.minutes,
            epochs=budget.epochs,
            device_name=self.device,
            seed=seed,
            init=init,
            recipe=recipe,
            folders=folders,
        )

    def _simulated(self, seed: int) -> Path:
        """A model trained on two simulated movies with the data set's grey values, for half of the budget."""
        movies, model = self.out / "simulated", self.out / f"simulated-weights-{seed}"
        for number in (1, 2):
            if not (movies / f"0{number}_GT").is_dir():
                simulate(movies, seed=number, frames=40, name=f"0{number}")
        if not training.finished(model):
            base = RECIPES.get(self.dataset.name, Recipe())
            self._train(movies, model, seed, base, sequences(movies), None)
        return model

    def _score(self, variant: Variant, folder: Path) -> Scores:
        model = place(checkpoint.load(folder), self.device)
        clustering = model.config.offsets.clustering.model_copy(update=dict(variant.clustering))
        linking = model.config.linking.model_copy(update=dict(variant.linking))
        method = model.config.offsets.model_copy(update={"clustering": clustering})
        config = model.config.model_copy(update={"method": method, "linking": linking})
        return score(self.scored, Model(model.network, config), variant.views, self.frames, offsets=variant.offsets)


def ablate(bench: Bench, seeds: Sequence[int], names: Sequence[str] = tuple(VARIANTS)) -> Table:
    """Run the variants; means over the seeds with half of their spread, and the change against the unchanged one."""
    title = f"{bench.scored.parent.name}/{bench.scored.name}, mean of {len(seeds)} seeds ± half their spread"
    table = Table("variant", *MEASURES, *(f"Δ {measure}" for measure in MEASURES), title=title)
    bench.out.mkdir(parents=True, exist_ok=True)
    base = [bench.run(BASE, seed) for seed in seeds]
    for name in [BASE, *(name for name in names if name != BASE)]:
        found = [bench.run(name, seed) for seed in seeds]
        columns = [_values(found, measure) for measure in MEASURES]
        changes = [
            [a - b for a, b in zip(c, _values(base, m), strict=False)] for c, m in zip(columns, MEASURES, strict=True)
        ]
        table.add_row(name, *map(_spread, columns), *("" if name == BASE else _spread(c, "+") for c in changes))
        (bench.out / "table.md").write_text(markdown(table) + "\n")
    return table


def prepare(
    dataset: Path, out: Path, budget: Budget, device: str = "auto", last: int | None = 40, given: Path | None = None
) -> Bench:
    """Choose what trains and what is scored: of the scored movie the last frames, at most ``last``."""
    movies = sequences(dataset)
    scored, folders = movies[-1], movies[:-1] or movies
    share = RECIPES.get(dataset.name, Recipe()).validation
    frames = held_back(scored, 0.0 if len(movies) > 1 and not given else share)
    return Bench(dataset, folders, scored, frames[-last:] if last else frames, out, budget, device, given)


def _values(found: Sequence[Scores], measure: str) -> list[float]:
    return [value for scores in found if (value := scores.get(measure)) is not None]


def _spread(values: Sequence[float], sign: str = "") -> str:
    return f"{mean(values):{sign}.3f} ± {(max(values) - min(values)) / 2:.3f}" if values else "-"


def _file_name(name: str) -> str:
    return name.replace(",", "").replace(" ", "-")


def main(
    dataset: Annotated[str, typer.Argument(help="A folder in $DATA_ROOT, or a path.")] = "Fluo-N2DH-SIM+",
    minutes: Annotated[float | None, typer.Option(help="Budget of each training.")] = None,
    epochs: Annotated[float | None, typer.Option(help="The same in passes over the data.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many.")] = 2,
    last: Annotated[int, typer.Option(min=2, help="So many of the scored movie's last frames are scored.")] = 40,
    only: Annotated[list[str] | None, typer.Option(help="Variants by name, all by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where models and scores lie.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    weights: Annotated[Path | None, typer.Option(help="Try inference alone, with these weights.")] = None,
) -> None:
    """Print the table of the variants."""
    start_logging()
    folder = Path(dataset) if Path(dataset).is_dir() else data_root() / dataset
    unknown = [name for name in only or () if name not in VARIANTS]
    if unknown:
        raise typer.BadParameter(f"expected some of {', '.join(VARIANTS)}, got {', '.join(unknown)}")
    training_ones = [name for name in only or () if weights and VARIANTS[name].trains]
    if training_ones:
        raise typer.BadParameter(f"expected variants of inference with --weights, got {', '.join(training_ones)}")
    where = f"{folder.name}-{weights.name}" if weights else folder.name
    bench = prepare(folder, out or REPOSITORY / "ablation" / where, Budget(minutes, epochs), device, last, weights)
    names = only or [name for name, variant in VARIANTS.items() if not (weights and variant.trains)]
    Console().print(ablate(bench, range(1 if weights else seeds), names))


if __name__ == "__main__":
    typer.run(main)
