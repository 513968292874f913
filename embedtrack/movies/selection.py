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

    def over(self, other: "Choice") -> "Choice":
        """This choice, and the other one where this says nothing."""
        return Choice(
            self.channel or other.channel, self.scene or other.scene, self.time_axis or other.time_axis,
            self.units.over(other.units),
        )  # fmt: skip

    def note(self) -> dict[str, str | float | None]:
        """As the log has it."""
        return {
            "channel": self.channel, "scene": self.scene, "time_axis": self.time_axis,
            "pixel_size_um": self.units.pixel, "interval_s": self.units.interval,
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
        return Choice(known["channel"], known["scene"], known["time_axis"], units)
    except (OSError, ValueError, KeyError, TypeError):
        return Choice()
