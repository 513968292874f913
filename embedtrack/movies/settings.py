"""What can be set of how the grey values of a movie become frames: their scale and their normalisation."""

from typing import Literal

from pydantic import Field

from embedtrack.settings import Settings

SCALES = (0.25, 0.5, 1.0, 2.0)
"""Working pixels per pixel of the frame: those of which a training chooses one."""


class Normalisation(Settings):
    """How grey values become a frame; one function, ``movies/normalise.py``, for training and inference."""

    method: Literal["percentile", "asinh"] = "percentile"
    """``percentile``: percentiles 1 and ``high`` to [0, 1]. ``asinh``: asinh((x - median) / 2 sigma) / 2, sigma the
    noise."""
    high: float = Field(99.0, gt=50, le=100)
    """The percentile that becomes 1."""
    floor: float = Field(10.0, gt=0, le=1e4)
    """The percentile range is never below this many times the background's noise, so that noise stays small."""
    noise: Literal["image", "frame"] = "image"
    """``image``: the noise is measured in the image itself where the network sees it enlarged, which smooths it, and
    between the grey levels where these are few. ``frame``: in what the network sees, as earlier models have learnt."""

    @property
    def bright(self) -> bool:
        """Whether it is for cells that are bright on a dark ground."""
        return self.method == "asinh"


PLAIN = Normalisation()
"""Phase contrast, DIC, brightfield: cells no brighter than the ground."""

FLUORESCENCE = Normalisation(method="asinh")
"""Bright cells of very different brightness on a dark ground."""
