"""The command that says which model fits."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedtrack.cli.expand import Tell, reads_movie, tells
from embedtrack.cli.options import Device, Overwrite, written
from embedtrack.cli.panels import INFER
from embedtrack.movies.selection import Choice

if TYPE_CHECKING:
    from rich.table import Table

    from embedtrack.inference.model_choice import Fit

app = typer.Typer()
log = logging.getLogger("embedtrack")


@app.command(rich_help_panel=INFER)
@tells
@reads_movie
def choose(
    movies: Annotated[list[Path], typer.Argument(metavar="MOVIE...", help="Movies of any kind.")],
    choice: Choice,
    tell: Tell,
    out: Annotated[
        Path | None, written("A table of the movies with their models, for infer table.csv --out-dir.", "TABLE.csv")
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Say which shipped model fits each movie, and how well."""
    from rich.console import Console

    from embedtrack.batch.jobs import fields_of, write_table
    from embedtrack.cli.display import frames_bar
    from embedtrack.files.whole import check_file, new_file
    from embedtrack.inference.model_choice import choose as choose_fit
    from embedtrack.machine.device import use_threads
    from embedtrack.movies.open import open_movie

    use_threads(None)
    if out:
        check_file(out, overwrite=overwrite)
    fits = {}
    for path, movie in [(path, open_movie(path, choice)) for path in movies]:
        with frames_bar(f"looks of the models: {path.name}", "looks") as looks:
            fits[path] = choose_fit(movie, device, on_model=looks)
    if out:
        fields = {name: value for name, value in fields_of(choice).items() if value is not None}
        rows = [
            {"path": path.absolute(), "model": fit.model.name, "agreement": round(fit.agreement, 3),
             "verdict": fit.verdict, "diameter": fit.diameter, **fields}
            for path, fit in fits.items()
        ]  # fmt: skip
        with new_file(out, overwrite=overwrite) as file:
            file.write_text(
                write_table(rows, ("path", "model", "agreement", "verdict", "diameter", *fields)), encoding="utf-8"
            )
        log.info("%s: %d movies", out, len(rows))
    said = {
        str(path): {
            "model": fit.model.name, "diameter": fit.diameter, "score": round(fit.agreement, 3), "sure": fit.sure,
            "verdict": fit.verdict,
            "models": [one.row() for one in fit.table],
        }
        for path, fit in fits.items()
    }  # fmt: skip
    if not tell(said):
        for path, fit in fits.items():
            Console().print(_choice_table(str(path), fit))


def _choice_table(title: str, fit: "Fit") -> "Table":
    """The models with their scores, the best first."""
    from rich.table import Table

    heads = ("model", "score", "cells", "pixels across", "trained on", "brought to", "the same when turned")
    rows = Table(*heads, title=title)
    rows.columns[0].no_wrap = True  # it is what one types
    for one in fit.table:
        seen = one.seen
        rows.add_row(
            seen.model.name, f"{one.score:.2f}", f"{seen.cells:.0f}", f"{seen.diameter:.0f}", f"{seen.learnt or 0:.0f}",
            f"{seen.brought_to:.0f}" if seen.brought_to else "", f"{seen.agreement:.0%}",
        )  # fmt: skip
    rows.caption = fit.verdict
    return rows
