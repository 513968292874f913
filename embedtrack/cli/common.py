"""What several groups of commands need: units, a range of frames, how the network runs, as a person writes them."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from embedtrack.movies.selection import Choice

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
Precision = Annotated[str, typer.Option(help="auto, float32 or bfloat16.")]
Compile = Annotated[
    str,
    typer.Option("--compile", help="auto: a GPU replays the network as a CUDA graph in long movies; off: never."),
]


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
    if str(text) not in ("1", "8"):
        raise typer.BadParameter(f"expected 1 or 8, got {text}")
    return int(text)


Views = Annotated[int, typer.Option(parser=_views, metavar="1|8", help="8: mean over the symmetries of the square.")]


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
