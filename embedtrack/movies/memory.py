"""Movies that are in memory already, or come from another library: arrays, lists and generators of frames."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.files.lazy import Lazy
from embedtrack.movies.movie import FrameError, Movie
from embedtrack.movies.open import open_movie
from embedtrack.movies.stack import grey

Frames = Iterable[NDArray[Any]]
"""The grey values [H, W] of each frame; a sequence where they can be asked for in any order."""


def frames_of(movie: Any) -> tuple[Frames, Movie | None]:
    """The frames of anything that is a movie, none of them read yet, and the movie itself where it was opened.

    Args:
        movie: an array [T, H, W] of NumPy, dask, zarr or alike; a list or generator of frames [H, W]; an open movie;
            or the path of what ``open_movie`` opens.

    Raises:
        ValueError: it has other axes, or ``open_movie`` refuses it.
    """
    if isinstance(movie, str | Path):
        movie = open_movie(Path(movie))
    if isinstance(movie, Movie):
        return movie.frames, movie
    axes = getattr(movie, "ndim", None)
    if axes == 2:
        raise ValueError(
            "expected a movie of the axes T, Y, X, got one image: Model.segment takes it, or say image[None]"
        )
    if axes not in (None, 3):
        raise ValueError(f"expected a movie of the axes T, Y, X, got {axes} axes; choose one channel and one plane")
    if axes == 3 or isinstance(movie, Sequence):
        count = movie.shape[0] if axes else len(movie)  # zarr's arrays have no length
        if not count:
            raise ValueError("expected a movie of at least one frame, got none")
        return Lazy(count, lambda t: _frame(movie[t], t)), None
    return _one_by_one(movie), None


def readable(frames: Sequence[Any], indices: Iterable[int]) -> list[NDArray[Any]]:
    """Those of some frames [H, W] that can be read, for a first look: one that cannot is told when its turn comes.

    Raises:
        FrameError: none of them can.
    """
    found, fault = [], None
    for index in indices:
        try:
            found.append(np.asarray(frames[index]))
        except FrameError as error:
            fault = error
    if fault and not found:
        raise fault
    return found


def as_movie(movie: Any) -> Movie:
    """What ``frames_of`` takes, but for generators, as a movie whose frames can be looked at before it is tracked.

    Raises:
        ValueError: it is a generator, or what ``frames_of`` raises.
    """
    frames, opened = frames_of(movie)
    if opened:
        return opened
    if not isinstance(frames, Lazy):
        raise ValueError("expected frames that can be looked at more than once, got a generator; make a list of them")
    height, width = frames[0].shape
    return Movie(Path("movie"), frames, (height, width))


def _one_by_one(frames: Iterable[Any]) -> Iterator[NDArray[Any]]:
    for t, frame in enumerate(frames):
        yield _frame(frame, t)


def _frame(frame: Any, t: int) -> NDArray[Any]:
    """One frame as grey values [H, W] of a type that the network reads; dask and zarr read it now."""
    if np.ma.is_masked(frame):
        raise ValueError(f"frame {t}: expected a value for each pixel, got a masked array; fill it: frame.filled(0)")
    image = np.asarray(frame)
    if image.ndim == 2 and not image.size:
        raise ValueError(f"frame {t}: expected pixels, got an image of {image.shape[0]} x {image.shape[1]}")
    if image.ndim != 2:
        raise ValueError(f"frame {t}: expected the axes Y, X, got {image.ndim} axes; choose one channel and one plane")
    return grey(image, f"frame {t}")
