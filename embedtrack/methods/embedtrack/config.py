"""What can be set of EmbedTrack: the grid of its offsets, and how maps become cells."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from embedtrack.settings import Settings

if TYPE_CHECKING:
    from embedtrack.method import Method


class Clustering(Settings):
    """How maps become cells, see ``methods/embedtrack/cluster.py``."""

    seed_threshold: float = Field(0.5, gt=0, lt=1)
    """A cell's centre needs a seediness above this."""
    mask_threshold: float = Field(0.3, gt=0, lt=1)
    """A pixel with seediness above this may belong to a cell."""
    reach: float | None = Field(None, gt=0, lt=1)
    """Cells that were found take the pixels with d above this to their mean centre, see
    ``methods/embedtrack/refine.py``; None: they stay as found, by d > 0.5 to the centre that proposed them."""
    min_votes: int = Field(5, ge=0, le=10**6)
    """A centre needs more than this many shifted pixels in its 3x3 neighbourhood."""
    smoothing: int = Field(3, ge=1, le=101)
    """A centre's bandwidth is the mean over a square of this side around it; 1: its own."""
    min_cell_size: int = Field(1, ge=1, le=10**8)
    """Smaller masks, in pixels, are dropped: half of the 1st percentile of the training masks' sizes."""


class EmbedTrackConfig(Settings):
    """A branched ERFNet, and the clustering of its maps (Löffler & Mikut 2022)."""

    title: ClassVar[str] = "EmbedTrack's branched ERFNet (Löffler & Mikut 2022), 2.5 million parameters"

    name: Literal["embedtrack"] = "embedtrack"
    """By which a ``config.json`` says which method it is of."""
    pixel_size: float = Field(1 / 255, ge=1 / 8192, le=1 / 16)
    """Width of a working pixel in grid units: offsets reach 16 to 8192 of them."""
    clustering: Clustering = Clustering()
    """Calibrated on the validation frames."""

    def implementation(self) -> "Method":
        """The module with the method's functions."""
        from embedtrack.methods.embedtrack import method

        return method
