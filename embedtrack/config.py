"""What can be set: small validated models, one docstring per field, and the table of the challenge's data sets."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Frozen, and an unknown field is an error: a typing mistake in a config.json is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Normalisation(Settings):
    """How grey values become a frame; one function, ``data/samples.py: normalise``, for training and inference."""

    method: Literal["percentile", "asinh"] = "percentile"
    """``percentile``: percentiles 1 and 99 to [0, 1]. ``asinh``: asinh((x - median) / 2 sigma) / 2, sigma the noise."""
    floor: float = Field(10.0, gt=0)
    """The percentile range is never below this many times the background's noise, so that noise stays small."""


class Clustering(Settings):
    """How maps become cells, see ``instances/cluster.py``."""

    seed_threshold: float = Field(0.5, gt=0, lt=1)
    """A cell's centre needs a seediness above this."""
    mask_threshold: float = Field(0.3, gt=0, lt=1)
    """A pixel with seediness above this may belong to a cell."""
    min_votes: int = Field(5, ge=0)
    """A centre needs more than this many shifted pixels in its 3x3 neighbourhood."""
    min_cell_size: int = Field(1, ge=1)
    """Smaller masks, in pixels, are dropped: half of the 1st percentile of the training masks' sizes."""


class Linking(Settings):
    """How cells become tracks, see ``tracks/link.py``."""

    max_gap: int = Field(2, ge=0, le=2)
    """A cell missed for up to this many frames keeps its track."""


class DataSet(Settings):
    """What the challenge fixes for one of its data sets."""

    border: int = 0
    """E: cells lying wholly within this many pixels of the frame's edge are not scored and are removed."""
    digits: int = 3
    """Digits of the frame numbers in file names."""
    cycle_tolerance: int = 3
    """i of BC(i): a division may be off by this many frames."""


DATASETS: dict[str, DataSet] = {
    "BF-C2DL-HSC": DataSet(border=25, digits=4),
    "BF-C2DL-MuSC": DataSet(border=25, digits=4),
    "DIC-C2DH-HeLa": DataSet(border=50),
    "Fluo-C2DL-Huh7": DataSet(border=50),
    "Fluo-C2DL-MSC": DataSet(border=50),
    "Fluo-N2DH-GOWT1": DataSet(border=50),
    "Fluo-N2DH-SIM+": DataSet(border=0),
    "Fluo-N2DL-HeLa": DataSet(border=25, cycle_tolerance=1),
    "PhC-C2DH-U373": DataSet(border=50),
    "PhC-C2DL-PSC": DataSet(border=25, cycle_tolerance=2),
}
