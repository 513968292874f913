"""The challenge's folders: a sequence of frames, its truth, its results.

A data set holds sequences ``01``, ``02``, ...; ``01_GT`` and ``01_ST`` hold gold and silver truth, ``01_RES`` a result.
"""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from embedtrack.challenge.check import check, mask_name
from embedtrack.challenge.lbep import read_tracks, write_tracks
from embedtrack.files.beside import beside
from embedtrack.files.names import Numbered, number_faults, numbered, summary
from embedtrack.movies.tiff_image import Header, read_frame, read_header, read_labels
from embedtrack.types import Track

__all__ = [
    "FrameFolder",
    "Truth",
    "check",
    "open_frame_folder",
    "open_frames",
    "open_truth",
    "read_frame",
    "read_labels",
    "read_tracks",
    "write_tracks",
]


@dataclass(frozen=True)
class FrameFolder:
    """The frames of a movie, checked but not yet read."""

    folder: Path
    paths: tuple[Path, ...]
    first: int
    """Number of the first frame; the others follow without holes."""
    digits: int
    """Width of the frame numbers in the file names."""
    shape: tuple[int, int]
    """(H, W) of every frame."""

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def last(self) -> int:
        """Number of the last frame."""
        return self.first + len(self) - 1

    def mask_name(self, index: int) -> str:
        """File name of the result for the frame at ``index`` (from 0)."""
        return mask_name(self.first + index, self.digits)


@dataclass(frozen=True)
class Truth:
    """Annotations by frame number; every part but one may be empty."""

    markers: dict[int, Path]
    """Tracking gold truth: each cell's marker carries its track's label."""
    gold: dict[int, Path]
    """Gold masks: often of some frames and of some cells only; labels are arbitrary."""
    silver: dict[int, Path]
    """Silver masks: computed, of nearly all cells; labels are arbitrary."""
    tracks: list[Track]
    """The tracks of the markers."""


def open_frame_folder(folder: Path) -> FrameFolder:
    """The frames ``t000.tif``, ``t001.tif``, ... of a folder, with any first number and any width of the numbers.

    Only headers are read, save for floating point frames, where NaN must be looked for.
    ``open_movie`` reads more kinds of them.

    Raises:
        ValueError: folder or frames are missing, or frames are damaged or do not fit together; a line per fault.
    """
    folder = Path(folder)
    files, shape = _sound_frames(folder, holes=False)
    return FrameFolder(folder, tuple(file.path for file in files), files[0].number, files[0].digits, shape)


def open_frames(folder: Path) -> dict[int, Path]:
    """The frames of a folder by number, where some may be missing: enough to train on those that are annotated.

    Raises:
        ValueError: folder or frames are missing, or frames are damaged or do not fit together; a line per fault.
    """
    files, _ = _sound_frames(Path(folder), holes=True)
    return {file.number: file.path for file in files}


def _sound_frames(folder: Path, *, holes: bool) -> tuple[list[Numbered], tuple[int, int]]:
    """The frames of a folder and the shape (H, W) that all of them have; every fault is one line of a ValueError."""
    files = numbered(folder, "t")
    if not files:
        raise ValueError(f"{folder}: expected frames t000.tif, t001.tif, ..., got none; check the path or rename them")
    headers: dict[Path, Header] = {}
    faults = list(number_faults(folder, files, holes=holes))
    for file in files:
        try:
            headers[file.path] = _examine(file.path)
        except ValueError as error:
            faults.append(str(error))
    if headers:
        [(usual, _)] = Counter(headers.values()).most_common(1)
        faults += [
            f"{path}: expected {usual} as most frames have, got {header}; convert it or take it out of the movie"
            for path, header in headers.items()
            if header != usual
        ]
    if faults:
        raise ValueError(summary(faults))
    height, width = usual.shape
    return files, (height, width)


def open_truth(sequence_folder: Path) -> Truth:
    """The truth of a sequence, e.g. of ``DATASET/01``: what there is of ``01_GT`` and ``01_ST`` beside it.

    Raises:
        ValueError: no truth at all, markers without track file or the reverse, two files for one frame, bad tracks.
    """
    sequence = Path(os.path.abspath(sequence_folder))
    gold, silver = (beside(sequence, suffix) for suffix in ("_GT", "_ST"))
    markers, table = _by_number(gold / "TRA", "man_track"), gold / "TRA" / "man_track.txt"
    if markers and not table.exists():
        raise ValueError(f"{table}: expected the tracks of the {len(markers)} images beside it, got no file; add it")
    if table.exists() and not markers:
        raise ValueError(f"{table}: expected man_track000.tif, ... beside it, got none; add them or take the file away")
    tracks = read_tracks(table) if markers else []
    truth = Truth(markers, _by_number(gold / "SEG", "man_seg"), _by_number(silver / "SEG", "man_seg"), tracks)
    if not (truth.markers or truth.gold or truth.silver):
        raise ValueError(
            f"{sequence}: expected annotations {gold.name}/TRA/man_track000.tif, {gold.name}/SEG/man_seg000.tif or "
            f"{silver.name}/SEG/man_seg000.tif beside it, got none; add them"
        )
    return truth


def _examine(path: Path) -> Header:
    """The header of a sound frame; raises ValueError if it is not one."""
    header = read_header(path)
    if header.dtype.kind == "f":
        read_frame(path)  # there may be NaN
    return header


def _by_number(folder: Path, prefix: str) -> dict[int, Path]:
    """Frame number -> path; empty if there is no such folder. Slices of 3D truth (two numbers) are ignored."""
    paths: dict[int, Path] = {}
    for number, _, path in numbered(folder, prefix) if folder.exists() else ():
        if number in paths:
            raise ValueError(f"{path}: expected one file for frame {number}, got {paths[number].name} too; keep one")
        paths[number] = path
    return paths
