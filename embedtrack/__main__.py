"""The command line: parse, call one function. Heavy imports wait until a command needs them."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from embedtrack import __version__
from embedtrack.cli import common, exchange, images, link, look, score, setup, ship, work
from embedtrack.cli.common import (
    AUTO,
    Channel,
    Compile,
    Device,
    Init,
    Interval,
    ModelOrAuto,
    Overwrite,
    Pattern,
    PixelSize,
    Plane,
    Precision,
    Scene,
    TimeAxis,
    Until,
    Views,
    chosen,
    finite,
    place,
    written,
)

if TYPE_CHECKING:
    from embedtrack.inference.model_choice import Fit
    from embedtrack.inference.track import Summary

CUT_SHORT = 3
"""The exit code where a frame could not be read and those before it were kept."""
NO_FIT = 4
"""The exit code where no model fits as well as was asked for; nothing is written then."""


class Grouped(TyperGroup):
    """The commands in the order of their panels."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands."""
        panels = {name: getattr(command, "rich_help_panel", None) for name, command in self.commands.items()}
        return sorted(panels, key=lambda name: [panels[name] != panel for panel in common.PANELS])


app = typer.Typer(name="embedtrack", cls=Grouped, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"embedtrack {__version__}")
        raise typer.Exit


@app.callback()
def embedtrack(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Segment and track cells in 2D time-lapse microscopy."""


@app.command(rich_help_panel=common.INFER)
def run(
    dataset: Annotated[str, typer.Argument(help="A folder in $DATA_ROOT, by default beside the repository; or demo.")],
    sequence: Annotated[str, typer.Argument(help="e.g. 01")],
    views: Views = 8,
    device: Device = "auto",
    precision: Precision = "float32",
    compiling: Compile = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Segment and track DATASET/SEQUENCE with the weights of its name; writes DATASET/SEQUENCE_RES."""
    from embedtrack.challenge.convention import job

    infer(
        *job(dataset, sequence),
        views=views, device=device, precision=precision, compiling=compiling, overwrite=overwrite,
    )  # fmt: skip


@app.command(rich_help_panel=common.INFER)
def infer(
    movie: Annotated[Path, typer.Argument(help="A folder of frames, a TIFF stack, OME-Zarr, ...: docs/movies.md.")],
    model: ModelOrAuto = AUTO,
    out: Annotated[
        Path | None,
        written("The result; an older one of ours is replaced at the end. By default MOVIE_RES.", "FOLDER"),
    ] = None,
    views: Views = 8,
    device: Device = "auto",
    precision: Precision = "float32",
    compiling: Compile = "auto",
    border: Annotated[int | None, typer.Option(help="Cells within so many pixels of the edge are removed.")] = None,
    diameter: Annotated[
        float | None, typer.Option(help="Of a typical cell in pixels, for a model of all cells; else found by itself.")
    ] = None,
    channel: Channel = None,
    scene: Scene = None,
    time_axis: TimeAxis = None,
    plane: Plane = None,
    pattern: Pattern = None,
    until: Until = None,
    pixel_size: PixelSize = None,
    interval: Interval = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(
            help="Of --model auto: exit code 4 where the best model's views agree to less.",
            min=0,
            max=1,
            callback=finite,
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Segment and track one movie."""
    from embedtrack.challenge.pair import result_of
    from embedtrack.cli.display import frames_bar
    from embedtrack.files.whole import check_apart
    from embedtrack.inference.track import track
    from embedtrack.machine.device import choose
    from embedtrack.movies.open import open_movie
    from embedtrack.options import Options

    choice = chosen(pixel_size, interval, channel, scene, time_axis, plane, pattern, until)
    options = Options(views, str(choose(device)), precision, compiling, border, diameter=diameter)
    out = out or place(result_of(movie, choice))
    check_apart(out, movie, model)
    recording = open_movie(movie, choice)
    fit: Fit | None = None
    if model == AUTO:
        from embedtrack.inference.model_choice import choose as choose_fit

        fit = choose_fit(recording, options.device)
        model = fit.model
        if min_agreement is not None and fit.agreement < min_agreement:
            sys.stderr.write(f"error: {movie}: expected views that agree to {min_agreement}, got {fit.verdict}\n")
            raise typer.Exit(NO_FIT)
    elif min_agreement is not None:
        raise ValueError("expected --min-agreement with --model auto, got a model by name; leave one of them out")
    with frames_bar("/".join(movie.absolute().parts[-2:])) as bar:
        summary = track(recording, model, out, options, overwrite=overwrite, notes=fit and fit.note(), on_frame=bar)
    _close(summary, out)


def _close(summary: "Summary", out: Path) -> None:
    from embedtrack.challenge.used import as_used, doubts

    logging.getLogger("embedtrack").info(
        "%s: %d frames, %d cells, %d tracks, %d divisions in %.1f s (%.2f frames/s); %s",
        out, *summary[:5], summary.frames / summary.seconds, "; ".join([as_used(summary.used), *doubts(summary.used)]),
    )  # fmt: skip
    if not summary.cells:
        logging.getLogger("embedtrack").warning(
            "no cell was found in any frame: look at the movie, or try another --model"
        )
    if summary.fault:
        logging.getLogger("embedtrack").error(
            "%s\nthe frames before it were kept: %d in %s", summary.fault, summary.frames, out
        )
        raise typer.Exit(CUT_SHORT)


@app.command(rich_help_panel=common.TRAIN)
def train(
    datasets: Annotated[
        list[Path], typer.Argument(help="Folders with annotated sequences, or for embedseg with images/ and masks/.")
    ],
    out: Annotated[Path, written("The model's folder, e.g. models/NAME.", "FOLDER")],
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes.", callback=finite)] = None,
    epochs: Annotated[float | None, typer.Option(help="Budget in passes over the data.", callback=finite)] = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of first weights, samples and dropout.")] = 0,
    init: Init = None,
    overwrite: Overwrite = False,
    all_cells: Annotated[
        bool, typer.Option("--all-cells", help="One model of all these data sets, single images among them.")
    ] = False,
    method: Annotated[
        str, typer.Option(help="embedtrack; for single images embedseg, or embedseg-published: the paper's recipe.")
    ] = "embedtrack",
) -> None:
    """Train a model on annotated movies or images; an interrupted training goes on where it was."""
    from embedtrack.cli.display import training_bar
    from embedtrack.training.train import train as teach

    with training_bar(out.name) as bar:
        teach(
            datasets, out,
            minutes=minutes, epochs=epochs, device_name=device, seed=seed, init=init, all_cells=all_cells,
            method=method, overwrite=overwrite,
            on_record=bar,
        )  # fmt: skip


@app.command(rich_help_panel=common.SETUP)
def simulate(
    folder: Annotated[Path, typer.Argument(help="The data set's folder; gets NAME and NAME_GT.")],
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 0,
    frames: Annotated[int, typer.Option(help="Length of the movie.")] = 24,
    size: Annotated[tuple[int, int], typer.Option(help="Height and width in pixels.")] = (400, 480),
    cells: Annotated[int, typer.Option(help="Nuclei in the first frame.")] = 30,
    name: Annotated[str, typer.Option(help="The sequence's name.")] = "01",
) -> None:
    """Make a movie of dividing nuclei with complete truth."""
    from embedtrack.simulate.movie import simulate as make

    make(folder, seed=seed, frames=frames, size=size, cells=cells, name=name)


app.add_typer(score.app)
app.add_typer(look.app)
app.add_typer(exchange.app)
app.add_typer(ship.app)
app.add_typer(work.app)
app.add_typer(images.app)
app.add_typer(link.app)
app.add_typer(setup.app)


def main() -> None:
    """Run a command; what is wrong with its input is one clear line and exit code 2."""
    from embedtrack.cli.display import start_logging
    from embedtrack.cli.net import run

    start_logging()
    sys.exit(run(lambda: app(prog_name=app.info.name, standalone_mode=False)))


if __name__ == "__main__":
    main()
