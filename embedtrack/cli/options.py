"""What several groups of commands need, each option at one place: how a movie is read, how a model runs, what is told.

A command says ``@reads_movie``, ``@runs_model`` or ``@tells`` and takes a ``choice``, ``options`` or ``tell``; the
options of the command line stand in their places.
"""

import inspect
import json
import math
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from embedtrack.options import VIEWS

if TYPE_CHECKING:
    from embedtrack.movies.selection import Choice
    from embedtrack.options import Options

Command = Callable[..., None]
Tell = Callable[[Mapping[str, Any]], bool]
"""Prints what a command did as one JSON object, where ``--json`` asks for it; says whether it did."""

TRAIN: Final = "Train"
INFER: Final = "Infer"
EVALUATE: Final = "Evaluate"
LOOK: Final = "Look"
EXCHANGE: Final = "Exchange"
SETUP: Final = "This installation"
PANELS: Final = (TRAIN, INFER, EVALUATE, LOOK, EXCHANGE, SETUP)
"""How ``--help`` groups the commands, in the order of the work; each command names its own: ``rich_help_panel=``."""


def _length(text: str | float) -> float:
    from embedtrack.movies.units import parse_length

    return parse_length(str(text))


PixelSize = Annotated[
    float | None, typer.Option(parser=_length, metavar="LENGTH", help="Of a pixel: 0.5um, 500nm, or micrometres.")
]
Interval = Annotated[str | None, typer.Option(help="From a frame to the next: 29min, 90s, 0.5h, or seconds.")]
Channel = Annotated[str | None, typer.Option(help="Of the movie: its number from 1, or its name.")]
Scene = Annotated[
    str | None,
    typer.Option("--scene", "--position", help="Where there are several movies: its number from 1, or its name."),
]
Plane = Annotated[str | None, typer.Option("--z", help="Of a movie in depth: a plane's number from 1, or max.")]
Pattern = Annotated[str | None, typer.Option(help="Of a folder: the images whose names match, e.g. 'A1_*.tif'.")]
Until = Annotated[int | None, typer.Option(help="The number of the last frame that is used.", min=0)]
TimeAxis = Annotated[str | None, typer.Option(help="The axis of time, e.g. Z where frames were saved as slices.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Precision = Annotated[
    str | None,
    typer.Option(help="auto, float32, bfloat16 or int8; by default auto where the model's scores stay the same."),
]
Compile = Annotated[
    str,
    typer.Option("--compile", help="auto: a GPU replays the network as a CUDA graph in long movies; off: never."),
]


Border = Annotated[int | None, typer.Option(help="Cells within so many pixels of the edge are removed.")]
Diameter = Annotated[
    float | None, typer.Option(help="Of a typical cell in pixels, for a model of all cells; else found by itself.")
]
TileSide = Annotated[
    int | None,
    typer.Option("--tile", help="Largest side of a tile in working pixels; by default as the memory built in allows."),
]


def _bytes(text: str | int) -> int:
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([MG])(?:i?B)?", str(text), re.IGNORECASE)
    if not match:
        raise typer.BadParameter(f"expected megabytes or gigabytes, e.g. 800M or 2G, got {str(text)[:40]!r}")
    return round(float(match[1]) * (1 << 30 if match[2] in "gG" else 1 << 20))


Memory = Annotated[
    int | None,
    typer.Option(
        parser=_bytes, metavar="SIZE", help="Of the whole program at its peak, e.g. 2G: tiles are chosen to keep it."
    ),
]
Crumbs = Annotated[
    bool, typer.Option("--crumbs", help="Masks keep small parts and holes; else the largest part of each, filled.")
]
Threads = Annotated[
    int | None, typer.Option(help="Of the processor, for the work; by default all cores.", min=1, max=4096)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out even if it is not of our own.")]


def finite(value: float | None) -> float | None:
    """Let an option be a number that is one: what is not finite passes every bound."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a finite number, got {value}")
    return value


def written(help: str, kind: str) -> Any:
    """The option ``--out`` of a command, which names a FILE or a FOLDER."""
    return typer.Option(help=help, parser=place, metavar=kind)


def place(text: str | Path) -> Path:
    """The place that ``--out`` means, resolved once: the working folder may be what is replaced."""
    from embedtrack.files.whole import resolved

    if not str(text).strip() or "\0" in str(text):
        raise typer.BadParameter("expected --out to name a file or a folder, got an empty name")
    return resolved(Path(text))


def _views(text: str | int) -> int:
    if str(text) not in map(str, VIEWS):
        raise typer.BadParameter(f"expected {', '.join(map(str, VIEWS))}, got {text}")
    return int(text)


Views = Annotated[
    int | None,
    typer.Option(
        parser=_views,
        metavar="|".join(map(str, VIEWS)),
        help="Turn and mirror each frame and take the mean; by default as many as the model needs, at most 4.",
    ),
]


def _model(text: str) -> Path:
    from embedtrack.challenge.convention import model_folder

    return model_folder(Path(text))


def _model_names() -> list[str]:
    from embedtrack.challenge.convention import model_names

    return model_names()


AUTO: Final = Path("auto")


def _model_or_auto(text: str | Path) -> Path:
    """The default comes through here too, as a path."""
    return AUTO if str(text) == AUTO.name else _model(str(text))


Model = Annotated[
    Path,
    typer.Option(
        parser=_model, metavar="NAME|FOLDER", autocompletion=_model_names,
        help="A shipped model by its name, e.g. Fluo-N2DH-SIM+, or the folder of your own.",
    ),
]  # fmt: skip
ModelOrAuto = Annotated[
    Path,
    typer.Option(
        parser=_model_or_auto, metavar="NAME|FOLDER|auto", autocompletion=lambda: [AUTO.name, *_model_names()],
        help="A shipped model by its name, the folder of your own, or auto: the shipped one that fits the movie best.",
    ),
]  # fmt: skip
Init = Annotated[
    Path | None,
    typer.Option(
        parser=_model, metavar="NAME|FOLDER", autocompletion=_model_names,
        help="Fine-tune the weights of this model.",
    ),
]  # fmt: skip


READS: Final[Mapping[str, Any]] = {
    "channel": Channel, "scene": Scene, "time_axis": TimeAxis, "plane": Plane, "pattern": Pattern, "until": Until,
    "pixel_size": PixelSize, "interval": Interval,
}  # fmt: skip
RUNS: Final[Mapping[str, Any]] = {
    "views": Views, "device": Device, "precision": Precision, "compiling": Compile, "border": Border,
    "diameter": Diameter, "tile": TileSide, "memory": Memory, "crumbs": Crumbs, "threads": Threads,
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
    """The command's ``tell`` becomes ``--quiet`` and ``--json``."""
    return _expanded(
        command, "tell", {"quiet": Quiet, "json": Json}, _teller, {"quiet": False, "json": False}, "What is told"
    )


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
    if threads:
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


def frame_range(text: str | None) -> range | None:
    """``3:7`` -> range(3, 8)."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", text)
    if not match or int(match[1]) > int(match[2]):
        raise ValueError(f"expected --frames FIRST:LAST, e.g. 58:64, got {text[:40] or 'nothing'}")
    return range(int(match[1]), int(match[2]) + 1)
