"""One way in for movies of any kind: ``open_movie``."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedtrack.files.beside import of_movie
from embedtrack.files.guard import reading, require_regular
from embedtrack.files.names import Numbered, number_faults, numbered
from embedtrack.movies import tiff
from embedtrack.movies.images import PICTURES, image_files, open_images, stack_files
from embedtrack.movies.listing import inside
from embedtrack.movies.microscope import open_foreign
from embedtrack.movies.movie import Movie, record
from embedtrack.movies.omezarr import MARKS, open_omezarr
from embedtrack.movies.scenes import pick
from embedtrack.movies.selection import Choice
from embedtrack.movies.stack import Stack
from embedtrack.movies.video import VIDEOS, open_video

MASKS = {"res_track.txt": "a result", "man_track.txt": "truth", "man_seg*.tif": "truth"}
"""What lies in a folder that holds no movie."""
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
    if not path.is_dir():
        require_regular(path)
    with reading(path, "a movie"):
        return _open(path, choice, channels)


def _open(path: Path, choice: Choice, channels: bool) -> Movie:
    """The movie at a path where something is."""
    if path.is_dir() and not any((path / mark).is_file() for mark in MARKS):
        return _open_folder(path, choice, channels)
    if choice.pattern:
        raise ValueError(f"{path}: expected --pattern with a folder of images, got {choice.pattern}; leave it out")
    if path.is_dir():
        stack = open_omezarr(path, choice.scene)
    elif path.suffix.lower() in tiff.SUFFIXES:
        stack = tiff.open_tiff(path, choice.scene)
    elif path.suffix.lower() in PICTURES:
        _require_only_scene(path, choice)
        stack = open_images(path, [path])
    elif path.suffix.lower() in VIDEOS:
        _require_only_scene(path, choice)
        stack = open_video(path)
    else:
        stack = open_foreign(path, choice.scene)
    return record(path, stack, choice, channels=channels)


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
    _require_only_scene(folder, choice)
    files, until = numbered(folder, "t"), choice.until
    if until is not None and files[0].number <= until <= files[-1].number:
        files = [file for file in files if file.number <= until]
    stack = _challenge_stack(folder, files, holes=False)
    return record(folder, stack, choice, channels=channels, first=files[0].number, digits=files[0].digits)


def _require_only_scene(path: Path, choice: Choice) -> None:
    """Raise ValueError if another one is asked for of what never holds several."""
    pick(path, [""], choice.scene)


def _challenge_stack(folder: Path, files: Sequence[Numbered], *, holes: bool) -> Stack:
    """The images of numbered files, each a frame."""
    if faults := list(number_faults(folder, files, holes=holes)):
        raise ValueError("\n".join(faults))
    stack = stack_files(folder, [file.path for file in files])
    if len(files) == 1 and dict(zip(stack.axes, stack.shape, strict=True)).keys() - set("YXCS"):
        raise ValueError(
            f"{folder}: expected an image per file, got {stack.spell()} in one; rename it or save them apart"
        )
    return stack
