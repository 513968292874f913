"""Which method suits what: ``python -m benchmarks.methods DIC-C2DH-HeLa --minutes 40``.

Each method trains on one movie and is scored on the whole other one, on the same movies, minutes and device; what is
finished is not done again. EmbedSeg links by overlap. Models, scores and the table lie in ``comparison``.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.crossvalidate import Budget, folds, means, run
from benchmarks.memory import peak
from benchmarks.scoring import cells_of, markdown
from embedtrack.challenge.convention import REPOSITORY, data_root
from embedtrack.challenge.scores import Scores
from embedtrack.cli.display import start_logging

METHODS = ("embedtrack", "hourglass", "embedseg")
SHOWN = ("SEG", "TRA", "BIO")


def compare(datasets: Sequence[Path], methods: Sequence[str], out: Path, budget: Budget) -> Table:
    """The means of all folds of each data set, by each method in as many views as it can average."""
    table = Table("data set", "method", "views", *SHOWN, "seconds a frame", "peak memory, MB")
    for dataset in datasets:
        for method in methods:
            place = out / method / dataset.name
            own = Budget(budget.minutes, budget.epochs, budget.device, None, None, method)
            found: dict[int, list[Scores]] = {}
            most = 0
            for fold in folds(dataset, place):
                for views, scores in run(dataset, fold, place, own, 0).items():
                    found.setdefault(views, []).append(scores)
                most = max(most, peak(fold.scored, place / f"{fold.name}-seed0", place / "memory_RES"))
            for views, every in found.items():
                seconds = mean(scores["seconds"] or 0.0 for scores in every)
                row = [*cells_of(means(every), SHOWN), f"{seconds:.2f}", f"{most / 1024:.0f}" if views == 1 else ""]
                table.add_row(dataset.name, method, str(views), *row)
            (out / "table.md").write_text(markdown(table) + "\n")
    return table


def main(
    datasets: Annotated[list[str], typer.Argument(help="Folders in $DATA_ROOT, or paths.")],
    minutes: Annotated[float, typer.Option(help="Budget of each training.")] = 40.0,
    methods: Annotated[list[str] | None, typer.Option("--method", help="By default all three.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where models and scores lie.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Print the table."""
    start_logging()
    asked = [Path(name) if Path(name).is_dir() else data_root() / name for name in datasets]
    budget = Budget(minutes=minutes, device=device)
    Console().print(compare(asked, methods or METHODS, out or REPOSITORY / "comparison", budget))


if __name__ == "__main__":
    typer.run(main)
