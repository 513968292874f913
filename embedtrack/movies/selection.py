"""What a user says of a movie beside its metadata."""

from typing import NamedTuple

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
        """As a result's record has it."""
        return {
            "channel": self.channel, "scene": self.scene, "time_axis": self.time_axis,
            "pixel_size_um": self.units.pixel, "interval_s": self.units.interval,
            "plane": self.plane, "pattern": self.pattern, "until": self.until,
        }  # fmt: skip
