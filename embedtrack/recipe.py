"""How a network is trained: small validated models, one docstring per field, and the challenge's data sets' own."""

from typing import Literal

from pydantic import Field

from embedtrack.challenge.datasets import DATASETS
from embedtrack.config import MethodConfig
from embedtrack.methods.embedtrack.config import EmbedTrackConfig
from embedtrack.movies.settings import FLUORESCENCE, PLAIN, Normalisation
from embedtrack.settings import Settings


class Augmentation(Settings):
    """How samples are varied in training, see ``truth/augment.py``; probabilities are per sample."""

    affine: float = Field(0.4, ge=0, le=1)
    """Probability of any angle and scale beside the eight symmetries, which are always drawn."""
    zoom: float = Field(1.2, ge=1, le=10)
    """Cells are scaled by a factor between 1 / zoom and zoom."""
    stretch: float = Field(1.0, ge=1, le=10)
    """One axis is scaled by up to this factor more than the other."""
    moving: float = Field(0.5, ge=0, le=1)
    """Probability that the crop at t-1 is displaced against the one at t, which mimics motion."""
    motion: float = Field(5.0, ge=0, le=1000)
    """Standard deviation of that displacement in working pixels."""
    contrast: float = Field(0.15, ge=0, le=10)
    """Standard deviation of the logarithm of the gain."""
    brightness: float = Field(0.05, ge=0, le=10)
    """Standard deviation of the added grey value, in normalised units."""
    blur: float = Field(0.1, ge=0, le=1)
    """Probability of a Gaussian blur."""
    noise: float = Field(0.15, ge=0, le=1)
    """Probability of added noise."""
    clahe: float = Field(0.1, ge=0, le=1)
    """Probability of contrast-limited adaptive histogram equalisation."""
    appearance: float = Field(0.0, ge=0, le=1)
    """Probability of each of the changes that look like another microscope, see ``truth/appearance.py``."""


class Sampling(Settings):
    """Which crops training sees, see ``methods/embedtrack/samples.py``."""

    crop: int = Field(256, ge=32, le=4096, multiple_of=8)
    """Side of a crop in working pixels, about ten typical cells; see ``truth/derive.py``."""
    large: float = Field(0.5, ge=0, le=1)
    """Share of the steps that see fewer crops of up to twice the side. The inside of a whole frame lies further from
    any edge than small crops ever show; a network that has seen only those misses the cells there."""
    anywhere: float = Field(0.2, ge=0, le=1)
    """Share of crops that lie anywhere in the frame, empty ones among them; the others hold a cell."""
    events: float = Field(0.1, ge=0, le=1)
    """Share of crops that hold a new daughter, where the movie has divisions."""
    balance: Literal["frames", "roots"] = "frames"
    """A movie is drawn by its number of frames; ``roots``: a data set by the square root of its number of frames."""
    masks: float = Field(0.5, ge=0, le=1)
    """Where markers stand for most masks: share of the crops with cells that hold one whose outline is known."""


class Recipe(Settings):
    """How a network is trained, see ``training/fit.py``. ``truth/derive.py`` fills in what a recipe does not set."""

    method: MethodConfig = EmbedTrackConfig()
    """What is trained; its own settings follow from the movies and from calibration."""
    normalisation: Normalisation = Normalisation()
    """How grey values become frames; stored with the weights and used again for inference."""
    augmentation: Augmentation = Augmentation()
    """How samples are varied."""
    sampling: Sampling = Sampling()
    """Which crops are seen."""
    pixel_size: float = Field(1 / 255, gt=0, lt=1)
    """Width of a working pixel in grid units: offsets reach 1 / pixel_size of them."""
    scale: float | None = Field(None, gt=0, le=8)
    """Working pixels per pixel of the frame; None: the one that suits the median cell, see ``truth/derive.py``."""
    working_diameter: float | None = Field(None, gt=0)
    """Brings each movie and each image to cells of so many working pixels, by a scale of its own, and normalises it by
    its kind: a model of all cells. None: one scale and one normalisation for all."""
    average: float = Field(0.0, ge=0, lt=1)
    """Decay per step of the moving average of the weights, which is what is validated and ships; 0: none."""
    centre: Literal["medoid", "approximate medoid", "centroid"] = "medoid"
    """What the pixels of a cell point at: a pixel of the cell, or its centre of gravity, which may lie outside."""
    variance_weight: float = Field(10.0, ge=0, le=1e6)
    """Weight of the bandwidth's variance within a cell."""
    tracking_weight: float = Field(1.0, ge=0, le=1e6)
    """Weight of the tracking offset; 0 leaves its decoder untrained."""
    pseudo_labels: float = Field(0.4, ge=0, lt=1)
    """Where more than a quarter of the cells have a marker but no mask: share of the budget after which
    pseudo-labels, the network's masks as far as they agree with the markers, complete the truth. 0: never."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Of the encoder's deep blocks; 0.3 is the paper's, less fits faster where hours are few."""
    batch: int = Field(4, ge=1, le=4096)
    """Pairs in an optimiser step, of each process."""
    learning_rate: float = Field(5e-4, gt=0, le=1)
    """The peak of the one-cycle schedule, the start of the polynomial one."""
    schedule: Literal["one-cycle", "polynomial", "halfway"] = "one-cycle"
    """How the learning rate goes: up and down, down by (1 - progress)^0.9, or to a tenth in the middle."""
    weight_decay: float = Field(0.0, ge=0, le=1)
    """Of Adam: what it adds to each gradient, times the weight."""
    epochs: float = Field(15.0, gt=0, le=1e6)
    """Passes over the training pairs; an epoch has as many pairs as overlapping crops cover the movies with."""
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of each movie, its end, that is kept for validation."""
    validations: int = Field(12, ge=1, le=10**4)
    """How often the network is validated in the course of the training."""
    seed: int = 0
    """Of the first weights, the samples and the dropout."""


GENERAL = Recipe(
    augmentation=Augmentation(affine=0.6, zoom=1.6, stretch=1.3, appearance=0.2),
    sampling=Sampling(crop=256, large=0.1, balance="roots"),
    working_diameter=30.0,
    average=0.99,
    dropout=0.1,
    learning_rate=1e-3,
    pseudo_labels=0.0,
    batch=2,
    validations=3,
)
"""A model of all cells."""

RECIPES: dict[str, Recipe] = {
    name: Recipe(normalisation=FLUORESCENCE if dataset.kind == "fluorescence" else PLAIN)
    for name, dataset in DATASETS.items()
}
"""What does not follow from the movies, see ``truth/derive.py``; other data sets train with ``Recipe()``."""
