"""The eight symmetries of the square on images, vector maps, axis maps and points, in numpy and torch alike.

A symmetry is a signed permutation of the axes (y, x): perhaps swap them, then perhaps reverse each. What it does to
an array follows from that: positions move; a vector's components are swapped and take the signs; a component that is
a magnitude along an axis, like a bandwidth, is swapped but has no sign. Numpy results are views wherever possible and
may have negative strides, which ``torch.from_numpy`` refuses: ``.copy()`` first.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

Image = TypeVar("Image", NDArray[Any], torch.Tensor)


class Symmetry(NamedTuple):
    """Quarter turns (0 to 3, in the sense of ``np.rot90``: from x towards -y), then perhaps a flip of x."""

    turns: int
    flip: bool

    @property
    def swaps(self) -> bool:
        """Whether y and x change places, and with them height and width."""
        return self.turns % 2 == 1

    @property
    def signs(self) -> tuple[int, int]:
        """The sign of the new y and x axes, after the swap: -1 where the axis is reversed."""
        return -1 if self.turns in (1, 2) else 1, -1 if (self.turns in (2, 3)) != self.flip else 1

    @property
    def inverse(self) -> "Symmetry":
        """What undoes it: a turn with a flip is a reflection and undoes itself."""
        return self if self.flip else Symmetry(-self.turns % 4, False)


SYMMETRIES: tuple[Symmetry, ...] = tuple(Symmetry(turns, flip) for flip in (False, True) for turns in range(4))
AVERAGED: Mapping[int, tuple[Symmetry, ...]] = {
    1: SYMMETRIES[:1],
    2: (SYMMETRIES[0], Symmetry(2, False)),
    4: (SYMMETRIES[0], Symmetry(2, False), Symmetry(1, True), Symmetry(3, True)),
    8: SYMMETRIES,
}
"""Number of views -> those whose mean is taken: with the half turn, then with the reflections on both diagonals.

Each is a group, so that the mean turns with the frame. The half turn undoes what pulls all offsets one way, a diagonal
also exchanges the network's rows and columns."""
TURNED = SYMMETRIES[:2]
"""As it is and by a quarter turn: what a network that knows the cells finds in both alike."""


def do(image: Image, symmetry: Symmetry) -> Image:
    """Move the pixels of a scalar image or labels [..., H, W]; a quarter turn gives [..., W, H]."""
    turned = image.mT if symmetry.swaps else image
    return _reverse(turned, tuple(axis for axis, sign in zip((-2, -1), symmetry.signs, strict=True) if sign < 0))


def do_axes(axes: Image, symmetry: Symmetry) -> Image:
    """Move the pixels of [..., 2, H, W], magnitudes along (y, x): they swap with the axes and keep their sign."""
    if axes.ndim < 3 or axes.shape[-3] != 2:
        raise ValueError(f"expected an array [..., 2, H, W] of (y, x) components, got shape {tuple(axes.shape)}")
    moved = do(axes, symmetry)
    return _reverse(moved, (-3,)) if symmetry.swaps else moved


def do_vectors(vectors: Image, symmetry: Symmetry) -> Image:
    """Move the pixels of [..., 2, H, W], signed (y, x) vectors, and turn the vectors themselves."""
    moved = do_axes(vectors, symmetry)
    return moved if symmetry.signs == (1, 1) else moved * _like(symmetry.signs, moved)[:, None, None]


def undo(image: Image, symmetry: Symmetry) -> Image:
    """The inverse of ``do``."""
    return do(image, symmetry.inverse)


def undo_axes(axes: Image, symmetry: Symmetry) -> Image:
    """The inverse of ``do_axes``."""
    return do_axes(axes, symmetry.inverse)


def undo_vectors(vectors: Image, symmetry: Symmetry) -> Image:
    """The inverse of ``do_vectors``."""
    return do_vectors(vectors, symmetry.inverse)


def _reverse(array: Image, axes: tuple[int, ...]) -> Image:
    """Reverse the given axes: a view in numpy, one copy in torch, which has no negative strides."""
    if not axes:
        return array
    return torch.flip(array, axes) if isinstance(array, torch.Tensor) else np.flip(array, axes)


def _like(values: Sequence[int], array: Image) -> Image:
    """The values as a vector of the array's kind, dtype and device."""
    if isinstance(array, torch.Tensor):
        return _constant(tuple(values), array.dtype, array.device)
    return np.array(values, array.dtype)


@cache
@torch.inference_mode(False)
def _constant(values: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Kept: a copy to a GPU waits until all before it is done."""
    return torch.tensor(values, dtype=dtype, device=device)
