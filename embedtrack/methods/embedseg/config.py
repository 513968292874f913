"""What can be set of EmbedSeg: as of EmbedTrack, and where the published program differs from ours."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.settings import Settings

if TYPE_CHECKING:
    from embedtrack.method import Method


class EmbedSegConfig(Settings):
    """A branched ERFNet without tracking decoder, and the clustering of its maps (Lalit et al. 2021)."""

    title: ClassVar[str] = "EmbedSeg's branched ERFNet (Lalit et al. 2021), 2.3 million parameters"

    name: Literal["embedseg"] = "embedseg"
    """By which a ``config.json`` says which method it is of."""
    pixel_size: float = Field(1 / 255, gt=0, lt=1)
    """Width of a working pixel in grid units."""
    clustering: Clustering = Clustering()
    """Calibrated on the validation images, unless ``calibrated`` is off."""
    bandwidth: Literal["bounded", "raw"] = "bounded"
    """Kept in [0, 1] by a sigmoid, beginning with the median cell's; or the decoder's own value, beginning with 1."""
    crops: Literal["around", "centred"] = "around"
    """Crops of an image hold one of its cells anywhere, some none; or each has a cell of all images in its middle."""
    seed_loss: Literal["instances", "pixels"] = "instances"
    """Means per instance and over the background; or the sum over a crop's pixels, divided by their number."""
    foreground_weight: float = Field(1.0, gt=0)
    """Weight of a cell's pixels in a seed loss of ``pixels``."""
    calibrated: bool = True
    """Whether validation images choose the thresholds; otherwise they stay as they are."""

    def implementation(self) -> "Method":
        """The module with the method's functions."""
        from embedtrack.methods.embedseg import method

        return method
