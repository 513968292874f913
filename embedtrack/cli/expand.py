"""What a command is given instead of many options: how a movie is read, how a model runs, what is told.

A command says ``@reads_movie``, ``@runs_model`` or ``@tells`` and takes a ``choice``, ``options`` or ``tell``; the
options of the command line stand in their places.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from embedtrack.cli import options as kinds

if TYPE_CHECKING:
    from embedtrack.movies.selection import Choice
    from embedtrack.options import Options

Command = Callable[..., None]
Tell = Callable[[Mapping[str, Any]], bool]
"""Prints what a command did as one JSON object, where ``--json`` asks for it; says whether it did."""

READS: Final[Mapping[str, Any]] = {
    "channel": kinds.Channel, "scene": kinds.Scene, "time_axis": kinds.TimeAxis, "plane": kinds.Plane,
    "pattern": kinds.Pattern, "until": kinds.Until, "pixel_size": kinds.PixelSize, "interval": kinds.Interval,
}  # fmt: skip
RUNS: Final[Mapping[str, Any]] = {
    "views": kinds.Views, "device": kinds.Device, "precision": kinds.Precision, "compiling": kinds.Compile,
    "border": kinds.Border, "diameter": kinds.Diameter, "tile": kinds.TileSide, "memory": kinds.Memory,
    "crumbs": kinds.Crumbs, "threads": kinds.Threads,
}  # fmt: skip
USUAL: Final[Mapping[str, Any]] = {
    "views": None,
    "device": "auto",
    "compiling": "auto",
    "crumbs": False,
}
"""What is not None by default."""


def reads_movie(command: Command) -> Command:
    """The command's ``choice`` becomes the options that say how a movie is read."""
    return _expanded(command, "choice", READS, chosen, panel="How the movie is read")


def runs_model(*without: str, **usual: Any) -> Callable[[Command], Command]:
    """The command's ``options`` become those that say how a model is run, some left out, some with other defaults."""

    def expand(command: Command) -> Command:
        kept = {name: kind for name, kind in RUNS.items() if name not in without}
        return _expanded(command, "options", kept, options_of, {**USUAL, **usual}, "How the model runs")

    return expand


def tells(command: Command) -> Command:
    """The command's ``tell`` becomes ``--quiet`` and ``--json``. The first of all, as others say something."""
    options = {"quiet": kinds.Quiet, "json": kinds.Json}
    return _expanded(command, "tell", options, _teller, dict.fromkeys(options, False), "What is told")


def _expanded(
    command: Command,
    name: str,
    options: Mapping[str, Any],
    make: Callable[..., Any],
    usual: Mapping[str, Any] | None = None,
    panel: str | None = None,
) -> Command:
    """The command with several options instead of an argument, which is made of them before it runs."""
    inner = inspect.signature(command, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [one.replace(kind=keyword) for one in inner.parameters.values() if one.name != name]
    shared = [
        inspect.Parameter(option, keyword, default=(usual or {}).get(option), annotation=_listed(kind, panel))
        for option, kind in options.items()
    ]

    @wraps(command)
    def outer(**given: Any) -> None:
        made = make(**{option: given.pop(option) for option in options if option in given})
        command(**given, **{name: made})

    outer.__signature__ = inner.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    outer.__annotations__ = {one.name: one.annotation for one in (*own, *shared)}
    del outer.__wrapped__
    return outer


def _listed(kind: Any, panel: str | None) -> Any:
    """The option, listed in a panel of the help."""
    plain, option = get_args(kind)
    option = copy(option)
    option.rich_help_panel = panel
    return Annotated[plain, option]


def options_of(threads: int | None = None, device: str = "auto", **said: Any) -> "Options":
    """How a model is run."""
    from embedtrack.machine.device import choose, use_threads
    from embedtrack.options import Options

    options = Options(**said)  # what is wrong in it is told first
    use_threads(threads)
    return replace(options, device=str(choose(device)))


def _teller(quiet: bool = False, json: bool = False) -> Tell:
    from embedtrack.cli.display import be_quiet

    if quiet:
        be_quiet()
    return _print if json else lambda said: False


def _print(said: Mapping[str, Any]) -> bool:
    typer.echo(json.dumps(said, default=str))
    return True


def chosen(
    pixel_size: float | None = None,
    interval: str | None = None,
    channel: str | None = None,
    scene: str | None = None,
    time_axis: str | None = None,
    plane: str | None = None,
    pattern: str | None = None,
    until: int | None = None,
) -> "Choice":
    """What the options say of a movie."""
    from embedtrack.movies.selection import Choice
    from embedtrack.movies.units import Units, parse_interval

    said = {"channel": channel, "scene": scene, "time-axis": time_axis, "z": plane, "pattern": pattern,
            "interval": interval}  # fmt: skip
    if empty := next((name for name, text in said.items() if text is not None and not text.strip()), None):
        raise ValueError(f"expected --{empty} to say something, got an empty text; leave it out")
    units = Units(pixel_size, parse_interval(interval) if interval else None)
    return Choice(channel, scene, time_axis, units, plane, pattern, until)
