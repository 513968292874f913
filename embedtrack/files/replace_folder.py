"""Replace a folder as a whole: its place holds the older one until the swap and the new one after it.

A run works in a hidden folder beside the destination, so that the swap is a rename within one file system; files are
written in such a folder too, and what killed runs have left is removed by the next one for the same destination::

    .01_RES.x7k2_a9c.partial/    named by mkdtemp: runs never share one
        lock                     flocked as long as the run lives, however it ends: this tells the stale from the living
        new/                     what will take the place
        old/                     the older folder, for the moment of a swap where two folders cannot be exchanged
"""

import ctypes
import errno
import fcntl
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Self

log = logging.getLogger(__name__)

AT_FDCWD, RENAME_EXCHANGE = -100, 2


@contextmanager
def workspace(destination: Path) -> Iterator[Path]:
    """A hidden folder beside a resolved destination, for this run alone; it and what is left in it go in the end.

    Creates the parent, and removes the hidden folders of killed runs.

    Raises:
        OSError: the parent cannot be created or written.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    _clear_stale(destination)
    place, lock = _new_workspace(destination)
    try:
        yield place
    finally:
        _discard(place, destination)
        lock.close()


class Replacement:
    """Fill ``new``, then ``publish``; without it nothing has happened. Of several runs the last to publish wins."""

    new: Path

    def __init__(self, destination: Path) -> None:
        # Resolved: a link keeps pointing at the folder, and the hidden one lies where the folder itself does.
        self.destination = Path(destination).resolve()

    def __enter__(self) -> Self:
        """Make the hidden folder; see ``workspace``.

        Raises:
            OSError: the parent cannot be created or written.
        """
        with ExitStack() as stack:
            self._workspace = stack.enter_context(workspace(self.destination))
            self.new = self._workspace / "new"
            self.new.mkdir()  # unlike mkdtemp's, its permissions are the usual ones
            self._leave = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.close()

    def publish(self) -> None:
        """Put ``new`` in its place.

        Raises:
            OSError: the folders cannot be moved; the older one stays or comes back.
        """
        _swap(self.new, self.destination, self._workspace / "old")


def _new_workspace(destination: Path) -> tuple[Path, IO[str]]:
    """A hidden folder beside the destination and its lock."""
    while True:
        place = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".partial", dir=destination.parent))
        lock = _acquire(place)
        if lock:  # else another run has just taken it for a stale one
            return place, lock


def _clear_stale(destination: Path) -> None:
    """Remove the hidden folders of killed runs, never those of living ones."""
    pattern = re.compile(rf"\.{re.escape(destination.name)}\.[a-z0-9_]{{8}}\.partial")
    for place in [path for path in destination.parent.iterdir() if pattern.fullmatch(path.name)]:
        with suppress(OSError):  # another user's
            lock = _acquire(place)
            if lock:
                log.info("removing %s, left by a run that was killed", place)
                _discard(place, destination)
                lock.close()


def _acquire(place: Path) -> IO[str] | None:
    """The workspace's lock; None if another run holds it or has removed the workspace meanwhile."""
    path = place / "lock"
    with suppress(FileNotFoundError):
        lock = path.open("a")
        with suppress(FileNotFoundError, BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):  # else it was removed before we had it
                return lock
        lock.close()
    return None


def _discard(place: Path, destination: Path) -> None:
    """Remove a workspace; an older folder whose swap was cut short goes back to its place first."""
    old = place / "old"
    try:
        if old.exists() and not destination.exists():
            old.rename(destination)
    except OSError as error:
        log.warning("what was in %s stays in %s: %s", destination, old, error.strerror)
    else:
        shutil.rmtree(place, ignore_errors=True)


def _swap(new: Path, destination: Path, old: Path) -> None:
    """Put ``new`` in the destination's place: in one step on Linux, else by way of ``old``."""
    while True:
        try:
            new.rename(destination)  # where nothing or an empty folder is
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        if _exchange(new, destination):
            return
        shutil.rmtree(old, ignore_errors=True)  # superseded: another run has filled the place since
        with suppress(FileNotFoundError):  # another run has moved it away
            destination.rename(old)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two folders in one step (``renameat2``); False where the system or the file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    return bool(renameat2(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), RENAME_EXCHANGE) == 0)
