"""Movies of moving, dividing nuclei in the challenge's layout, with complete truth: drawn, so every label is known.

The movie in ``demo/`` is the work of ``python -m embedtrack simulate demo --seed 7``. With the same versions of the
libraries on the same machine, equal seeds give equal bytes.
"""

import logging
import os
import re
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.challenge.layout import write_tracks
from embedtrack.files.replace_folder import Replacement
from embedtrack.files.whole import check_writable, resolved
from embedtrack.simulate.colony import RADIUS, Cell, capacity, first_cells, live
from embedtrack.simulate.optics import draw, expose, lamp
from embedtrack.types import Labels, Track

logger = logging.getLogger(__name__)

LARGEST = 1 << 14
"""Pixels of a side."""
MIN_AREA = 60
"""With fewer visible pixels a nucleus is no cell in the truth."""


def simulate(
    folder: Path,
    *,
    seed: int = 0,
    frames: int = 24,
    size: tuple[int, int] = (400, 480),
    cells: int = 30,
    name: str = "01",
) -> None:
    """Write the movie ``folder/name`` and its truth ``folder/name_GT``, whole or not at all.

    Args:
        folder: made if missing.
        seed: of everything random.
        frames: length of the movie.
        size: (H, W) of the frame in pixels.
        cells: how many nuclei the first frame shows, about; more enter, leave and divide.
        name: of the sequence.

    Raises:
        ValueError: an argument is out of range, or the sequence exists.
    """
    check(folder, seed, frames, size, cells, name)
    rng = np.random.default_rng(seed)
    shade = lamp(rng, size)
    colony = first_cells(rng, size, cells)
    tracks: dict[int, Track] = {}
    with Replacement(folder / name) as movie, Replacement(folder / f"{name}_GT") as truth:
        for part in ("TRA", "SEG"):
            (truth.new / part).mkdir()
        for t in range(frames):
            if t > 0:
                colony = live(rng, colony, size)
            owner, light = draw([cell.nucleus for cell in colony], size)
            labels = enrol(t, colony, owner, tracks)
            number = f"{t:0{digits(frames)}d}.tif"
            write(movie.new / f"t{number}", expose(rng, light * shade))
            write(truth.new / f"TRA/man_track{number}", labels)
            write(truth.new / f"SEG/man_seg{number}", labels)
        write_tracks(truth.new / "TRA/man_track.txt", tracks.values())
        _check_free(folder, name)  # something may have come since the start
        truth.publish()
        movie.publish()
    logger.info("%s: %d frames with %d tracks", folder / name, frames, len(tracks))


def check(folder: Path, seed: int, frames: int, size: tuple[int, int], cells: int, name: str) -> None:
    """Raise ValueError for the first argument of ``simulate`` that cannot be used."""
    if not 0 <= seed < 1 << 63:
        raise ValueError(f"seed: expected 0 to {(1 << 63) - 1}, got {seed}")
    if not 1 <= frames <= 10_000:
        raise ValueError(f"frames: expected 1 to 10000, got {frames}")
    if min(size) < 16 or max(size) > LARGEST:
        raise ValueError(f"size: expected sides of 16 to {LARGEST} pixels, got {size[0]} x {size[1]}")
    most = capacity(size, RADIUS[0])
    if not 0 <= cells <= most:
        raise ValueError(f"cells: expected 0 to {most}, which have room in {size[0]} x {size[1]} pixels, got {cells}")
    if not re.fullmatch(r"[0-9A-Za-z_-]+", name):
        raise ValueError(f"name: expected letters, digits, _ or -, such as 01, got {name!r}")
    if name.endswith(("_GT", "_ST", "_RES")):
        raise ValueError(f"name: expected that of a movie, such as 01, got {name}, which is none's; leave the ending")
    folder = resolved(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"expected a folder to write to, got the file {folder}")
    check_writable(folder / name)
    _check_free(folder, name)


def _check_free(folder: Path, name: str) -> None:
    """Raise ValueError where a sequence of this name is there."""
    for taken in (folder / name, folder / f"{name}_GT"):
        if os.path.lexists(taken):
            raise ValueError(f"{taken} exists and is not overwritten: remove it, or choose another folder or name")


def digits(frames: int) -> int:
    """Width of the frame numbers in file names."""
    return 3 if frames < 1000 else 4


def enrol(t: int, colony: list[Cell], owner: Labels, tracks: dict[int, Track]) -> NDArray[np.uint16]:
    """Give frame t to the tracks of the cells that it shows; a cell that comes into view begins a new track.

    Args:
        t: number of the frame.
        colony: the cells, whose labels are kept up to date here.
        owner: int32[H, W], 1 for the first cell of the colony.
        tracks: by label; they grow here.

    Returns:
        uint16[H, W], the truth of frame t.

    Raises:
        ValueError: labels are used up.
    """
    area = np.bincount(owner.ravel(), minlength=len(colony) + 1)[1:]
    for cell, pixels in zip(colony, area, strict=True):
        if pixels < MIN_AREA:
            cell.label = 0
        elif cell.label:
            tracks[cell.label] = tracks[cell.label]._replace(end=t)
        else:
            cell.label = len(tracks) + 1
            tracks[cell.label] = Track(cell.label, t, t, cell.mother)
        cell.mother = 0
    if len(tracks) > 65535:
        raise ValueError(f"more than 65535 tracks by frame {t}: take fewer frames or cells")
    return np.array([0, *(cell.label for cell in colony)], np.uint16)[owner]


def write(path: Path, image: NDArray[np.uint16]) -> None:
    """A compressed TIFF without date or program in it, so that equal images are equal files."""
    tifffile.imwrite(path, image, compression="zlib", metadata=None, software=False)
