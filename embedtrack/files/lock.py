"""A folder for one run alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def exclusive(folder: Path, refusal: str) -> Iterator[None]:
    """Let no second run use a folder; a killed one leaves no lock, and an empty folder is removed in the end.

    Args:
        folder: must be there.
        refusal: the error's line.

    Raises:
        ValueError: another run uses the folder, which stays as it is.
    """
    with ExitStack() as undo:
        handle = os.open(folder, os.O_RDONLY)  # the folder itself is locked: no file is left behind
        undo.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(refusal) from None
        undo.callback(_remove_if_empty, folder)  # not sooner: it may have been another run's
        yield


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
