"""What can be set of the recurrent hourglass: its size, the length of its windows, and how embeddings become cells."""

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from embedtrack.settings import Settings

if TYPE_CHECKING:
    from embedtrack.method import Method


class Clustering(Settings):
    """How embeddings become cells, see ``methods/hourglass/cluster.py``; sizes are in the frame's pixels."""

    by: Literal["mean-shift", "hdbscan"] = "mean-shift"
    """Of 2019, or of 2018: clusters of high density, which need no bandwidth."""
    bandwidth: float = Field(0.1, gt=0, lt=1)
    """h: embeddings of one cell lie within a cosine distance h of their mean."""
    place: float = Field(0.005, ge=0, lt=1)
    """c: what a pixel of distance counts beside embeddings of length 1; sqrt(2 h) / c pixels apart are two cells."""
    background: float = Field(0.5, gt=0, lt=1)
    """A pixel is background where the squared cosine of its embedding to the first axis is this or more."""
    min_cell_size: int = Field(1, ge=1, le=10**8)
    """Smaller masks, in pixels, are dropped: half of the 1st percentile of the training masks' sizes."""


class HourglassConfig(Settings):
    """A recurrent stacked hourglass whose embeddings are clustered over frame pairs (Payer et al. 2019)."""

    title: ClassVar[str] = "Payer et al.'s recurrent stacked hourglass with cosine embeddings (2018, 2019)"

    name: Literal["hourglass"] = "hourglass"
    """By which a ``config.json`` says which method it is of."""
    channels: int = Field(64, ge=1, le=1024)
    """C, of all inner layers."""
    levels: int = Field(7, ge=1, le=10)
    """Of each hourglass; each halves the frame once more."""
    dimensions: int = Field(16, ge=2, le=256)
    """d of the embeddings. At most d - 1 cells that are mutual neighbours can all differ: fewer save no work."""
    recurrent_from: int = Field(0, ge=0, le=10)
    """The first level with a ConvGRU, from 0, the published one; levels above it have a convolution in its place."""
    length: int = Field(8, ge=1, le=64)
    """Frames of a window, in training and inference alike: another length changes the embeddings."""
    squared: bool = True
    """Whether the pull has the squared cosine (2019), or the cosine (2018), which tells an embedding from its mirror
    image."""
    clustering: Clustering = Clustering()
    """Calibrated on the validation frames."""

    @model_validator(mode="after")
    def _levels_there(self) -> Self:
        if self.recurrent_from > self.levels:
            raise ValueError(f"expected recurrent_from 0 to {self.levels}, the levels, got {self.recurrent_from}")
        return self

    def implementation(self) -> "Method":
        """The module with the method's functions."""
        from embedtrack.methods.hourglass import method

        return method
