"""The state of an unfinished training: all that is needed to go on exactly where it was."""

import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from embedtrack.config import Recipe
from embedtrack.networks.branched import BranchedERFNet

log = logging.getLogger(__name__)

FILE = ".resume.pt"


@dataclass
class State:
    """How far the training has come."""

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    """The best validation score so far; its weights are in the model's folder."""
    validated: int = 0


def save(
    out: Path,
    network: BranchedERFNet,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    minutes: float | None,
    state: State,
) -> None:
    """Write the state; the file is complete when it appears."""
    everything = {
        "recipe": recipe.model_dump_json(),
        "minutes": minutes,
        "state": asdict(state),
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "chance": torch.get_rng_state(),
        "chance_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    out.mkdir(parents=True, exist_ok=True)
    torch.save(everything, out / f"{FILE}.new")
    os.replace(out / f"{FILE}.new", out / FILE)


def load(
    out: Path, network: BranchedERFNet, optimiser: torch.optim.Optimizer, recipe: Recipe, minutes: float | None
) -> State:
    """Take up the unfinished training in ``out``, or start a new one.

    Raises:
        ValueError: the unfinished one has another recipe or budget.
    """
    path = out / FILE
    if not path.is_file():
        return State()
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if (saved["recipe"], saved["minutes"]) != (recipe.model_dump_json(), minutes):
        raise ValueError(
            f"expected the recipe and budget with which the unfinished training in {out} began, got others; "
            f"repeat it as it was, or delete {path}"
        )
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    torch.set_rng_state(saved["chance"])
    for number, chance in enumerate(saved["chance_cuda"]):
        torch.cuda.set_rng_state(chance, number)
    log.info("going on at step %d", saved["state"]["step"])
    return State(**saved["state"])


def step_of(out: Path) -> int:
    """The step at which an unfinished training in ``out`` was saved last, or 0."""
    path = out / FILE
    return int(torch.load(path, map_location="cpu", weights_only=True)["state"]["step"]) if path.is_file() else 0
