"""What a file holds: images along named axes, read one by one, and what its metadata say."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.units import Units

GREY = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))

SCENES = "R"
"""The axis along which the positions of Micro-Manager's files lie."""
Place = Mapping[str, int]
"""Index on each axis but Y and X."""


class Stack(NamedTuple):
    """A file's images; no pixel of them is in memory."""

    axes: str
    """A letter for each: T time, C channel, S colour sample, Z focus, Y, X, others as the file calls them."""
    shape: tuple[int, ...]
    """The length of each axis."""
    dtype: np.dtype[Any]
    read: Callable[[Place], NDArray[Any]]
    """The image [H, W] at a place."""
    units: Units = Units()
    channels: tuple[str, ...] = ()
    """Their names, or none."""
    loose: str = "QI"
    """Axes beside T that are taken for time where they alone are long: the file has no better name for them."""
    fault: Callable[[Place], str | None] = lambda place: None
    """What keeps the image at a place from being read, as far as a cheap look tells."""
    broken: str = ""
    """What keeps the file from being whole, where images may be missing at its end."""
    notes: tuple[str, ...] = ()
    """What a user should know of how the file was read."""

    def spell(self) -> str:
        """``T 24, C 2, Y 400, X 480``."""
        return ", ".join(f"{name} {size}" for name, size in zip(self.axes, self.shape, strict=True))


def grey(image: NDArray[Any], name: object) -> NDArray[Any]:
    """An image [H, W] as uint8, uint16 or float32, whatever numbers it came in.

    Raises:
        ValueError: it holds no numbers, or a value that is not finite.
    """
    if image.dtype.kind not in "buif":
        raise ValueError(f"{name}: expected grey values, got the type {image.dtype}; convert it to 8 or 16 bit")
    native = image.astype(image.dtype.newbyteorder("="), copy=False)
    if native.dtype not in GREY:
        with np.errstate(over="ignore"):  # what is too large is infinite, and told
            native = native.astype(np.uint8 if native.dtype.kind == "b" else np.float32)
    if native.dtype.kind == "f" and not np.isfinite(native).all():
        raise ValueError(f"{name}: expected finite grey values, got NaN, infinity or numbers near it; replace them")
    return native
