"""What a user says of a movie beside its metadata, and the log beside a result that remembers it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from embedtrack.movies.units import Units


class Choice(NamedTuple):
    """Which part of a movie is meant, and what overrides its metadata; None: as the file says."""

    channel: str | None = None
    """Its number from 1, or its name."""
    scene: str | None = None
    """Its number from 1, or its name, where a file holds several movies."""
    time_axis: str | None = None
    """The letter of the axis along which time goes, e.g. Z where a program called frames slices."""
    units: Units = Units()
    plane: str | None = None
    """Of a movie in depth: its plane's number from 1, or ``max``, the brightest of all planes."""
    pattern: str | None = None
    """Of a folder of images: those whose names match it, e.g. ``Exp_A1_*.tif``."""
    until: int | None = None
    """The number of the last frame that is used."""

    def over(self, other: "Choice") -> "Choice":
        """This choice, and the other one where this says nothing."""
        return Choice(
            self.channel or other.channel, self.scene or other.scene, self.time_axis or other.time_axis,
            self.units.over(other.units), self.plane or other.plane, self.pattern or other.pattern,
            other.until if self.until is None else self.until,
        )  # fmt: skip

    def note(self) -> dict[str, str | float | None]:
        """As the log has it."""
        return {
            "channel": self.channel, "scene": self.scene, "time_axis": self.time_axis,
            "pixel_size_um": self.units.pixel, "interval_s": self.units.interval,
            "plane": self.plane, "pattern": self.pattern, "until": self.until,
        }  # fmt: skip


def log_of(result: Path) -> Path:
    """The log beside a result: ``01_RES.log`` for ``01_RES``."""
    place = Path(result).resolve()
    return place.with_name(f"{place.name}.log")


def noted(result: Path) -> Choice:
    """How the movie of a result was read, as its log says; nothing where there is none."""
    try:
        known: dict[str, Any] = json.loads(log_of(result).read_text())["movie"]
        units = Units(known["pixel_size_um"], known["interval_s"])
        rest = (known.get("plane"), known.get("pattern"), known.get("until"))
        return Choice(known["channel"], known["scene"], known["time_axis"], units, *rest)
    except (OSError, ValueError, KeyError, TypeError):
        return Choice()
