"""The state of an unfinished training: all that is needed to go on exactly where it was."""

import hashlib
import io
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from embedtrack.files.guard import reading
from embedtrack.files.lock import exclusive
from embedtrack.files.whole import whole_file
from embedtrack.recipe import Recipe

log = logging.getLogger(__name__)

FILE = ".resume.pt"
WHOLE = (
    "the whole state of a training by this version",
    "it is damaged, or another version's: delete it to begin anew",
)
Data = list[tuple[str, int, str]]
"""Name, number of frames and digest of each movie."""


@dataclass
class State:
    """How far the training has come."""

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    """The best validation score so far; its weights are in the model's folder."""
    validated: int = 0
    """How many of the recipe's validations are done."""
    validating: float = 0.0
    """Seconds of all validations, ..."""
    last_validation: float = 0.0
    """... and of the last one."""
    finished: bool = False


@dataclass
class Course:
    """A training on its way: what it began with and what it has come to."""

    network: nn.Module
    average: nn.Module
    """Of the network over the steps; the network itself where there is none."""
    optimiser: torch.optim.Optimizer
    data: Data
    recipe: Recipe
    minutes: float | None
    first: str
    """The ``fingerprint`` of the weights that it began with, empty where they are new."""
    state: State = field(default_factory=State)


def save(out: Path, course: Course) -> None:
    """Write how far a training has come; the file is complete when it appears.

    Raises:
        OSError: it could not be written, for instance because the disk is full; an older one stays.
    """
    everything = {
        "data": course.data,
        "recipe": course.recipe.model_dump_json(),
        "minutes": course.minutes,
        "first": course.first,
        "state": asdict(course.state),
        "network": course.network.state_dict(),
        "average": course.average.state_dict() if course.average is not course.network else {},
        "optimiser": course.optimiser.state_dict(),
        "chance": torch.get_rng_state(),
        "chance_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    buffer = io.BytesIO()  # a full disk is then an OSError, which torch.save would hide
    torch.save(everything, buffer)
    try:
        with whole_file(out / FILE) as path:
            path.write_bytes(buffer.getbuffer())
    except OSError as error:
        kept = f"{error.strerror}; what was saved before is kept: mend it and give the same command again"
        raise OSError(error.errno, kept, str(out)) from error


def load(out: Path, course: Course) -> None:
    """Take up the unfinished training in ``out`` where there is one: the course goes on from there.

    Raises:
        ValueError: the unfinished one has other movies, another recipe or budget, or began with other weights, or its
            file is damaged.
    """
    saved = _read(out / FILE)
    if saved is None:
        return
    first = saved.get("first", course.first)  # an earlier version did not note it
    asked = (course.data, course.recipe, course.minutes, course.first)
    if (saved["data"], saved["begun_with"], saved["minutes"], first) != asked:
        raise ValueError(
            f"expected the movies, recipe and budget, and the first weights, with which the unfinished training in "
            f"{out} began, got others; repeat it as it was, or delete {out / FILE}"
        )
    with reading(out / FILE, *WHOLE):
        course.network.load_state_dict(saved["network"])
        if course.average is not course.network:
            course.average.load_state_dict(saved["average"])
        course.optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["chance"])
        for number, chance in enumerate(saved["chance_cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(chance, number)
    course.state = saved["state"]
    log.info("going on at step %d", course.state.step)


def fingerprint(network: nn.Module | None) -> str:
    """What tells a network's weights from others; empty for none."""
    if network is None:
        return ""
    found = hashlib.sha256()
    for value in network.state_dict().values():
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


@contextmanager
def lock(out: Path) -> Iterator[None]:
    """Let no second training write into ``out``; a killed one leaves no lock.

    Raises:
        ValueError: one is at work there.
    """
    out.mkdir(parents=True, exist_ok=True)
    refusal = f"expected no other training in {out}, found one at work; wait for it, or choose another --out"
    with exclusive(out, refusal):  # where nothing was written, as there was a fault in the data, no folder stays
        yield


def state_of(out: Path) -> State:
    """How far an unfinished training in ``out`` had come when it was saved last.

    Raises:
        ValueError: its file is damaged.
    """
    saved = _read(out / FILE)
    state: State = saved["state"] if saved else State()
    return state


def _read(path: Path) -> dict[str, Any] | None:
    """What was saved, or nothing if there is no file."""
    if not path.is_file():
        return None
    with reading(path, *WHOLE):
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        saved["begun_with"] = Recipe.model_validate_json(saved["recipe"])
        saved["state"] = _state(saved["state"])
        saved["data"] = [(str(name), int(count), str(digest)) for name, count, digest in saved["data"]]
        missing = {"minutes", "network", "optimiser", "chance", "chance_cuda"} - saved.keys()
        if missing:
            raise ValueError(f"no {', '.join(sorted(missing))}")
    return saved


def _state(values: dict[str, Any]) -> State:
    """The state as it was saved, each field of its kind."""
    state = State(**values)
    for one in fields(state):
        value: Any = vars(state)[one.name]
        known = type(value) is type(one.default)
        if not (known and math.isfinite(value)):
            raise ValueError(f"state.{one.name}: {value!r} where a value like {one.default} belongs")
    return state
