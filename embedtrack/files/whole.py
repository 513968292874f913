"""Put what was written in its place, whole or not at all: a file, or a folder. All that we write goes through here.

What is there already is replaced only if it carries our own mark and is of the same kind, or if the user says
``--overwrite``; the folders of results have a rule of their own (``result.py``), for they hold masks and tracks alone.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedtrack.files.mark import carries_mark, foreign, mark_file, mark_folder
from embedtrack.files.replace_folder import Replacement, workspace

OVERWRITE = "choose another name, or say --overwrite"


@contextmanager
def new_file(destination: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path of the same name to write to; it becomes the destination unless the block fails.

    Args:
        destination: replaced only if it carries our mark.
        overwrite: replace any file.

    Raises:
        ValueError: something else is there, or the system refuses to write.
    """
    destination = resolved(destination)
    with explained(destination):
        check_file(destination, overwrite=overwrite)
        with whole_file(destination) as path:
            yield path
            mark_file(path)
            check_file(destination, overwrite=overwrite)  # it may have changed since the start


@contextmanager
def whole_file(destination: Path) -> Iterator[Path]:
    """As ``new_file``, for a file within a folder that is ours: it is replaced whatever it is, and gets no mark.

    Raises:
        OSError: the system refuses to write.
    """
    destination = destination.resolve()
    with workspace(destination) as hidden:
        yield hidden / destination.name
        os.replace(hidden / destination.name, destination)


@contextmanager
def new_folder(destination: Path, kind: str, *, overwrite: bool = False) -> Iterator[Path]:
    """An empty folder to fill; it becomes the destination unless the block fails.

    Args:
        destination: replaced only if it is empty, or a folder of this kind that we wrote and nobody changed.
        kind: what the folder is, e.g. a format.
        overwrite: replace any folder.

    Raises:
        ValueError: something else is there, or the system refuses to write.
    """
    destination = resolved(destination)
    with explained(destination):
        check_folder(destination, kind, overwrite=overwrite)
        with Replacement(destination) as place:
            yield place.new
            mark_folder(place.new, kind)
            check_folder(destination, kind, overwrite=overwrite)  # it may have changed since the start
            place.publish()


def check_file(destination: Path, *, overwrite: bool = False) -> None:
    """Raise ValueError unless a file can be written: nothing is there, or a file that carries our mark."""
    destination = resolved(destination)
    if destination.is_dir():
        raise ValueError(f"{destination}: expected a file or nothing there, got a folder; choose another name")
    if not destination.exists():
        check_writable(destination)
        return
    if not destination.is_file():
        raise ValueError(f"{destination}: expected a file or nothing there, got a device; choose another name")
    if not overwrite and not carries_mark(destination):
        raise ValueError(f"{destination}: expected nothing or a file of our own there, got another's; {OVERWRITE}")


def check_folder(destination: Path, kind: str, *, overwrite: bool = False) -> None:
    """Raise ValueError unless a folder can be written: nothing is there, or one of this kind that carries our mark."""
    if destination.exists() and not destination.is_dir():
        raise ValueError(f"{destination}: expected a folder or nothing there, got a file; choose another name")
    if not destination.exists():
        check_writable(destination)
        return
    check_movable(destination)
    if not overwrite and (others := foreign(destination, kind)):
        raise ValueError(
            f"{destination}: expected nothing or an older output of this kind ({kind}) there, as we wrote it, got "
            f"{others}; {OVERWRITE}"
        )


def check_writable(destination: Path) -> None:
    """Raise ValueError if nothing can be made in the folder that is to hold it."""
    above = next(one for one in destination.resolve().parents if one.exists())
    with explained(destination):
        if not os.access(above, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(above))


def check_movable(destination: Path) -> None:
    """Raise ValueError, or PermissionError, unless a folder that is there can be replaced by another one."""
    if destination.is_mount():
        raise ValueError(f"{destination}: expected a folder that can be replaced, got a mount point; mount its parent")
    if not os.access(destination, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(destination))


def check_apart(destination: Path, *inputs: Path | None) -> None:
    """Raise ValueError if an output would take the place of one of the inputs, or of a folder around it."""
    place = resolved(destination)
    for path in [Path(path) for path in inputs if path is not None]:
        given = resolved(path, "an input")
        if given.exists() and (given == place or place in given.parents):
            raise ValueError(f"{destination}: expected a place apart from the input, got {path} in it; choose another")


def resolved(destination: Path, what: str = "a place to write to") -> Path:
    """The place that a path means, whatever the working folder is later.

    Raises:
        ValueError: its links lead in a circle, or a part of it is a file.
    """
    try:
        place = Path(destination).resolve()
        place.exists()
        if above := next((one for one in place.parents if one.exists() and not one.is_dir()), None):
            raise ValueError(
                f"{destination}: expected {what}, got the file {above} where a folder belongs; choose another name"
            )
    except (OSError, RuntimeError) as error:  # a loop is an error of its own kind
        reason = getattr(error, "strerror", None) or "links that lead in a circle"
        raise ValueError(f"{destination}: expected {what}, got '{reason}'; choose another name") from None
    return place


@contextmanager
def explained(destination: Path, what: str = "") -> Iterator[None]:
    """What the system refuses within becomes a ValueError; ``what`` is to be written."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"{destination}: expected to write {what}there, got '{error.strerror or error}'; "
            "free space, change permissions or choose another name"
        ) from error
