"""Write a result, so that its folder always holds a whole and valid one, or still the older one."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.challenge import record
from embedtrack.challenge.check import TRACKS, Layout, check, mask_name
from embedtrack.challenge.lbep import MAX_LABEL, write_tracks
from embedtrack.files.mark import TOKEN, carries_mark
from embedtrack.files.names import summary
from embedtrack.files.replace_folder import Replacement
from embedtrack.files.whole import check_movable, explained, resolved
from embedtrack.types import Confidence, Track

RESULT_FILE = re.compile(rf"mask[0-9]+\.tif|{re.escape(TRACKS)}|(SEG|DET|TRA)_log\.txt")
"""The logs are what the official measures leave beside the masks."""


WHAT = "a result "


class ResultWriter:
    """Masks in, one by one, then the tracks: ``with ResultWriter(...) as out: out.write(...); out.commit(...)``.

    Without a commit, or if it fails, the destination stays as it was.
    """

    def __init__(
        self, destination: Path, sequence: Layout, *, overwrite: bool = False, corrections: bool = False
    ) -> None:
        """Take a destination; what is there is replaced if it is a result of ours, or whatever it is.

        What a person has corrected is replaced by further ``corrections`` only.
        """
        self.sequence, self.overwrite, self.corrections = sequence, overwrite, corrections
        self._replacement = Replacement(resolved(destination))
        self.destination = self._replacement.destination

    def __enter__(self) -> Self:
        """Make sure that the result can be written, before any work is done for it.

        Raises:
            ValueError: the destination holds something else than a result, or cannot be written.
        """
        with taking(self.destination, overwrite=self.overwrite, corrections=self.corrections):
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
        with explained(self.destination, WHAT):
            write_mask(self._replacement.new / name, labels.astype(np.uint16))

    def commit(
        self, tracks: Iterable[Track], known: Mapping[str, Any] | None = None, confidence: Confidence | None = None
    ) -> None:
        """Write the tracks, check the whole result and put it in its place, with its record.

        Args:
            tracks: begin and end are frame indices from 0, as in ``write``; in the file they are frame numbers.
            known: the record, see ``record.py``.
            confidence: how likely the decisions are right, for the record; frames as in ``tracks``.

        Raises:
            ValueError: the result is not valid (a line per fault), or cannot be put in its place.
        """
        first, new = self.sequence.first, self._replacement.new
        if confidence is not None:
            confidence = confidence.copy()
            confidence["frame"] += first
        with explained(self.destination, WHAT):
            write_tracks(new / TRACKS, [track.later(first) for track in tracks])
        faults = check(new, self.sequence)
        if faults:
            raise ValueError(summary(faults).replace(str(new), str(self.destination)))
        with explained(self.destination, WHAT):
            # it may have changed since the start
            check_place(self.destination, overwrite=self.overwrite, corrections=self.corrections)
            record.announce(self.destination, new, known, confidence, overwrite=self.overwrite)
            self._replacement.publish()
            record.confirm(self.destination, known, confidence, overwrite=self.overwrite)


@contextmanager
def taking(destination: Path, *, overwrite: bool, corrections: bool = False) -> Iterator[None]:
    """Within, the place of a result is taken.

    Raises:
        ValueError: something else than a result is there, or corrections of a person that no ``corrections`` replace,
            or nothing can be written there; before any work.
    """
    check_place(destination, overwrite=overwrite, corrections=corrections)
    with explained(destination, WHAT):
        yield


def check_place(destination: Path, *, overwrite: bool, corrections: bool = False) -> None:
    """Raise ValueError where a result cannot take a place, as ``taking`` does."""
    with explained(destination, WHAT):
        check_replaceable(destination, overwrite=overwrite)
        record.check_beside(destination, overwrite=overwrite)
        if not overwrite and not corrections:
            record.check_uncorrected(destination)


def write_mask(path: Path, mask: NDArray[np.uint16]) -> None:
    """Write a mask uint16[H, W]: equal masks give equal bytes, which carry our mark."""
    tifffile.imwrite(path, mask, photometric="minisblack", compression="zlib", metadata=None, software=TOKEN.decode())


def check_replaceable(destination: Path, *, overwrite: bool = False) -> None:
    """Raise ValueError unless there is nothing, or a folder of nothing but a result whose masks carry our mark."""
    if not destination.exists():
        return
    if not destination.is_dir():
        raise ValueError(f"{destination}: expected a folder or nothing there, got a file; choose another destination")
    names = sorted(os.listdir(destination))
    foreign = [name for name in names if not RESULT_FILE.fullmatch(name)]
    if not foreign:
        masks = [name for name in names if name.startswith("mask")]
        foreign = [name for name in masks or names if not masks or not carries_mark(destination / name)]
    if foreign and not overwrite:
        raise ValueError(
            f"{destination}: expected nothing but an older result there, as we wrote it, got {foreign[0]}"
            f"{f' and {len(foreign) - 1} more' if len(foreign) > 1 else ''}; choose another destination, or say "
            "--overwrite"
        )
    check_movable(destination)
