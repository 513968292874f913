"""What became of a movie of a batch: one small file each, from which the summary is made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from embedtrack.files.guard import reading
from embedtrack.files.mark import TOKEN
from embedtrack.files.whole import check_file, new_file
from embedtrack.settings import Settings

FOLDER = "outcomes"
"""Within the batch's folder."""
STATES = ("failed", "cut short", "doubtful", "done")
"""In the order in which they want a look."""
MEND = "give the command of infer again, which makes that movie anew, or remove the file"


class Outcome(Settings):
    """Frozen; what is not known is None."""

    name: str
    """Of the result, without its ending."""
    path: str
    """The movie, from the root, links followed."""
    state: Literal["failed", "cut short", "doubtful", "done"]
    """``cut short``: a frame could not be read, and those before it were kept."""
    why: str = ""
    """What is wrong, or doubtful."""
    model: str | None = None
    """Its name."""
    agreement: float | None = None
    """Of the views of a model that was chosen by itself."""
    frames: int | None = None
    """That were tracked."""
    masks: int | None = None
    """One per cell and frame."""
    cells: int | None = None
    """From birth to division."""
    tracks: int | None = None
    """Lines of ``res_track.txt``."""
    divisions: int | None = None
    """Cells with daughters."""
    hints: int | None = None
    """Places that deserve a second look, as ``embedtrack report`` lists them."""
    seconds: float | None = None
    """What it took."""
    asked: dict[str, Any] = Field(default_factory=dict)
    """By what it was made: while nothing of it changes, it is not made again."""
    made: dict[str, str] = Field(default_factory=dict)
    """The result and what was made of it: the name of each -> the digest of the masks that it shows."""

    @property
    def rank(self) -> tuple[int, float]:
        """The doubtful first: by state, then by how many masks deserve a second look."""
        return STATES.index(self.state), -(self.hints or 0) / max(self.masks or 0, 1)


def place_of(folder: Path, name: str) -> Path:
    """Where the outcome of a movie lies within a batch's folder."""
    return folder / FOLDER / f"{name}.json"


def check(folder: Path, name: str) -> None:
    """Raise ValueError where another's file lies in place of an outcome; a damaged outcome may be replaced."""
    path = place_of(folder, name)
    check_file(path, overwrite=_is_damaged(path))


def write(folder: Path, outcome: Outcome) -> None:
    """Keep an outcome."""
    place = place_of(folder, outcome.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with new_file(place, overwrite=_is_damaged(place)) as path:
        path.write_text(json.dumps({"by": TOKEN.decode(), **outcome.model_dump()}, indent=2) + "\n")


def read(path: Path) -> Outcome:
    """An outcome that was kept.

    Raises:
        ValueError: it is damaged, or something else.
    """
    with reading(path, "an outcome as a batch writes it", MEND):
        known: Mapping[str, Any] = json.loads(path.read_bytes())
        try:
            return Outcome.model_validate({key: value for key, value in known.items() if key != "by"})
        except ValidationError as error:
            raise ValueError(f"{path}: expected an outcome as a batch writes it, got {error.error_count()} faults; "
                             f"{MEND}") from None  # fmt: skip


def read_all(folder: Path, names: Mapping[str, Any] | None = None) -> list[Outcome]:
    """The outcomes of a batch, those of some names alone if any are given, the doubtful first."""
    found = [read(path) for path in sorted((folder / FOLDER).glob("*.json")) if names is None or path.stem in names]
    return sorted(found, key=lambda one: one.rank)


def _is_damaged(path: Path) -> bool:
    """Whether a file is what a fault of the disk leaves of an outcome: nothing, or a begin of JSON that never ends."""
    if not path.is_file():
        return False
    text = path.read_bytes().strip(b"\0 \r\n")
    if text[:1] not in (b"", b"{"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False
