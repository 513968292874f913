"""What a run made of its options and its movie, as its record has it, in words for the last line, log and report."""

from collections.abc import Mapping
from typing import Any

from embedtrack.files.guard import clipped
from embedtrack.files.names import runs, spell
from embedtrack.options import PRECISIONS

LONGEST = 400
"""Letters of a doubt."""
LARGEST = 1e6
"""Pixels across a cell."""


def as_used(used: Mapping[str, Any]) -> str:
    """How frames were looked at, as far as it is known.

    ``8 views in bfloat16, border 25 px, 4 tiles of 512 x 512 px, 812 MB of memory``.

    Args:
        used: from a record, which may say anything.
    """
    border, tiles, side, memory = (used.get(name) for name in ("border", "tiles", "tile", "peak_memory_mb"))
    words = []
    views, precision = used.get("views"), used.get("precision")
    if _is_count(views) and precision in PRECISIONS[1:]:
        words.append(f"{views} view{'s' * (views != 1)} in {precision}")
    diameter = used.get("brought_to_diameter")
    if isinstance(diameter, float) and 0 < diameter < LARGEST:
        words.append(f"brought to cells of {diameter:.0f} px")
    if _is_count(border):
        words.append(f"border {border} px" if border else "no border")
    if _is_count(tiles) and isinstance(side, list) and len(side) == 2 and all(map(_is_count, side)):
        words.append(f"{tiles} tile{'s' * (tiles != 1)} of {side[0]} x {side[1]} px")
    if _is_count(memory):
        words.append(f"{memory} MB of memory")
    return ", ".join(words)


def doubts(used: Mapping[str, Any]) -> tuple[str, ...]:
    """What one should know before one trusts a result, a text each.

    Args:
        used: from a record, which may say anything.
    """
    border, removed, verdict, uneven = (
        used.get(name) for name in ("border", "cells_removed_by_border", "model_choice", "uneven_ground")
    )
    found = []
    if _is_count(removed) and removed:
        found.append(f"{removed} masks within {border} px of the edge were removed; --border 0 keeps them")
    if isinstance(verdict, str) and used.get("sure") is False:
        found.append(f"the model is doubtful: {verdict}")
    blank = used.get("frames_without_image")
    if isinstance(blank, list) and blank and all(map(_is_count, blank)):
        found.append(f"nothing can be seen in the frames {spell(runs(blank))}: all their pixels are nearly equal")
    if isinstance(uneven, int | float) and uneven:
        found.append(f"the ground differs over the frame by {uneven:.0f} times its noise and was levelled")
    if isinstance(used.get("cut_short"), str):
        found.append(f"the frames that follow could not be read: {used['cut_short']}")
    return tuple(clipped(text, LONGEST) for text in found)


def in_words(used: Mapping[str, Any]) -> str:
    """Both, for the last line of a command."""
    return "; ".join(filter(None, [as_used(used), *doubts(used)]))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53
