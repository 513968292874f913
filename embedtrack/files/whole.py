"""Put what was written in its place, whole or not at all: a file, or a folder of known names."""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedtrack.files.replace_folder import Replacement

log = logging.getLogger(__name__)


@contextmanager
def new_file(destination: Path) -> Iterator[Path]:
    """A path of the same suffix to write to; it becomes the destination unless the block fails.

    Raises:
        ValueError: the system refuses to write there.
    """
    destination = Path(destination).resolve()
    with _explained(destination):
        if destination.is_dir():
            raise ValueError(f"{destination}: expected a file or nothing there, got a folder; choose another name")
        destination.parent.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    try:
        with _explained(destination):
            yield workspace / destination.name
            os.replace(workspace / destination.name, destination)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


@contextmanager
def new_folder(destination: Path, known: re.Pattern[str]) -> Iterator[Path]:
    """An empty folder to fill; it becomes the destination unless the block fails.

    Args:
        destination: replaced only if it holds nothing but names that ``known`` matches.
        known: the names that a folder of this kind has.

    Raises:
        ValueError: the destination holds something else, or the system refuses to write there.
    """
    destination = Path(destination)
    with _explained(destination):
        _check_replaceable(destination, known)
        with Replacement(destination) as place:
            yield place.new
            _check_replaceable(destination, known)  # it may have changed since the start
            place.publish()


def _check_replaceable(destination: Path, known: re.Pattern[str]) -> None:
    if destination.exists() and not destination.is_dir():
        raise ValueError(f"{destination}: expected a folder or nothing there, got a file; choose another name")
    foreign = sorted(n for n in os.listdir(destination) if not known.fullmatch(n)) if destination.exists() else []
    if foreign:
        raise ValueError(
            f"{destination}: expected nothing or an older output of this kind there, got {foreign[0]}; "
            "choose another name"
        )


@contextmanager
def _explained(destination: Path) -> Iterator[None]:
    """What the system refuses within becomes a ValueError."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"{destination}: expected to write there, got '{error.strerror or error}'; "
            "free space, change permissions or choose another name"
        ) from error
