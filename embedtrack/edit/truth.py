"""Corrected frames as training truth, in the challenge's layout: ``train`` reads them like any annotated movie.

::

    DATASET/01/t003.tif                  the frames themselves, unless they lie there already
    DATASET/01_GT/TRA/man_track003.tif   the masks, each with its track's label, and man_track.txt
    DATASET/01_GT/SEG/man_seg003.tif     the same masks
    DATASET/01_GT/corrected.json         which frames are right, of which movie; tells it from truth of others
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.challenge.lbep import write_tracks
from embedtrack.challenge.tracked import require_valid
from embedtrack.challenge.writer import write_mask
from embedtrack.edit.draft import as_tracked
from embedtrack.edit.refit import refit
from embedtrack.files.guard import reading, require_regular
from embedtrack.files.whole import check_apart, check_folder, new_folder
from embedtrack.tracked import Tracked
from embedtrack.types import Labels

NOTE = "corrected.json"
FRAMES, TRUTH = "frames of corrections", "corrections"


def write_truth(
    tracked: Tracked,
    frames: Iterable[int],
    movie: Path,
    images: Sequence[NDArray[Any]],
    dataset: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Write some frames of a tracked movie as truth for training.

    Args:
        tracked: valid.
        frames: indices of the frames in which every mask is right.
        movie: the movie's folder or file, whose name the sequence gets, e.g. ``DATASET/01``.
        images: its grey values [H, W].
        dataset: the folder that gets ``01`` and ``01_GT``; older truth of the same movie is replaced.
        overwrite: replace whatever is there.

    Returns:
        The truth's folder, e.g. ``DATASET/01_GT``.

    Raises:
        ValueError: no frame, or other files are in the way.
    """
    chosen = sorted(set(frames))
    if not chosen:
        raise ValueError(f"{dataset}: expected frames that are right, got none; tick them, or name them by --frames")
    sequence, truth = places(movie, dataset)
    check_place(movie, dataset, overwrite=overwrite)
    part = clip(tracked, chosen)
    require_valid(part, truth)
    with ExitStack() as swap:
        folder = swap.enter_context(new_folder(truth, TRUTH, overwrite=overwrite))
        if not _same_place(sequence, movie):  # left first, and so put in its place first: no truth without frames
            shown = swap.enter_context(new_folder(sequence, FRAMES, overwrite=overwrite))
            for t in chosen:
                _write_frame(shown / f"t{tracked.spell(t)}.tif", np.asarray(images[t]))
            _keep(sequence, shown)
        for name in ("TRA", "SEG"):
            (folder / name).mkdir()
        for t in chosen:
            mask = part.masks[t].astype(np.uint16)
            write_mask(folder / "TRA" / f"man_track{tracked.spell(t)}.tif", mask)
            write_mask(folder / "SEG" / f"man_seg{tracked.spell(t)}.tif", mask)
        first = tracked.first
        spans = [track.later(first) for track in part.tracks]
        write_tracks(folder / "TRA" / "man_track.txt", spans)
        about = {"movie": os.path.abspath(movie), "frames": [first + t for t in chosen]}
        (folder / NOTE).write_text(json.dumps(about) + "\n")
    if not _same_place(sequence, movie) and len(list(sequence.glob("t*.tif"))) > len(chosen):
        with new_folder(sequence, FRAMES, overwrite=overwrite) as shown:
            for t in chosen:
                shutil.copy2(sequence / f"t{tracked.spell(t)}.tif", shown)
    return truth


def _keep(sequence: Path, shown: Path) -> None:
    """Keep the frames of older truth too until the new truth has taken its place: both have theirs at any time."""
    for older in sequence.glob("t*.tif"):
        if not (shown / older.name).exists():
            shutil.copy2(older, shown)


def places(movie: Path, dataset: Path) -> tuple[Path, Path]:
    """Where the frames and their truth go: named like the movie if that is a number, else ``01``."""
    name = Path(os.path.abspath(movie)).stem
    name = name if re.fullmatch("[0-9]+", name) else "01"
    return dataset / name, dataset / f"{name}_GT"


def check_place(movie: Path, dataset: Path, *, overwrite: bool = False) -> None:
    """Look before any work is done for it whether truth can be written.

    Raises:
        ValueError: there are frames or truth that ``write_truth`` did not write, or wrote of another movie; or the
            movie itself lies where they go.
    """
    sequence, truth = places(movie, dataset)
    check_apart(truth, movie)
    if not _same_place(sequence, movie):
        check_apart(sequence, movie)
    if overwrite:
        return
    about = _about(truth)
    if about is None and truth.exists():
        raise ValueError(
            f"{truth}: expected nothing or older corrections there, got other truth; choose another folder, or say "
            "--overwrite"
        )
    check_folder(truth, TRUTH)
    if not _same_place(sequence, movie):
        check_folder(sequence, FRAMES)
    if about is not None and about.get("movie") != os.path.abspath(movie):
        raise ValueError(f"{truth}: expected corrections of {movie}, got those of {about.get('movie')}; choose another")
    if about is None and sequence.exists() and not _same_place(sequence, movie):
        raise ValueError(f"{sequence}: expected nothing there, got another movie; choose another folder")


def corrected_before(movie: Path, dataset: Path, tracked: Tracked) -> list[int]:
    """The frames, as indices, that older truth of the same movie in this place holds."""
    about = _about(places(movie, dataset)[1]) or {}
    numbers = about.get("frames", [])
    return [number - tracked.first for number in numbers if 0 <= number - tracked.first < len(tracked)]


def clip(tracked: Tracked, frames: Sequence[int]) -> Tracked:
    """The movie with the cells of some frames only; tracks are cut where frames are left out."""
    nothing = np.zeros(tracked.shape, np.int32)
    kept: list[Labels] = [nothing] * len(tracked)
    for t in frames:
        kept[t] = np.asarray(tracked.masks[t], np.int32)
    return as_tracked(refit(kept, {track.label: track for track in tracked.tracks}), tracked)


def _about(truth: Path) -> dict[str, Any] | None:
    """The note in a folder of truth, if there is one."""
    note = truth / NOTE
    if not note.exists():
        return None
    require_regular(note)
    with reading(note, "the frames of corrections", "move the folder away"):
        about: dict[str, Any] = json.loads(note.read_text())
        if not isinstance(about.get("movie"), str) or any(type(number) is not int for number in about["frames"]):
            raise ValueError("another kind of note")
    return about


def _same_place(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and os.path.samefile(one, other)


def _write_frame(path: Path, image: NDArray[Any]) -> None:
    tifffile.imwrite(path, image, photometric="minisblack", compression="zlib", metadata=None)
