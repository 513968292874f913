"""Masks that somebody else made and the movie of them, opened together: as many frames of one shape, or a fault."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.files.lazy import Lazy
from embedtrack.movies.masks import as_labels, checked, open_masks
from embedtrack.movies.memory import frames_of
from embedtrack.movies.movie import Movie
from embedtrack.movies.scale import typical_diameter
from embedtrack.options import FOUND, Options
from embedtrack.types import Labels

Images = Sequence[NDArray[Any]]
"""The grey values [H, W] of each frame."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Paired:
    """Masks, and the movie of them where there is one.

    Attributes:
        labels: the label images [H, W], each read when it is asked for.
        masks: where they were opened, None where they are arrays.
        images: the movie's frames.
        movie: where they were opened.
    """

    labels: Lazy[Labels]
    masks: Movie | None = None
    images: Images | None = None
    movie: Movie | None = None

    @cached_property
    def diameter(self) -> float | None:
        """The typical diameter, in pixels, of the cells of the first, middle and last frame; None without any."""
        count = len(self.labels)
        return typical_diameter([self.labels[t] for t in sorted({0, count // 2, count - 1})])

    def sized(self, options: Options) -> Options:
        """The options; a diameter that is to be found is that of the masks."""
        return replace(options, diameter=self.diameter) if options.diameter == FOUND else options


def pair(masks: Any, movie: Any = None) -> Paired:
    """Open masks, all of which are looked at once, and their movie, of whose files no more than headers are read.

    Args:
        masks: label images [H, W], an array [T, H, W] or a list of them; what ``open_masks`` opens, or what it gave.
        movie: what ``frames_of`` takes.

    Raises:
        ValueError: there are no masks, or they and the movie differ in number or shape of frames.
    """
    labels, opened = _masks(masks)
    if movie is None:
        return Paired(labels, opened)
    images, source = _images(movie)
    shape = source.shape if source else images[0].shape if images else ()
    _check_together(source.path if source else "the movie", (len(images), shape), (len(labels), labels[0].shape))
    if source and opened and source.path.is_dir() and opened.path.is_dir() and source.first != opened.first:
        log.warning(
            "%s begins with number %d and the movie with %d: they are paired in order, the first with the first",
            opened.path, opened.first, source.first,
        )  # fmt: skip
    return Paired(labels, opened, images, source)


def _masks(masks: Any) -> tuple[Lazy[Labels], Movie | None]:
    opened = masks if isinstance(masks, Movie) else open_masks(Path(masks)) if isinstance(masks, str | Path) else None
    frames: Any = opened.frames if opened else masks
    axes = getattr(frames, "ndim", None)
    if not isinstance(frames, Sequence) and axes != 3:
        frames = list(frames)
    count = frames.shape[0] if axes == 3 else len(frames)  # zarr's arrays have no length
    if not count:
        raise ValueError("expected masks of at least one frame, got none")
    name = opened.path if opened else "masks"
    first = opened.first if opened else 0
    checked(Lazy(count, lambda t: _array(frames[t])), name, first)
    shapes = {_array(frames[t]).shape for t in range(count)} if not opened else set()
    if len(shapes) > 1:
        raise ValueError(f"expected masks of one shape, got {' and '.join(map(str, sorted(shapes)))}")
    return Lazy(count, lambda t: as_labels(_array(frames[t]), f"{name}, frame {first + t}")), opened


def _images(movie: Any) -> tuple[Images, Movie | None]:
    frames, opened = frames_of(movie)
    return (frames if isinstance(frames, Sequence) else list(frames)), opened


def _check_together(name: object, movie: tuple[int, tuple[int, ...]], masks: tuple[int, tuple[int, ...]]) -> None:
    """Raise ValueError unless a movie and masks have as many frames, of one shape: each its number and shape."""
    if movie != masks:
        of_masks, of_movie = (
            f"{count} frames of {' x '.join(map(str, shape))} pixels" for count, shape in (masks, movie)
        )
        raise ValueError(
            f"{name}: expected the movie of the masks, {of_masks}, got {of_movie}; check both, or convert one of them"
        )


def _array(image: Any) -> NDArray[Any]:
    """Dask and zarr read it now."""
    return np.asarray(image)
