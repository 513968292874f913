"""The commands that train: on annotated movies, and a model by itself on one that is not."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from embedtrack.cli.expand import Tell, reads_movie, tells
from embedtrack.cli.options import Device, Diameter, Init, Model, Overwrite, Threads, finite, written
from embedtrack.cli.panels import TRAIN
from embedtrack.movies.selection import Choice

app = typer.Typer()
log = logging.getLogger("embedtrack")


@app.command(rich_help_panel=TRAIN)
@tells
def train(
    datasets: Annotated[
        list[Path], typer.Argument(help="Folders with annotated sequences, or for embedseg with images/ and masks/.")
    ],
    out: Annotated[Path, written("The model's folder, e.g. models/NAME.", "FOLDER")],
    tell: Tell,
    minutes: Annotated[
        float | None, typer.Option(help="Budget in minutes, calibration included.", callback=finite)
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Budget in passes over the data.", callback=finite)] = None,
    device: Device = "auto",
    threads: Threads = None,
    seed: Annotated[int, typer.Option(help="Of first weights, samples and dropout.")] = 0,
    init: Init = None,
    normalisation: Annotated[
        str | None, typer.Option(help="percentile or asinh; by default what suits the images, or --init.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its peak, e.g. 5e-4.", callback=finite)] = None,
    batch: Annotated[int | None, typer.Option(help="Pairs of crops in a step.", min=1)] = None,
    validation: Annotated[
        list[Path] | None,
        typer.Option(help="A movie that validates as a whole and trains nothing; again for more. By default the end "
                     "of each."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="So many models, each validated by other movies: OUT/fold1, ...", min=2)
    ] = None,
    all_cells: Annotated[
        bool, typer.Option("--all-cells", help="One model of all these data sets, single images among them.")
    ] = False,
    method: Annotated[
        str,
        typer.Option(
            help="embedtrack, hourglass; for single images embedseg. embedseg-published, hourglass-published: the "
            "papers' recipes."
        ),
    ] = "embedtrack",
    overwrite: Overwrite = False,
) -> None:  # fmt: skip
    """Train a model on annotated movies or images; an interrupted training goes on where it was."""
    from embedtrack.machine.device import use_threads
    from embedtrack.model_files import CARD, noted_scores
    from embedtrack.training.train import train as train_model

    use_threads(threads)
    teach = partial(
        train_model, datasets, epochs=epochs, device_name=device, seed=seed, init=init, all_cells=all_cells,
        method=method, changes=_changes(normalisation, learning_rate, batch), overwrite=overwrite,
    )  # fmt: skip
    if folds and (validation or all_cells):
        raise ValueError("expected --folds without --validation and --all-cells; leave them out")
    if folds:
        scores = _train_folds(teach, datasets, folds, out, minutes, overwrite=overwrite)
    else:
        _train_one(teach, out, validation or (), minutes)
        scores = {str(out): noted_scores(out / CARD)}
    tell({"models": [{"folder": place, "scores": found} for place, found in scores.items()]})


def _changes(normalisation: str | None, learning_rate: float | None, batch: int | None) -> dict[str, Any]:
    """The fields of the recipe that a person sets."""
    from embedtrack.movies.settings import Normalisation

    if normalisation not in (None, "percentile", "asinh"):
        raise ValueError(f"expected --normalisation percentile or asinh, got {normalisation}")
    changes: dict[str, Any] = {"learning_rate": learning_rate, "batch": batch}
    changes["normalisation"] = Normalisation(method=normalisation) if normalisation else None
    return {name: value for name, value in changes.items() if value is not None}


def _train_one(teach: Callable[..., None], out: Path, held: Sequence[Path], minutes: float | None) -> None:
    """Train one model, validated by some movies, and show how far it is."""
    from embedtrack.cli.display import training_bar

    with training_bar(out.name) as bar:
        teach(out, minutes=minutes, held=held, on_record=bar)


def _train_folds(
    teach: Callable[..., None],
    datasets: Sequence[Path],
    folds: int,
    out: Path,
    minutes: float | None,
    *,
    overwrite: bool,
) -> dict[str, dict[str, float]]:
    """Train the model of each fold that has none, and write the table of their scores."""
    from embedtrack.files.whole import check_file, new_file
    from embedtrack.model_files import CARD, noted_scores
    from embedtrack.training.folds import divide, markdown
    from embedtrack.training.train import finished

    table = out / "folds.md"
    check_file(table, overwrite=overwrite)
    parts = {out / f"fold{number}": held for number, held in enumerate(divide(datasets, folds), start=1)}
    for place, held in parts.items():
        if not finished(place):
            _train_one(teach, place, held, minutes and minutes / len(parts))
    scores = {str(place): noted_scores(place / CARD) for place in parts}
    with new_file(table, overwrite=overwrite) as path:
        path.write_text(markdown(parts, scores), encoding="utf-8")
    log.info("%s: the scores of each fold, and their means", table)
    return scores


@app.command(rich_help_panel=TRAIN)
@tells
@reads_movie
def adapt(
    movie: Annotated[Path, typer.Argument(help="A folder of frames, a TIFF stack, an OME-Zarr, ...; no annotation.")],
    model: Model,
    out: Annotated[Path, written("The new model's folder, e.g. models/NAME.", "FOLDER")],
    choice: Choice,
    tell: Tell,
    minutes: Annotated[float, typer.Option(help="Budget of the training in minutes.", callback=finite)] = 10.0,
    device: Device = "auto",
    threads: Threads = None,
    seed: Annotated[int, typer.Option(help="Of samples and dropout.")] = 0,
    diameter: Diameter = None,
    overwrite: Overwrite = False,
) -> None:
    """Let a model teach itself on a movie without annotation, with the masks that its views find alike."""
    from embedtrack.cli.display import training_bar
    from embedtrack.files.whole import check_apart
    from embedtrack.machine.device import use_threads
    from embedtrack.movies.open import open_movie
    from embedtrack.training.self_training import self_train

    use_threads(threads)
    check_apart(out, movie, model)
    with training_bar(out.name) as bar:
        found = self_train(
            open_movie(movie, choice), model, out,
            minutes=minutes, device_name=device, seed=seed, diameter=diameter, overwrite=overwrite, on_record=bar,
        )  # fmt: skip
    log.info(
        "%s: taught by %d of %d masks; two views agree to %.3f, by the old weights to %.3f",
        out, found.trusted, found.found, found.after, found.before,
    )  # fmt: skip
    tell({"model": str(out), **found._asdict()})
