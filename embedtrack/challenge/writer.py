"""Write a result, so that its folder always holds a whole and valid one, or still the older one."""

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.challenge.check import TRACKS, Layout, check, mask_name, summary
from embedtrack.challenge.lbep import MAX_LABEL, write_tracks
from embedtrack.files.replace_folder import Replacement
from embedtrack.types import Track

RESULT_FILE = re.compile(rf"mask[0-9]+\.tif|{re.escape(TRACKS)}|(SEG|DET|TRA)_log\.txt")
"""The logs are what the official measures leave beside the masks."""


class ResultWriter:
    """Masks in, one by one, then the tracks: ``with ResultWriter(...) as out: out.write(...); out.commit(...)``.

    Without a commit, or if it fails, the destination stays as it was.
    """

    def __init__(self, destination: Path, sequence: Layout) -> None:
        self.sequence = sequence
        self._replacement = Replacement(destination)
        self.destination = self._replacement.destination

    def __enter__(self) -> Self:
        """Make sure that the result can be written, before any work is done for it.

        Raises:
            ValueError: the destination holds something else than a result, or cannot be written.
        """
        with explained(self.destination):
            check_replaceable(self.destination)
            self._replacement.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._replacement.__exit__(*error)

    def write(self, index: int, labels: NDArray[Any]) -> None:
        """Write the mask of the frame at ``index`` (from 0): integers [H, W], 0 for background.

        Raises:
            ValueError: wrong index, type or shape, a label that does not fit into 16 bits, or the disk is full.
        """
        if not 0 <= index < len(self.sequence):
            raise ValueError(f"expected a frame index from 0 to {len(self.sequence) - 1}, got {index}")
        name = mask_name(self.sequence.first + index, self.sequence.digits)
        if labels.dtype.kind not in "iu" or labels.shape != self.sequence.shape:
            raise ValueError(f"{name}: expected integers {self.sequence.shape}, got {labels.dtype} {labels.shape}")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high > MAX_LABEL:
            raise ValueError(
                f"{name}: expected labels from 0 to {MAX_LABEL}, got {low} to {high}; "
                "a movie with more tracks must be cut into shorter ones"
            )
        with explained(self.destination):
            write_mask(self._replacement.new / name, labels.astype(np.uint16))

    def commit(self, tracks: Iterable[Track]) -> None:
        """Write the tracks, check the whole result and put it in its place.

        Args:
            tracks: begin and end are frame indices from 0, as in ``write``; in the file they are frame numbers.

        Raises:
            ValueError: the result is not valid (a line per fault), or cannot be put in its place.
        """
        first, new = self.sequence.first, self._replacement.new
        with explained(self.destination):
            write_tracks(new / TRACKS, [t._replace(begin=t.begin + first, end=t.end + first) for t in tracks])
        faults = check(new, self.sequence)
        if faults:
            raise ValueError(summary(faults).replace(str(new), str(self.destination)))
        with explained(self.destination):
            check_replaceable(self.destination)  # it may have changed since the start
            self._replacement.publish()


def write_mask(path: Path, mask: NDArray[np.uint16]) -> None:
    """Write a mask uint16[H, W]: equal masks give equal bytes."""
    tifffile.imwrite(path, mask, photometric="minisblack", compression="zlib", metadata=None)


@contextmanager
def explained(destination: Path) -> Iterator[None]:
    """What the system refuses within becomes a ValueError."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"{destination}: expected to write a result there, got '{error.strerror or error}'; "
            "free space, change permissions or choose another destination"
        ) from error


def check_replaceable(destination: Path) -> None:
    """Raise ValueError unless there is nothing, or a folder of nothing but an older result."""
    if not destination.exists():
        return
    if not destination.is_dir():
        raise ValueError(f"{destination}: expected a folder or nothing there, got a file; choose another destination")
    foreign = sorted(name for name in os.listdir(destination) if not RESULT_FILE.fullmatch(name))
    if foreign:
        raise ValueError(
            f"{destination}: expected nothing but an older result there, got {foreign[0]}"
            f"{f' and {len(foreign) - 1} more' if len(foreign) > 1 else ''}; choose another destination"
        )
    if destination.is_mount():
        raise ValueError(f"{destination}: expected a folder that can be replaced, got a mount point; mount its parent")
    if not os.access(destination, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(destination))
