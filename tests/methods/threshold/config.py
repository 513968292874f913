"""What can be set of the toy method."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from embedtrack.settings import Settings

if TYPE_CHECKING:
    from embedtrack.method import Method


class ThresholdConfig(Settings):
    """A threshold on normalised grey values."""

    name: Literal["threshold"] = "threshold"
    """By which a ``config.json`` says which method it is of."""
    threshold: float = Field(0.5, gt=0)
    """Pixels above it are cells."""
    min_cell_size: int = Field(20, ge=1)
    """Smaller components, in pixels, are dropped."""

    def implementation(self) -> "Method":
        """The module with the method's functions."""
        from embedtrack.methods.threshold import method

        return method
