"""Where a result comes from, in a log beside it: a result's folder may hold nothing but masks and tracks."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import torch

from embedtrack import __version__
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.model_files import CONFIG, WEIGHTS, digest
from embedtrack.movies.selection import log_of


def note(
    out: Path,
    sequence: Path,
    model: Path,
    seconds: float,
    *,
    device_name: str,
    movie: Mapping[str, str | float | None] | None = None,
    **options: str | float | None,
) -> Path:
    """Write what made a result: ``01_RES.log`` for ``01_RES``, one JSON object.

    Args:
        out: the folder of the result.
        sequence: the folder or file of the movie.
        model: the folder of the weights, which its log names by hash.
        seconds: how long it took.
        device_name: cpu, cuda, cuda:1 or mps.
        movie: how it was read: channel, units, ...
        options: what else the user chose.

    Returns:
        The log.
    """
    where = torch.device(device_name)
    known = {
        "version": __version__,
        "commit": revision(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "sequence": str(sequence.resolve()),
        "movie": dict(movie or {}),
        "model": str(model.resolve()),
        "sha256": {name: digest(model / name) for name in (WEIGHTS, CONFIG)},
        "options": options,
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else f"{where.type} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "seconds": round(seconds, 1),
    }
    log = log_of(out)
    log.write_text(json.dumps(known, indent=2) + "\n")
    return log


def revision() -> str:
    """The commit of this program: ``$EMBEDTRACK_REVISION`` of a build, else git's with ``+`` where it was changed."""
    if built := os.environ.get("EMBEDTRACK_REVISION"):
        return built
    words = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    if not (REPOSITORY / ".git").exists():
        return "unknown"
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git
        return "unknown"
    return done.stdout.strip() or "unknown"
