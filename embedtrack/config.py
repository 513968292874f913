"""What can be set: small validated models, one docstring per field, and the table of the challenge's data sets."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SCALES = (0.25, 0.5, 1.0, 2.0)
"""Working pixels per pixel of the frame."""


def _known_scale(scale: float) -> float:
    if scale not in SCALES:
        raise ValueError(f"expected one of {SCALES}")
    return scale


Scale = Annotated[float, AfterValidator(_known_scale)]


class Settings(BaseModel):
    """Frozen, and an unknown field is an error: a typing mistake in a config.json is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Normalisation(Settings):
    """How grey values become a frame; one function, ``movies/normalise.py``, for training and inference."""

    method: Literal["percentile", "asinh"] = "percentile"
    """``percentile``: percentiles 1 and 99 to [0, 1]. ``asinh``: asinh((x - median) / 2 sigma) / 2, sigma the noise."""
    floor: float = Field(10.0, gt=0)
    """The percentile range is never below this many times the background's noise, so that noise stays small."""


class Clustering(Settings):
    """How maps become cells, see ``methods/embedtrack/cluster.py``."""

    seed_threshold: float = Field(0.5, gt=0, lt=1)
    """A cell's centre needs a seediness above this."""
    mask_threshold: float = Field(0.3, gt=0, lt=1)
    """A pixel with seediness above this may belong to a cell."""
    reach: float | None = Field(None, gt=0, lt=1)
    """Cells that were found take the pixels with d above this to their mean centre, see
    ``methods/embedtrack/refine.py``; None: they stay as found, by d > 0.5 to the centre that proposed them."""
    min_votes: int = Field(5, ge=0)
    """A centre needs more than this many shifted pixels in its 3x3 neighbourhood."""
    smoothing: int = Field(3, ge=1)
    """A centre's bandwidth is the mean over a square of this side around it; 1: its own."""
    min_cell_size: int = Field(1, ge=1)
    """Smaller masks, in pixels, are dropped: half of the 1st percentile of the training masks' sizes."""


class Linking(Settings):
    """How cells become tracks, see ``methods/embedtrack/votes.py``."""

    max_gap: int = Field(2, ge=0, le=2)
    """A cell missed for up to this many frames keeps its track."""


class Costs(Settings):
    """What decisions about tracks cost, see ``tracks/costs.py``: weights of evidence, by the names that it has there.

    They add up to log-odds. Learnt by ``python -m benchmarks.tracking_costs`` on frames that trained no network.
    """

    cell: dict[str, float] = {"bias": 5.6, "part": -4.0, "dim": -1.2, "small": -3.3, "large": -3.3, "edge": 0.3}
    """That a candidate is a cell."""
    link: dict[str, float] = {
        "bias": 4.3, "share": 0.7, "far": -3.3, "growth": -3.4, "part": -0.4, "gap2": -3.0, "gap3": -6.0
    }  # fmt: skip
    """That two candidates are one cell."""
    division: dict[str, float] = {
        "bias": -2.9, "share": 0.9, "far": -0.4, "apart": -0.6, "touch": 2.2, "middle": -1.0, "unlike": -0.8,
        "sum": -0.3, "less": -0.4, "shade": -1.7, "short": -2.6, "young": 0.3, "swollen": -0.6, "mother": -0.6,
        "daughters": 0.1, "round": 1.5, "flash": -0.5, "bright": 0.5, "part": -0.9,
    }  # fmt: skip
    """That a candidate divides into two."""
    appear: float = 5.0
    """That a cell comes from nowhere, minus log-odds, ..."""
    vanish: float = 5.0
    """... and that it goes."""
    edge: float = 1.0
    """Both at the frame's edge."""


class ModelConfig(Settings):
    """What inference needs to know beside the weights: ``config.json``."""

    method: Literal["embedtrack"] = "embedtrack"
    """Which network the weights belong to."""
    pixel_size: float = Field(1 / 255, gt=0, lt=1)
    """Width of a working pixel in grid units."""
    scale: Scale = 1.0
    """The network sees frames at this scale, see ``movies/scale.py``; all sizes here are in the frame's own pixels."""
    tile: int = Field(2048, ge=256, multiple_of=8)
    """Largest side of a tile in working pixels: whole frames, or less where validation frames came out better so."""
    normalisation: Normalisation = Normalisation()
    """As in training."""
    cell_diameter: float | None = Field(None, gt=0)
    """Median diameter of the training cells in the frame's pixels, of discs of their masks' areas."""
    clustering: Clustering = Clustering()
    """Calibrated on the validation frames."""
    linking: Linking = Linking()
    """How tracks are made."""
    costs: Costs = Costs()
    """What decisions about tracks cost."""

    @property
    def frame_pixel_size(self) -> float:
        """Width of a pixel of the frame in grid units."""
        return self.pixel_size * self.scale


class Augmentation(Settings):
    """How samples are varied in training, see ``truth/augment.py``; probabilities are per sample."""

    affine: float = Field(0.4, ge=0, le=1)
    """Probability of any angle and scale beside the eight symmetries, which are always drawn."""
    zoom: float = Field(1.2, ge=1)
    """Cells are scaled by a factor between 1 / zoom and zoom."""
    moving: float = Field(0.5, ge=0, le=1)
    """Probability that the crop at t-1 is displaced against the one at t, which mimics motion."""
    motion: float = Field(5.0, ge=0)
    """Standard deviation of that displacement in working pixels."""
    contrast: float = Field(0.15, ge=0)
    """Standard deviation of the logarithm of the gain."""
    brightness: float = Field(0.05, ge=0)
    """Standard deviation of the added grey value, in normalised units."""
    blur: float = Field(0.1, ge=0, le=1)
    """Probability of a Gaussian blur."""
    noise: float = Field(0.15, ge=0, le=1)
    """Probability of added noise."""
    clahe: float = Field(0.1, ge=0, le=1)
    """Probability of contrast-limited adaptive histogram equalisation."""


class Sampling(Settings):
    """Which crops training sees, see ``methods/embedtrack/samples.py``."""

    crop: int = Field(256, ge=32, multiple_of=8)
    """Side of a crop in working pixels, about ten typical cells; see ``truth/derive.py``."""
    large: float = Field(0.5, ge=0, le=1)
    """Share of the steps that see fewer crops of up to twice the side. The inside of a whole frame lies further from
    any edge than small crops ever show; a network that has seen only those misses the cells there."""
    anywhere: float = Field(0.2, ge=0, le=1)
    """Share of crops that lie anywhere in the frame, empty ones among them; the others hold a cell."""
    events: float = Field(0.1, ge=0, le=1)
    """Share of crops that hold a new daughter, where the movie has divisions."""
    masks: float = Field(0.5, ge=0, le=1)
    """Where markers stand for most masks: share of the crops with cells that hold one whose outline is known."""


class Recipe(Settings):
    """How a network is trained, see ``training/fit.py``. ``truth/derive.py`` fills in what a recipe does not set."""

    normalisation: Normalisation = Normalisation()
    """How grey values become frames; stored with the weights and used again for inference."""
    augmentation: Augmentation = Augmentation()
    """How samples are varied."""
    sampling: Sampling = Sampling()
    """Which crops are seen."""
    pixel_size: float = Field(1 / 255, gt=0, lt=1)
    """Width of a working pixel in grid units: offsets reach 1 / pixel_size of them."""
    scale: Scale | None = None
    """Working pixels per pixel of the frame; None: the one that suits the median cell, see ``truth/derive.py``."""
    centre: Literal["medoid", "centroid"] = "medoid"
    """What the pixels of a cell point at: a pixel of the cell, or its centre of gravity, which may lie outside."""
    variance_weight: float = Field(10.0, ge=0)
    """Weight of the bandwidth's variance within a cell."""
    tracking_weight: float = Field(1.0, ge=0)
    """Weight of the tracking offset; 0 leaves its decoder untrained."""
    pseudo_labels: float = Field(0.4, ge=0, lt=1)
    """Where more than a quarter of the cells have a marker but no mask: share of the budget after which the network's
    own masks, as far as they agree with the markers, complete the truth. 0: never."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Of the encoder's deep blocks; 0.3 is the paper's, less fits faster where hours are few."""
    batch: int = Field(4, ge=1)
    """Pairs in an optimiser step, of each process."""
    learning_rate: float = Field(5e-4, gt=0)
    """The peak of the one-cycle schedule."""
    epochs: float = Field(15.0, gt=0)
    """Passes over the training pairs; an epoch has as many pairs as overlapping crops cover the movies with."""
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of each movie, its end, that is kept for validation."""
    validations: int = Field(12, ge=1)
    """How often the network is validated in the course of the training."""
    seed: int = 0
    """Of the first weights, the samples and the dropout."""


class DataSet(Settings):
    """What the challenge fixes for one of its data sets."""

    border: int = 0
    """E: cells lying wholly within this many pixels of the frame's edge are not scored and are removed."""
    cycle_tolerance: int = 3
    """i of BC(i): a division may be off by this many frames."""


DATASETS: dict[str, DataSet] = {
    "BF-C2DL-HSC": DataSet(border=25),
    "BF-C2DL-MuSC": DataSet(border=25),
    "DIC-C2DH-HeLa": DataSet(border=50),
    "Fluo-C2DL-Huh7": DataSet(border=50),
    "Fluo-C2DL-MSC": DataSet(border=50),
    "Fluo-N2DH-GOWT1": DataSet(border=50),
    "Fluo-N2DH-SIM+": DataSet(border=0),
    "Fluo-N2DL-HeLa": DataSet(border=25, cycle_tolerance=1),
    "PhC-C2DH-U373": DataSet(border=50),
    "PhC-C2DL-PSC": DataSet(border=25, cycle_tolerance=2),
}

FLUORESCENCE = Normalisation(method="asinh")
"""Bright cells of very different brightness on a dark ground."""

RECIPES: dict[str, Recipe] = {
    "BF-C2DL-HSC": Recipe(),
    "BF-C2DL-MuSC": Recipe(),
    "DIC-C2DH-HeLa": Recipe(),
    "Fluo-C2DL-MSC": Recipe(normalisation=FLUORESCENCE),
    "Fluo-N2DH-GOWT1": Recipe(normalisation=FLUORESCENCE),
    "Fluo-N2DH-SIM+": Recipe(normalisation=FLUORESCENCE),
    "Fluo-N2DL-HeLa": Recipe(normalisation=FLUORESCENCE),
    "PhC-C2DH-U373": Recipe(),
    "PhC-C2DL-PSC": Recipe(),
}
"""What does not follow from the movies, see ``truth/derive.py``; other data sets train with ``Recipe()``."""
