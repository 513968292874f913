"""The challenge's convention: DATASET and SEQUENCE name the input, the model and the place of the result."""

import difflib
import os
import re
from pathlib import Path
from typing import NamedTuple

from embedtrack.challenge.datasets import DATASETS, DataSet
from embedtrack.model_files import WEIGHTS, names_in

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parent
INSTALLED = (PACKAGE / "models").is_dir()
"""Whether this came as a wheel: the shipped models lie within the package then, in a checkout beside it."""
DEMO = "demo"
DEMO_MODEL = "Fluo-N2DH-SIM+"
"""The demo is a simulated movie of nuclei like those of this data set."""


class Job(NamedTuple):
    """What one call of ``run_seq.sh`` reads and writes."""

    sequence: Path
    model: Path
    out: Path


def job(dataset: str, sequence: str) -> Job:
    """Where input, model and result of e.g. ``Fluo-N2DH-SIM+`` and ``01`` are.

    Data sets lie in ``$DATA_ROOT``, or beside the repository; the demo lies in it.

    Raises:
        ValueError: unknown data set (with the nearest name), no weights, no such sequence.
    """
    dataset, sequence = dataset.rstrip("/"), sequence.rstrip("/")
    root = REPOSITORY if dataset == DEMO else data_root()
    folder, model = root / dataset, models() / (DEMO_MODEL if dataset == DEMO else dataset)
    if not folder.is_dir():
        there = sorted({path.name for path in root.iterdir() if (path / sequence).is_dir()} | {DEMO})
        raise ValueError(
            f"expected the data set {dataset} in {root}, found none{_nearest(dataset, there)}; "
            "set DATA_ROOT to the folder that holds it"
        )
    if not (re.fullmatch("[0-9]+", sequence) and (folder / sequence).is_dir()):
        there = sorted(p.name for p in folder.iterdir() if p.is_dir() and re.fullmatch("[0-9]+", p.name))
        raise ValueError(f"expected the sequence {folder / sequence}, found none; there are: {', '.join(there) or '-'}")
    if not (model / WEIGHTS).is_file():
        raise ValueError(
            f"expected weights for {dataset} in {models()}, found none{_nearest(dataset, model_names())}; "
            "train them with train_all.sh, or name others: python -m embedtrack infer --model"
        )
    return Job(folder / sequence, model, folder / f"{sequence}_RES")


def data_root() -> Path:
    """``$DATA_ROOT``, or the folder that holds the repository; of an installed wheel the working folder.

    Raises:
        ValueError: DATA_ROOT is no folder.
    """
    root = Path(os.environ.get("DATA_ROOT") or ("." if INSTALLED else REPOSITORY.parent))
    if not root.is_dir():
        raise ValueError(f"expected DATA_ROOT to name a folder, got {root}; set it to the folder of the data sets")
    return root


def border_of(movie: Path | None, asked: int | None = None) -> int:
    """E in pixels: what was asked for, else that of the challenge's data set in whose folder the movie lies, else 0."""
    if asked is not None:
        return asked
    return dataset_of(movie).border if movie else 0


def dataset_of(movie: Path) -> DataSet:
    """The challenge's rules for the data set whose folder holds the movie; plain ones if it is none of them."""
    return DATASETS.get(Path(os.path.abspath(movie)).parent.name, DataSet())


def models() -> Path:
    """``$EMBEDTRACK_MODELS``, or the folder of the shipped models."""
    return Path(os.environ.get("EMBEDTRACK_MODELS") or (PACKAGE if INSTALLED else REPOSITORY) / "models")


def model_names() -> list[str]:
    """The models in ``models()``, by name."""
    return names_in(models())


def model_folder(model: Path) -> Path:
    """The folder of the model that a user names: by its path, or by its name in ``models()``.

    Raises:
        ValueError: it is neither.
    """
    if not (model / WEIGHTS).is_file() and model.name == str(model) and model.name in model_names():
        return models() / model
    if not model.exists():
        raise ValueError(
            f"expected the folder of a model, or the name of one in {models()}, got {model}"
            f"{_nearest(model.name, model_names())}"
        )
    return model


def _nearest(name: str, names: list[str]) -> str:
    """A hint at what may have been meant."""
    folded = {other.casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.4)
    if close:
        return f" (did you mean {folded[close[0]]}?)"
    return f" (there are: {', '.join(names)})" if names else ""
