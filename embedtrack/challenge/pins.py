"""The links that a person has said, in the record of a result: ``pins``, a list of four numbers each, see ``Pin``."""

import logging
from collections.abc import Iterable
from pathlib import Path

from embedtrack.challenge.record import known_of
from embedtrack.types import Pin

PINS = "pins"
"""The record's field."""
log = logging.getLogger(__name__)


def read_pins(result: Path, first: int) -> list[Pin]:
    """The pins of a result, with frames as indices; none where it has no record. What is damaged is told, and left out.

    Args:
        result: its folder, or masks of any kind.
        first: the number of its first frame.
    """
    if not result.is_dir():
        return []
    try:
        rows = (known_of(result) or {}).get(PINS) or []
        return [shifted(Pin(*map(_whole, row)), -first) for row in rows]
    except (ValueError, TypeError) as error:
        log.warning("corrections of links are not known: %s", error)
        return []


def columns(pins: Iterable[Pin], first: int) -> dict[str, list[list[int]]]:
    """The record's field of some pins, with frames by their numbers; none where there are none."""
    rows = [list(shifted(pin, first)) for pin in pins]
    return {PINS: rows} if rows else {}


def shifted(pin: Pin, frames: int) -> Pin:
    """The same pin with other numbers for the frames."""
    before = pin.before + frames if pin.source else 0
    return pin._replace(frame=pin.frame + frames, before=before)


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ValueError(f"expected pins of four whole numbers from 0 in the record, got {value!r:.40}")
    return value
