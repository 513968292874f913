"""A result and its movie: where each lies beside the other, and both opened."""

import glob
import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedtrack.challenge.record import noted
from embedtrack.challenge.tracked import open_tracked
from embedtrack.files.beside import beside, of_movie
from embedtrack.files.lazy import Lazy
from embedtrack.movies import tiff
from embedtrack.movies.microscope import READERS
from embedtrack.movies.movie import Movie
from embedtrack.movies.open import open_movie
from embedtrack.movies.selection import Choice
from embedtrack.tracked import Tracked

MOVIES = (*tiff.SUFFIXES, *READERS)
"""Of a file that is taken for a movie without being named; a picture or a video beside a result may show it instead."""


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
    result: Path,
    raw: Path | None = None,
    choice: Choice | None = None,
    *,
    channels: bool = False,
    labels: bool = True,
) -> tuple[Tracked, Lazy[NDArray[Any]] | None]:
    """A result, or truth, and the frames of its movie if there is ``raw``.

    Units are, in this order, those of the choice, of the record beside the result, and of the movie. The channel, scene
    and axis of time are those of the choice or of the record.

    Args:
        result: e.g. ``DATASET/01_RES``.
        raw: the movie.
        choice: what the user says.
        channels: give all channels of the movie, [H, W, channels], unless the user chooses one.
        labels: see ``open_tracked``.

    Raises:
        ValueError: either is not valid, or the movie is another one.
    """
    choice = choice or Choice()
    tracked = open_tracked(result, choice.units, labels=labels)
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
