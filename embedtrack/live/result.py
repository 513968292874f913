"""A result that grows: its folder holds at every moment a whole one, of the frames so far.

Two folders take turns. While one is the result, the other is brought up to date by hard links, gets the new masks and
tracks, and then both are exchanged in one step: what a frame costs does not depend on how many there have been.
"""

import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge import record
from embedtrack.challenge.check import TRACKS
from embedtrack.challenge.lbep import write_tracks
from embedtrack.challenge.writer import WHAT, check_place, taking, write_mask
from embedtrack.files.replace_folder import Replacement
from embedtrack.files.whole import explained, resolved
from embedtrack.types import Track


class LiveResult:
    """``with LiveResult(...) as live: live.publish(...)``, again and again."""

    def __init__(self, destination: Path, *, go_on: bool, overwrite: bool = False) -> None:
        """Take a destination; ``go_on`` if what is there is the beginning of this result, else it is replaced.

        ``overwrite`` lets it be replaced even if it is no result of ours.
        """
        self.overwrite = overwrite
        self._replacement = Replacement(resolved(destination))
        self.destination = self._replacement.destination
        self._ours = self._identity() if go_on else None  # the result's folder, as long as it is the one we know
        self._twin = False  # whether the hidden folder is the result but for the files ``_behind``
        self._behind: set[str] = set()

    def __enter__(self) -> Self:
        """Make sure that the result can be written.

        Raises:
            ValueError: the destination holds something else than a result, or cannot be written.
        """
        with taking(self.destination, overwrite=self.overwrite):
            self._replacement.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._replacement.__exit__(*error)

    def publish(self, masks: Mapping[str, NDArray[np.uint16]], tracks: Iterable[Track]) -> None:
        """Add or replace masks uint16[H, W] by file name, and the tracks, whose frames are those of the file names.

        Raises:
            ValueError: a label that does not fit into 16 bits, or the system refuses to write.
        """
        new = self._replacement.new
        with explained(self.destination, WHAT):
            if self._ours is None:
                check_place(self.destination, overwrite=self.overwrite)  # it may have changed since the start
            self._catch_up(masks)
            for name in [*masks, TRACKS]:
                (new / name).unlink(missing_ok=True)  # a link: to write into it would change the result
            for name, mask in masks.items():
                write_mask(new / name, mask)
            write_tracks(new / TRACKS, tracks)
            record.forget(self.destination)  # an older result's; ours is written when the recording has ended
            self._replacement.publish()
            self._twin = self._ours is not None and new.is_dir()
            self._ours, self._behind = self._identity(), {*masks, TRACKS}

    def _catch_up(self, coming: Collection[str]) -> None:
        """Bring the hidden folder to the state of the result, save for the files that come anew."""
        new = self._replacement.new
        if self._ours is not None and self._identity() != self._ours:
            raise ValueError(f"{self.destination}: expected the result of this run there, got another's; start again")
        if not self._twin:
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            self._behind = set(os.listdir(self.destination)) if self._ours is not None else set()
        for name in self._behind.difference(coming):
            (new / name).unlink(missing_ok=True)
            _link(self.destination / name, new / name)

    def _identity(self) -> tuple[int, int] | None:
        """Which folder the result is; None if there is none."""
        with suppress(FileNotFoundError):
            status = os.stat(self.destination)
            return status.st_dev, status.st_ino
        return None


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system knows none."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
