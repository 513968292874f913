"""What a checkpoint's ``config.json`` holds: small validated models, one docstring per field."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedtrack.config import EmbedTrackConfig
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.movies.settings import Normalisation
from embedtrack.settings import Settings


class Linking(Settings):
    """How cells become tracks, see ``tracks/window.py``."""

    max_gap: int = Field(2, ge=0, le=2)
    """A cell missed for up to this many frames keeps its track."""


Positive = Annotated[float, Field(gt=0)]
Logistic = tuple[float, float]
"""(a, b) of the probability 1 / (1 + exp(-(a + b m))) of a decision by a margin of m in log-odds."""


class Sureness(Settings):
    """From margins to probabilities, see ``tracks/confidence.py``: how often decisions of a margin were right.

    Learnt by ``python -m benchmarks.confidence`` on frames that trained no network; these are of the later halves of
    Fluo-N2DL-HeLa and PhC-C2DL-PSC, by networks of the earlier ones.
    """

    cell: Mapping[str, float] = {
        "bias": 8.363, "part": -1.194, "dim": -5.113, "small": -1.155, "large": -0.986, "roundness": -1.525,
        "inside": -1.126, "odd": -0.69, "change": -1.965, "spread": -2.593, "margin": 0.084,
    }  # fmt: skip
    """Of a cell: weights of its evidence in ``tracks/costs.py`` and of its margin, which add up to log-odds."""
    link: Logistic = (1.131, 0.27)
    """That it is the same as the cell before."""
    birth: Logistic = (0.22, 0.148)
    """That it is a daughter of a division."""
    arrival: Logistic = (-0.404, 0.396)
    """That it was nowhere before."""


class Costs(Settings):
    """What decisions about tracks cost, see ``tracks/costs.py``: weights of evidence, by the names that it has there.

    They add up to log-odds. Learnt by ``python -m benchmarks.tracking_costs`` on frames that trained no network.
    """

    cell: Mapping[str, float] = {"bias": 5.6, "part": -4.0, "dim": -1.2, "small": -3.3, "large": -3.3, "edge": 0.3}
    """That a candidate is a cell."""
    link: Mapping[str, float] = {
        "bias": 4.3, "share": 0.7, "far": -3.3, "growth": -3.4, "part": -0.4, "gap2": -3.0, "gap3": -6.0
    }  # fmt: skip
    """That two candidates are one cell."""
    division: Mapping[str, float] = {
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


MethodConfig = Annotated[EmbedTrackConfig | EmbedSegConfig | HourglassConfig, Field(discriminator="name")]
"""The union of all methods' configurations, told apart by their ``name``."""


class ModelConfig(Settings):
    """What inference needs to know beside the weights: ``config.json``."""

    method: MethodConfig = EmbedTrackConfig()
    """Which method the weights belong to, and its own settings."""
    scale: float = Field(1.0, gt=0, le=8)
    """The network sees frames at this scale, see ``movies/scale.py``; all sizes here are in the frame's own pixels."""
    working_diameter: float | None = Field(None, gt=0, le=1000)
    """Of a model of all cells: working pixels across a typical cell, to which every movie is brought. Scale,
    normalisation and cell diameter follow from the movie, see ``inference/adapt.py``; sizes are in working pixels."""
    tile: int = Field(2048, ge=256, le=1 << 15, multiple_of=8)
    """Largest side of a tile in working pixels: whole frames, or less where validation frames came out better so."""
    normalisation: Normalisation = Normalisation()
    """As in training."""
    cell_diameter: float | None = Field(None, gt=0, le=1e5)
    """Median diameter of the training cells in the frame's pixels, of discs of their masks' areas."""
    views: Literal[1, 2, 4, 8] | None = None
    """How many views are taken where nobody says: the fewest whose scores are at most .002 below those of more. None:
    4, or as many as the method can average."""
    precision: Literal["float32", "auto"] = "float32"
    """Of the network where nobody says: ``auto``, the device's fastest, where bfloat16 lowers no score by more than
    .001; int8, where there are ``ranges``, by no more than .002."""
    ranges: Mapping[str, tuple[Positive, Positive, Positive, Positive]] = {}
    """Of the network's activations, for int8, see ``methods/embedtrack/eight_bits.py``; measured by ``python -m
    benchmarks.ranges`` where int8 lowers no score by more than .002. Empty: then the model has no int8."""
    linking: Linking = Linking()
    """How tracks are made."""
    costs: Costs = Costs()
    """What decisions about tracks cost."""
    sureness: Sureness = Sureness()
    """How likely they are right."""

    @property
    def learnt_diameter(self) -> float | None:
        """Of the cells that the model has learnt, in pixels at its own scale; None: it does not say."""
        return self.working_diameter or self.cell_diameter

    @property
    def offsets(self) -> EmbedTrackConfig | EmbedSegConfig:
        """The settings of a method whose pixels point at their cell's centre.

        Raises:
            ValueError: the weights are of another one.
        """
        if isinstance(self.method, HourglassConfig):
            raise ValueError(f"expected a model of embedtrack or embedseg, got one of {self.method.name}; name another")
        return self.method

    @model_validator(mode="after")
    def _eight_bits(self) -> "ModelConfig":
        if self.ranges and isinstance(self.method, HourglassConfig):
            raise ValueError(f"expected no ranges in a model of {self.method.name}, which has no 8 bits, got some")
        return self

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, given: Any) -> Any:
        """There was one way to measure noise, and one method, whose name was a text and whose settings lay flat."""
        if isinstance(given, dict) and isinstance(known := given.get("normalisation"), dict):
            given = {**given, "normalisation": {"noise": "frame", **known}}
        if isinstance(given, dict) and isinstance(given.get("method"), str):
            flat = ("step", "pixel_size", "clustering")
            inner = {"pixel_size" if key == "step" else key: given[key] for key in flat if key in given}
            rest = {key: value for key, value in given.items() if key not in (*flat, "method")}
            return {**rest, "method": {"name": given["method"], **inner}}
        return given
