"""What several groups of commands need: units and a range of frames as a person writes them."""

from typing import Annotated

import typer

PixelSize = Annotated[float | None, typer.Option(help="Micrometres in a pixel.", min=1e-6)]
Interval = Annotated[str | None, typer.Option(help="From a frame to the next: 29min, 90s, 0.5h, or seconds.")]


def frame_range(text: str | None) -> range | None:
    """``3:7`` -> range(3, 8)."""
    if text is None:
        return None
    first, _, last = text.partition(":")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ValueError(f"expected --frames FIRST:LAST, e.g. 58:64, got {text}")
    return range(int(first), int(last) + 1)
