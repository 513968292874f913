"""Commands that judge a result: against its truth, and by the challenge's rules."""

import json as json_format
import logging
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.cli.options import Json, frame_range
from embedtrack.cli.panels import EVALUATE

app = typer.Typer()

SHOWN = 100
"""Faults of a result that a person is shown."""


@app.command(rich_help_panel=EVALUATE)
def evaluate(
    truth_folder: Annotated[Path, typer.Argument(help="e.g. Fluo-N2DH-SIM+/01_GT")],
    result_folder: Annotated[Path, typer.Argument(help="e.g. Fluo-N2DH-SIM+/01_RES")],
    json: Json = False,
    frames: Annotated[str | None, typer.Option(help="FIRST:LAST, or one: the frames to score, inclusive.")] = None,
    ap: Annotated[
        bool, typer.Option("--ap", help="Of single images: average precision; two folders of label images, or two.")
    ] = False,
    smallest: Annotated[int, typer.Option(help="With --ap: cells and masks of fewer pixels are left out.", min=0)] = 0,
) -> None:
    """Score a result: SEG, DET, TRA, LNK, CT, TF, BC(i), CCA and what follows from them; or masks of single images."""
    if ap:
        _average_precision(truth_folder, result_folder, json, frames, smallest)
        return
    if smallest:
        raise ValueError(f"expected --smallest with --ap, got --smallest {smallest} without; leave it out")
    from rich.console import Console

    from embedtrack.challenge.evaluate import evaluate as score
    from embedtrack.challenge.scores import table

    scores = score(truth_folder, result_folder, frames=frame_range(frames))
    if json:
        typer.echo(json_format.dumps(scores))
    else:
        Console().print(table(scores))
        if lacking := [name for name, value in scores.items() if value is None]:
            logging.getLogger("embedtrack").info("-: this truth has nothing to measure %s by", ", ".join(lacking))


def _average_precision(truth: Path, masks: Path, json: bool, frames: str | None, smallest: int) -> None:
    """Print the table of thresholds."""
    from rich.console import Console
    from rich.table import Table

    from embedtrack.challenge.average_precision import evaluate as score

    if frames is not None:
        raise ValueError(f"expected --ap for all images, got --frames {frames}; leave it out")
    found = score(truth, masks, smallest=smallest)
    names = [f"{threshold / 100:.2f}" for threshold in found.thresholds]
    counts = [dict(zip(("TP", "FP", "FN"), one, strict=True)) for one in found.counts.tolist()]
    if json:
        columns = {"AP": found.mean, "pooled": found.pooled, "counts": counts}
        known = {name: dict(zip(names, column, strict=True)) for name, column in columns.items()}
        typer.echo(json_format.dumps({"images": found.images, **known}))
        return
    table = Table("IoU", "AP", "AP pooled", "TP", "FP", "FN", title=f"{found.images} images")
    for name, mean, pooled, one in zip(names, found.mean, found.pooled, counts, strict=True):
        table.add_row(name, f"{mean:.3f}", f"{pooled:.3f}", *map(str, one.values()))
    Console().print(table)


@app.command(rich_help_panel=EVALUATE)
def check(
    result_folder: Annotated[Path, typer.Argument(help="e.g. Fluo-N2DH-SIM+/01_RES, or 01_GT")],
    raw: Annotated[Path | None, typer.Option(help="The result's movie, where it lies somewhere else.")] = None,
) -> None:
    """Say whether a result, or tracking truth, obeys the challenge's rules; for a result by the movie beside it."""
    from embedtrack.challenge import layout
    from embedtrack.challenge.pair import movie_of
    from embedtrack.challenge.record import noted
    from embedtrack.challenge.tracked import is_truth, open_tracked
    from embedtrack.files.names import summary
    from embedtrack.movies.open import open_movie
    from embedtrack.movies.selection import Choice

    log = logging.getLogger("embedtrack")
    if is_truth(result_folder):
        if raw:
            raise ValueError(f"expected --raw beside a result, got {result_folder}, which is truth; leave it out")
        truth = open_tracked(result_folder)
        log.info("%s: valid truth of %d frames, %d tracks", result_folder, len(truth), len(truth.tracks))
        return
    movie = raw or movie_of(result_folder)
    choice = Choice()
    try:
        choice = noted(result_folder)
    except ValueError as error:
        log.warning("%s", error)  # a fault of the record, not of the result
    faults = layout.check(result_folder, open_movie(movie, choice) if movie else None)
    if faults:
        raise ValueError(summary(faults, SHOWN))
    known = (
        f" for {movie.name}"
        if movie
        else "; whether it has all frames of its movie cannot be said, for none (or more than one) lies beside it"
    )
    log.info("%s: valid%s", result_folder, known)
