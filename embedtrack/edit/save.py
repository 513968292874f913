"""Corrections in the challenge's files: a result whose record says that a person has corrected it, and which links."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from embedtrack.challenge.pins import PINS, columns, read_pins
from embedtrack.challenge.provenance import write_log
from embedtrack.challenge.record import known_of
from embedtrack.challenge.record_fields import CORRECTED
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.edit.draft import Draft, as_tracked, open_draft
from embedtrack.edit.pins import pins
from embedtrack.tracked import Tracked
from embedtrack.types import Pin


def save(draft: Draft, source: str | Path, out: str | Path | None = None, *, overwrite: bool = False) -> list[Pin]:
    """Write what has become of a result by corrections.

    Args:
        draft: of ``open_draft``, corrected.
        source: the result's folder as it was opened, e.g. ``DATASET/01_RES``.
        out: the corrected one's; by default it takes the place of ``source``.
        overwrite: replace what is not of our own.

    Returns:
        The links that the corrections said, all older ones among them.

    Raises:
        ValueError: what was corrected is not valid, or cannot be written.
    """
    source = Path(source)
    before = open_tracked(source)
    links = pins(open_draft(before), draft, read_pins(source, before.first))
    write_corrected(as_tracked(draft, before), Path(out or source), source, links, overwrite=overwrite)
    return links


def write_corrected(result: Tracked, out: Path, source: Path, links: Iterable[Pin], *, overwrite: bool = False) -> None:
    """Write a corrected result, with the record of ``source``, which says now when it was corrected and which links.

    Raises:
        ValueError: it is not valid, or cannot be written.
    """
    known: dict[str, Any] = {name: value for name, value in (known_of(source) or {}).items() if name != PINS}
    movie = result.movie._replace(units=result.units).note()
    if said := {name: value for name, value in movie.items() if value is not None}:
        known["movie"] = {**(known.get("movie") or {}), **said}
    known |= {CORRECTED: datetime.now(UTC).isoformat(timespec="seconds"), **columns(links, result.first)}
    write_tracked(result, out, known, overwrite=overwrite)
    write_log(out, known, overwrite=overwrite)
