"""What several groups of commands need: units, a range of frames, how the network runs, as a person writes them."""

from typing import Annotated

import typer

PixelSize = Annotated[float | None, typer.Option(help="Micrometres in a pixel.", min=1e-6)]
Interval = Annotated[str | None, typer.Option(help="From a frame to the next: 29min, 90s, 0.5h, or seconds.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Precision = Annotated[str, typer.Option(help="auto, float32 or bfloat16.")]


def _views(text: str | int) -> int:
    if str(text) not in ("1", "8"):
        raise typer.BadParameter(f"expected 1 or 8, got {text}")
    return int(text)


Views = Annotated[int, typer.Option(parser=_views, metavar="1|8", help="8: mean over the symmetries of the square.")]


def frame_range(text: str | None) -> range | None:
    """``3:7`` -> range(3, 8)."""
    if text is None:
        return None
    first, _, last = text.partition(":")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ValueError(f"expected --frames FIRST:LAST, e.g. 58:64, got {text}")
    return range(int(first), int(last) + 1)
