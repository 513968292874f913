"""The command line: parse, call one function. Heavy imports wait until a command needs them."""

import atexit
import gc
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from embedtrack import __version__
from embedtrack.cli import batch, choose, exchange, images, infer, link, look, score, setup, ship, train, work
from embedtrack.cli.panels import PANELS, SETUP

SELDOM = 20_000
"""So many new objects are there before Python looks for garbage, instead of 700."""


class Grouped(TyperGroup):
    """The commands in the order of their panels; what is none and has a number behind it is DATASET 01 of ``run``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words mean: a container is called with a data set and a sequence alone."""
        named = len(args) > 1 and args[0] not in self.commands and args[1].isdecimal()
        return super().resolve_command(ctx, ["run", *args] if named else args)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands."""
        panels = {name: getattr(command, "rich_help_panel", None) for name, command in self.commands.items()}
        return sorted(panels, key=lambda name: [panels[name] != panel for panel in PANELS])


app = typer.Typer(name="embedtrack", cls=Grouped, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        from embedtrack.challenge.revision import revision

        typer.echo(f"embedtrack {__version__} ({revision()})")
        raise typer.Exit


@app.callback()
def embedtrack(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Segment and track cells in 2D time-lapse microscopy."""


@app.command(rich_help_panel=SETUP)
def simulate(
    folder: Annotated[Path, typer.Argument(help="The data set's folder; gets NAME and NAME_GT.")],
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 0,
    frames: Annotated[int, typer.Option(help="Length of the movie.")] = 24,
    size: Annotated[tuple[int, int], typer.Option(metavar="HEIGHT WIDTH", help="In pixels.")] = (400, 480),
    cells: Annotated[int, typer.Option(help="Nuclei in the first frame, or as many as find room.")] = 30,
    name: Annotated[str, typer.Option(help="The sequence's name.")] = "01",
) -> None:
    """Make a movie of dividing nuclei with complete truth."""
    from embedtrack.simulate.movie import simulate as make

    make(folder, seed=seed, frames=frames, size=size, cells=cells, name=name)


app.add_typer(infer.app)
app.add_typer(choose.app)
app.add_typer(batch.app)
app.add_typer(train.app)
app.add_typer(score.app)
app.add_typer(look.app)
app.add_typer(exchange.app)
app.add_typer(ship.app)
app.add_typer(work.app)
app.add_typer(images.app)
app.add_typer(link.app)
app.add_typer(setup.app)


def spare_imports() -> None:
    """Let Python look for garbage seldom, and not at all at the end: what torch and numba bring stays.

    To go through their half a million objects again and again took a quarter of a short run.
    """
    gc.set_threshold(SELDOM)
    atexit.register(gc.freeze)


def main() -> None:
    """Run a command; what is wrong with its input is one clear line and exit code 2."""
    from embedtrack.cli.display import start_logging
    from embedtrack.cli.errors import run

    start_logging()
    spare_imports()
    sys.exit(run(lambda: app(prog_name=app.info.name, standalone_mode=False)))


if __name__ == "__main__":
    main()
