"""One way in for movies of any kind: ``open_movie``; and for a result with its movie: ``open_pair``."""

import glob
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedtrack.challenge import layout
from embedtrack.challenge.record import noted
from embedtrack.challenge.tracked import open_tracked
from embedtrack.files.beside import beside, of_movie
from embedtrack.files.guard import reading
from embedtrack.files.lazy import Lazy
from embedtrack.files.names import Numbered, numbered
from embedtrack.movies import tiff
from embedtrack.movies.contents import inside
from embedtrack.movies.images import PICTURES, image_files, open_images, stack_files
from embedtrack.movies.microscope import READERS, open_foreign
from embedtrack.movies.movie import Movie, record
from embedtrack.movies.omezarr import MARKS, open_omezarr
from embedtrack.movies.selection import Choice
from embedtrack.movies.stack import Stack
from embedtrack.movies.video import VIDEOS, open_video
from embedtrack.tracked import Tracked

MASKS = {"res_track.txt": "a result", "man_track.txt": "truth", "man_seg*.tif": "truth"}
"""What lies in a folder that holds no movie."""
MOVIES = (*tiff.SUFFIXES, *READERS)
"""Of a file that is taken for a movie without being named; a picture or a video beside a result may show it instead."""
NARROW = 3
"""Digits of the challenge's frame numbers, at least: t1.tif to t12.tif are images with any names."""


def open_movie(path: Path, choice: Choice | None = None, *, channels: bool = False) -> Movie:
    """Open a movie; no more of it is read than headers.

    A challenge's folder (``t000.tif``, ...), a folder of images with any names, an OME-Zarr, a TIFF of several pages,
    ImageJ's hyperstack, an OME-TIFF, a single image, or what bioio reads.

    Args:
        path: the file or folder.
        choice: what overrides its metadata.
        channels: keep all channels unless one is chosen.

    Raises:
        ValueError: there is no movie, it is damaged, or it is not clear which images are its frames.
    """
    path, choice = Path(path), choice or Choice()
    if not path.exists():
        raise ValueError(f"{path}: expected a movie, got nothing of this name; check the path")
    with reading(path, "a movie"):
        return _open(path, choice, channels)


def _open(path: Path, choice: Choice, channels: bool) -> Movie:
    """The movie at a path where something is."""
    if path.is_dir() and not any((path / mark).is_file() for mark in MARKS):
        return _open_folder(path, choice, channels)
    if path.is_dir():
        stack = open_omezarr(path, choice.scene)
    elif path.suffix.lower() in tiff.SUFFIXES:
        stack = tiff.open_tiff(path, choice.scene)
    elif path.suffix.lower() in PICTURES:
        stack = open_images(path, [path])
    elif path.suffix.lower() in VIDEOS:
        stack = open_video(path)
    else:
        stack = open_foreign(path, choice.scene)
    return record(path, stack, choice, channels=channels)


def movie_of(result: Path) -> Path | None:
    """The movie whose result belongs at this place: ``a/01`` or ``a/cells.ome.tif`` for ``a/01_RES``, ``a/cells_RES``.

    A folder of that very name comes first. None where there is none, or where it is not clear which of several it is.
    """
    result = Path(os.path.abspath(result))
    folder = of_movie(result)
    if folder != result and folder.is_dir():
        return folder
    choice = Choice()
    with suppress(ValueError):  # another result's record
        choice = noted(result)
    found = [
        path
        for path in result.parent.glob("*")
        if (path.is_dir() or path.suffix.lower() in MOVIES) and result_of(path, choice) == result
    ]
    return found[0] if len(found) == 1 else None


def result_of(movie: Path, choice: Choice | None = None) -> Path:
    """Where the result of a movie lies by default: beside it, and what was chosen of it is in the name.

    ``a/01_RES`` for ``a/01``, ``a/cells_RES`` for ``a/cells.ome.tif``, ``a/cells_2_GFP_RES`` for its second scene and
    its channel GFP, ``a/cells_tif_RES`` where a folder or another file of this name lies beside ``a/cells.tif``.
    """
    choice, plain = choice or Choice(), beside(movie, "")
    words = [choice.scene, _lettered("c", choice.channel), _lettered("z", choice.plane), _bare(choice.pattern)]
    kind = Path(os.path.abspath(movie)).name.removeprefix(plain.name).strip(".") if _rivals(movie) else ""
    named = [re.sub(r"[^\w.+-]+", "-", word).strip("-.") or "x" for word in (kind.replace(".", "-"), *words) if word]
    return plain.with_name("_".join([plain.name, *named, "RES"]))


def _lettered(letter: str, word: str | None) -> str | None:
    """``c2`` for the number 2; a name as it is."""
    return f"{letter}{word}" if word and word.isdigit() else word


def _bare(pattern: str | None) -> str | None:
    """What a pattern of file names fixes."""
    return None if pattern is None else re.sub(r"[\[\]?* ]+", "-", Path(pattern).stem).strip("-_.") or "x"


def _rivals(movie: Path) -> bool:
    """Whether another movie beside a file has its name but for the ending."""
    movie = Path(os.path.abspath(movie))
    if movie.suffix == "" or not movie.exists():
        return False
    return any(
        other != movie and beside(other, "") == beside(movie, "") and (other.is_dir() or other.suffix.lower() in MOVIES)
        for other in movie.parent.glob(f"{glob.escape(beside(movie, '').name)}*")
    )


def open_pair(
    result: Path, raw: Path | None = None, choice: Choice | None = None, *, channels: bool = False
) -> tuple[Tracked, Lazy[NDArray[Any]] | None]:
    """A result, or truth, and the frames of its movie if there is ``raw``.

    Units are, in this order, those of the choice, of the record beside the result, and of the movie. The channel, scene
    and axis of time are those of the choice or of the record.

    Args:
        result: e.g. ``DATASET/01_RES``.
        raw: the movie.
        choice: what the user says.
        channels: give all channels of the movie, [H, W, channels], unless the user chooses one.

    Raises:
        ValueError: either is not valid, or the movie is another one.
    """
    choice = choice or Choice()
    tracked = open_tracked(result, choice.units)
    if raw is None:
        return tracked, None
    movie = open_raw(raw, tracked, choice, channels=channels)
    return replace(tracked, units=tracked.units.over(movie.units)), movie.frames


def open_raw(raw: Path, tracked: Tracked, choice: Choice | None = None, *, channels: bool = False) -> Movie:
    """The movie of a result; see ``open_pair``.

    Raises:
        ValueError: there is no movie, or it is another one.
    """
    before = tracked.movie._replace(channel=None) if channels else tracked.movie
    movie = open_movie(raw, (choice or Choice()).over(before), channels=channels)
    if (movie.first, len(movie), movie.shape) != (tracked.first, len(tracked), tracked.shape):
        raise ValueError(
            f"{movie.path}: expected the movie of the result, frames {tracked.first} to "
            f"{tracked.first + len(tracked) - 1} of {' x '.join(map(str, tracked.shape))}, got {movie.first} to "
            f"{movie.last} of {' x '.join(map(str, movie.shape))}; check --raw"
        )
    return movie


def open_frames(movie: Path) -> dict[int, Callable[[], NDArray[Any]]]:
    """What reads each frame, by its number; of a challenge's folder some may be missing: enough to train on the others.

    Raises:
        ValueError: as ``open_movie``.
    """
    if movie.is_dir() and _is_challenge(movie):
        files = numbered(movie, "t")
        frames = record(movie, _challenge_stack(movie, files, holes=True), Choice()).frames
        return {file.number: partial(frames.__getitem__, index) for index, file in enumerate(files)}
    frames = open_movie(movie).frames
    return {number: partial(frames.__getitem__, number) for number in range(len(frames))}


def _open_folder(folder: Path, choice: Choice, channels: bool) -> Movie:
    """The challenge's frames, or images with any names."""
    if _is_challenge(folder) and not choice.pattern:
        return _open_challenge(folder, choice, channels)
    if kind := next((kind for mark, kind in MASKS.items() if any(folder.glob(mark))), None):
        whole = folder.parent if folder.name in ("TRA", "SEG") else folder
        movie = of_movie(whole)
        hint = f"perhaps {movie}" if movie != whole and movie.exists() else "name the folder of its frames"
        raise ValueError(f"{folder}: expected a movie, got the masks of {kind}; {hint}")
    files = image_files(folder)
    if not files:
        raise ValueError(f"{folder}: expected frames t000.tif, t001.tif, ... or other images, got {inside(folder)}")
    return record(folder, open_images(folder, files, choice), choice, channels=channels)


def _is_challenge(folder: Path) -> bool:
    """Whether a folder has frames with the challenge's names, right or wrong in their numbers."""
    frames = numbered(folder, "t")
    return bool(frames) and min(file.digits for file in frames) >= NARROW


def _open_challenge(folder: Path, choice: Choice, channels: bool) -> Movie:
    """The frames of a sequence; they keep their numbers."""
    files, until = numbered(folder, "t"), choice.until
    if until is not None and files[0].number <= until <= files[-1].number:
        files = [file for file in files if file.number <= until]
    stack = _challenge_stack(folder, files, holes=False)
    return record(folder, stack, choice, channels=channels, first=files[0].number, digits=files[0].digits)


def _challenge_stack(folder: Path, files: Sequence[Numbered], *, holes: bool) -> Stack:
    """The images of numbered files, each a frame."""
    if faults := list(layout.number_faults(folder, files, holes=holes)):
        raise ValueError("\n".join(faults))
    stack = stack_files(folder, [file.path for file in files])
    if len(files) == 1 and dict(zip(stack.axes, stack.shape, strict=True)).keys() - set("YXCS"):
        raise ValueError(
            f"{folder}: expected an image per file, got {stack.spell()} in one; rename it or save them apart"
        )
    return stack
