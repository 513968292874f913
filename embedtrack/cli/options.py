"""The options that several commands take, each written once: what it is called, what it may be, what its help says."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from embedtrack.options import VIEWS, parse_diameter


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


def _diameter(text: str | float) -> float | str | None:
    try:
        return parse_diameter(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Diameter = Annotated[
    float | None,
    typer.Option(
        parser=_diameter, metavar="PIXELS|auto",
        help="Of a typical cell, where it is not that of the cells that the model has learnt; auto: found by itself.",
    ),
]  # fmt: skip
DiameterInPixels = Annotated[
    float | None,
    typer.Option(
        "--diameter", metavar="PIXELS", min=0,
        help="Of a typical cell, where it is not that of the cells that the model has learnt.",
    ),
]  # fmt: skip
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


def frame_range(text: str | None) -> range | None:
    """``3:7`` -> range(3, 8); ``5`` -> range(5, 6)."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})(?::([0-9]{1,9}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise ValueError(f"expected --frames FIRST:LAST, e.g. 58:64, or one, got {text[:40] or 'nothing'}")
    return range(first, last + 1)
