"""What the Snakefile needs to know before it runs anything: which movies there are, and what a job may cost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any, Self, TypeVar

from tifffile import imread

from embedtrack.config import ModelConfig
from embedtrack.model_files import CONFIG, WEIGHTS, names_in
from embedtrack.movies.settings import SCALES

T = TypeVar("T")

BASE_MB, BYTES_PER_PIXEL = 600, 550
"""Peak memory of inference: 685, 866, 935 MB measured at 0.43, 0.77, 1.05 megapixels in 8 views; a fifth to spare."""
TRAINING_MB = 6000
"""Peak memory of a training, with batches of 4 crops of 256 pixels or one of 512."""
CUDA_MB = 4000
"""What CUDA's libraries and context may take beside it: a generous guess, as no GPU was there to measure."""
MICROSECONDS_PER_PIXEL = 6
"""Of one view on one CPU core: three times what was measured."""
SETTINGS = frozenset(
    ("root", "datasets", "sequences", "out", "models", "weights", "train", "minutes", "views", "gpu", "image", "python")
)
"""What the head of the Snakefile explains."""


@dataclass(frozen=True)
class Plan:
    """Where things are and which jobs there are."""

    root: Path
    out: Path
    models: Path
    weights: Path | None
    train: bool
    minutes: int
    views: int
    gpus: int
    sequences: dict[str, list[str]]
    """Data set -> the names of its movies."""

    @classmethod
    def of(cls, config: Mapping[str, Any], repository: Path, environment: Mapping[str, str]) -> Self:
        """Read the settings that the Snakefile lists.

        Raises:
            ValueError: an unknown setting or value, no data set, or one that has no movie or no weights.
        """
        unknown = sorted(set(config) - SETTINGS)
        if unknown:
            raise ValueError(f"expected the settings {', '.join(sorted(SETTINGS))}, got {', '.join(unknown)}")
        root = Path(config.get("root") or environment.get("DATA_ROOT") or repository.parent).resolve()
        models = Path(config.get("models") or environment.get("EMBEDTRACK_MODELS") or repository / "models").resolve()
        weights = Path(config["weights"]).resolve() if config.get("weights") else None
        train = _one_of(config, "train", {"no": False, "false": False, "yes": True, "true": True})
        views = _one_of(config, "views", {"4": 4, "1": 1, "2": 2, "8": 8})
        minutes, gpus = _number(config, "minutes", 60), _number(config, "gpu", 0)
        known = names_in(models)
        names = _words(config.get("datasets")) or [name for name in known if (root / name).is_dir()]
        if not names:
            raise ValueError(
                f"expected data sets, got none in {root} with weights in {models}; name some: --config 'datasets=[A,B]'"
            )
        movies = {name: _movies(root / name, _words(config.get("sequences"))) for name in names}
        for name in names:
            folder = weights or models / name
            if not train and not (folder / WEIGHTS).is_file():
                raise ValueError(f"expected weights in {folder}, found none; train them: --config train=yes")
        out = Path(config.get("out", "results"))
        return cls(root, out, models, weights, train, minutes, views, gpus, movies)

    def movies(self, dataset: str) -> list[Path]:
        """The folders of a data set's movies."""
        return [self.root / dataset / name for name in self.sequences[dataset]]

    def model(self, dataset: str) -> Path:
        """The folder of the weights that a data set is segmented with."""
        return self.out / dataset / "model" if self.train else self.weights or self.models / dataset

    def targets(self) -> list[Path]:
        """The result of each movie, and the table if any has truth."""
        named = [(dataset, movie) for dataset, movies in self.sequences.items() for movie in movies]
        results = [self.out / dataset / f"{movie}_RES" / "res_track.txt" for dataset, movie in named]
        return results + ([self.out / "table.md"] if self.scores() else [])

    def scores(self) -> list[Path]:
        """What the table is made of: the scores of the movies that have truth."""
        return [
            self.out / dataset / f"{movie}.json"
            for dataset, movies in self.sequences.items()
            for movie in movies
            if (self.root / dataset / f"{movie}_GT").is_dir()
        ]

    def inference_memory(self, dataset: str, sequence: str) -> int:
        """Megabytes."""
        _, pixels = self._size(dataset, sequence)
        return BASE_MB + ceil(pixels * self._larger(dataset) * BYTES_PER_PIXEL / 1e6) + self._cuda()

    def training_memory(self) -> int:
        """Megabytes."""
        return TRAINING_MB + self._cuda()

    def _cuda(self) -> int:
        return CUDA_MB if self.gpus else 0

    def inference_minutes(self, dataset: str, sequence: str) -> int:
        """For one core and no GPU; a job that takes longer would be killed, so rather too many."""
        frames, pixels = self._size(dataset, sequence)
        return 5 + ceil(frames * pixels * self._larger(dataset) * self.views * MICROSECONDS_PER_PIXEL / 60e6)

    def _larger(self, dataset: str) -> float:
        """Working pixels per pixel, at least 1; as many as there may be where a training will choose the scale."""
        config = self.model(dataset) / CONFIG
        scale = ModelConfig.model_validate_json(config.read_bytes()).scale if config.is_file() else max(SCALES)
        return max(1.0, scale**2)

    def _size(self, dataset: str, sequence: str) -> tuple[int, int]:
        """Frames, and pixels of each: of the first, as five hundred movies are not read to plan for them."""
        frames = sorted((self.root / dataset / sequence).glob("t*.tif"))
        return (len(frames), prod(imread(frames[0]).shape)) if frames else (0, 0)


def _one_of(config: Mapping[str, Any], name: str, choices: dict[str, T]) -> T:
    """A setting that has a few values; the first is the default.

    Raises:
        ValueError: it has another.
    """
    text = str(config.get(name, next(iter(choices)))).lower()
    if text not in choices:
        raise ValueError(f"expected {' or '.join(choices)} for {name}, got {text}")
    return choices[text]


def _number(config: Mapping[str, Any], name: str, default: int) -> int:
    """A setting that counts.

    Raises:
        ValueError: it does not.
    """
    text = str(config.get(name, default))
    if not text.isdecimal():
        raise ValueError(f"expected a whole number for {name}, got {text}")
    return int(text)


def _words(value: Any) -> list[str]:
    """A list as YAML or a command line gives it."""
    if isinstance(value, list | tuple):
        return [f"{word:02d}" if isinstance(word, int) else str(word) for word in value]
    return str(value).split(",") if value else []


def _movies(folder: Path, wanted: list[str]) -> list[str]:
    """The names of a data set's movies.

    Raises:
        ValueError: there are none, or not all that are wanted.
    """
    names = {"01", "02"} if not wanted else set(wanted)
    there = sorted(
        path.name
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.is_dir() and re.fullmatch("[0-9]+", path.name) and (wanted == ["all"] or path.name in names)
    )
    if not there or (wanted != ["all"] and wanted and set(there) != names):
        raise ValueError(f"expected the movies {', '.join(wanted) or '01 or 02'} in {folder}, got {there or 'none'}")
    return there
