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

    def over(self, other: "Choice") -> "Choice":
        """This choice, and the other one where this says nothing."""
        return Choice(
            self.channel or other.channel, self.scene or other.scene, self.time_axis or other.time_axis,
            self.units.over(other.units),
        )  # fmt: skip

    def note(self) -> dict[str, str | float | None]:
        """As a result's record has it."""
        return {
            "channel": self.channel, "scene": self.scene, "time_axis": self.time_axis,
            "pixel_size_um": self.units.pixel, "interval_s": self.units.interval,
        }  # fmt: skip
