"""The frames of a recording that is still being written, each as soon as it is whole, in the order of their numbers."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from embedtrack.files.names import numbered
from embedtrack.machine.pipeline import breathe
from embedtrack.movies.tiff_image import Header, read_header

log = logging.getLogger(__name__)

POLL = 0.05
"""Seconds between two looks at the next file."""
LOOK = 1.0
"""Seconds between two looks at the whole folder, while the next file is not there."""
SETTLE = 0.3
"""Seconds for which a file must not have changed: a writer may set aside the room for all pixels before it has them."""
OLD = 5.0
"""A file of this age in seconds has settled, even if it is seen for the first time."""


class Stamp(NamedTuple):
    """What changes when a file is written: size in bytes, time of the last change in nanoseconds."""

    size: int
    time: int


class Arrival(NamedTuple):
    """A frame that was whole, and its stamp then."""

    path: Path
    number: int
    digits: int
    stamp: Stamp


class Late(Exception):  # noqa: N818
    """A frame has come that belongs before the first one."""


def stamp(path: Path) -> Stamp | None:
    """The stamp of a file; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


class Arrivals:
    """Iterate over it to get the paths of the frames; it ends when the recording has ended and all of it was given.

    Frames that come out of order wait for those before them. The first one is the lowest number that is there when
    the first file is whole.
    """

    seen: list[Arrival]
    """The frames given so far."""

    def __init__(
        self, folder: Path, ended: Callable[[], bool], *, idle: float = math.inf, seen: Iterable[Arrival] = ()
    ) -> None:
        """Look at a folder.

        Args:
            folder: in which ``t000.tif``, ... appear; it must be there.
            ended: says whether the recording has ended; files that are there by then still count.
            idle: seconds without a change in the folder after which it has ended too.
            seen: frames that were given before, in another run.
        """
        self.folder = folder
        self.seen = list(seen)
        self._ended = ended
        self._idle = idle
        self._header: Header | None = read_header(self.seen[0].path) if self.seen else None

    def __iter__(self) -> Iterator[Path]:
        while (arrival := self._wait()) is not None:
            self.seen.append(arrival)
            yield arrival.path

    def _wait(self) -> Arrival | None:
        """The next frame, when it is whole; None if none comes any more."""
        before: Stamp | None = None
        looked, count = -math.inf, -1
        changed = settled = time.monotonic()  # when anything has changed last, and when the next file has
        while True:
            breathe()
            now = time.monotonic()
            over = self._ended() or now - changed >= self._idle  # asked first: what was there by then is seen below
            path, number, digits = self._next()
            current = stamp(path)
            if current and number >= 10**digits:
                raise _of_another_width(path, digits)
            if current != before:
                before, changed, settled = current, now, now
            if current and (now - settled >= SETTLE or time.time() - current.time / 1e9 >= OLD):
                if self._whole(path) and stamp(path) == current:
                    return Arrival(path, number, digits, current)
                over = over and now - settled >= SETTLE
            elif current:
                over = False
            if over:
                return None
            if current is None and now - looked >= LOOK:
                looked, files = now, self._look(number, digits)
                changed, count = changed if files == count else now, files
            time.sleep(POLL)

    def _next(self) -> tuple[Path, int, int]:
        """The file to wait for, its number and the width of the number."""
        if self.seen:
            number, digits = self.seen[-1].number + 1, self.seen[-1].digits
            return self.folder / f"t{number:0{digits}d}.tif", number, digits
        first = next(iter(numbered(self.folder, "t")), None)
        return (first.path, first.number, first.digits) if first else (self.folder / "t000.tif", 0, 3)

    def _look(self, wanted: int, digits: int) -> int:
        """How many frames the folder holds; says what is odd about them."""
        files = numbered(self.folder, "t")
        if self.seen and files and files[0].number < self.seen[0].number:
            raise Late(f"{files[0].path.name} has come after {self.seen[0].path.name}")
        if self.seen and any(file.digits != digits for file in files if file.number >= wanted):
            odd = next(file.path for file in files if file.number >= wanted and file.digits != digits)
            raise _of_another_width(odd, digits)
        if later := sum(file.number > wanted for file in files):
            log.info("waiting for t%0*d.tif; later frames that are there: %d", digits, wanted, later)
        return len(files)

    def _whole(self, path: Path) -> bool:
        """Whether all of a file has been written; raises ValueError if it does not belong to this movie."""
        try:
            header = read_header(path)
        except ValueError:
            return False
        self._header = self._header or header
        if header != self._header:
            raise ValueError(f"{path}: expected {self._header} as the frames before, got {header}; convert it")
        return True


def _of_another_width(path: Path, digits: int) -> ValueError:
    return ValueError(f"{path}: expected frame numbers of {digits} digits, got another width; rename the frames")
