"""Where a result comes from: what its record and its log say."""

import logging
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from embedtrack import __version__
from embedtrack.challenge.record import log_of
from embedtrack.challenge.revision import revision
from embedtrack.files.mark import TOKEN
from embedtrack.files.whole import new_file
from embedtrack.model_files import CONFIG, WEIGHTS, digest
from embedtrack.options import Options

logger = logging.getLogger(__name__)


def gather(
    sequence: Path,
    model: Path | None,
    seconds: float,
    options: Options,
    movie: Mapping[str, str | float | None] | None = None,
) -> dict[str, Any]:
    """What makes a result, for its record.

    Args:
        sequence: the folder or file of the movie.
        model: the folder of the weights, which the record names by hash; None where no network was at work.
        seconds: how long it took.
        options: how; its device is one that is there.
        movie: how it was read: channel, units, ...
    """
    where = torch.device(options.device)
    return {
        "version": __version__,
        "commit": revision(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "sequence": str(sequence.resolve()),
        "movie": dict(movie or {}),
        "model": str(model.resolve()) if model else None,
        "sha256": {name: digest(model / name) for name in (WEIGHTS, CONFIG)} if model else {},
        "options": {name: value for name, value in asdict(options).items() if name != "device"},
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else f"{where.type} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "seconds": round(seconds, 1),
    }


def write_log(out: Path, known: Mapping[str, Any], *, overwrite: bool = False) -> Path:
    """Write what is known of a result for people: ``01_RES.log`` for ``01_RES``, a line each.

    The result and its record are in their place by then: that there is no log is only told.
    """
    log = log_of(out)
    lines = [f"{TOKEN.decode()}; programs read {log.with_suffix('.json').name}", *_lines(known)]
    try:
        with new_file(log, overwrite=overwrite) as path:
            path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="backslashreplace")
    except ValueError as error:
        logger.warning("%s", error)
    return log


def _lines(known: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in known.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{above}{name}.")
        else:
            yield f"{above}{name}: {'-' if value is None else value}"
