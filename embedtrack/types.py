"""The values that travel through the package.

A *frame* is ``float32[H, W]``, normalised. *Labels* are ``int32[H, W]``, 0 for background, one positive number per
cell. The two records below are the other currencies.
"""

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Frame = NDArray[np.float32]
Labels = NDArray[np.int32]
Origin = NDArray[np.int32]
"""int32[H, W]: the pixel of frame t-1, counted in reading order, at which the cell of a pixel was, or OUTSIDE."""
OUTSIDE = -4
"""Of an origin: it lies beyond the frame. Neither a label (0, UNKNOWN) nor an instance (BACKGROUND, IGNORED)."""
Array = TypeVar("Array", NDArray[np.float32], "torch.Tensor")


class Maps(NamedTuple, Generic[Array]):
    """What the network says of every pixel of frame t (numpy for one frame, torch with a leading batch axis)."""

    offset: Array
    """[..., 2, H, W]: (y, x) from the pixel to its cell's centre, in grid units (a pixel is ``step`` wide)."""
    bandwidth: Array
    """[..., 2, H, W]: (y, x) clustering bandwidth b in [0, 1]: the precision is S = exp(10 b)."""
    seediness: Array
    """[..., H, W]: how near the pixel is to its cell's centre, in [0, 1]; 0 on background."""
    shift: Array
    """[..., 2, H, W]: (y, x) tracking offset from the pixel to its cell's centre at t-1, in grid units."""


class Cells(NamedTuple):
    """One frame as a method sees it: n cells and k weaker rivals. Nothing behind this knows a network."""

    labels: Labels
    """int32[H, W]: the cells, 1 to n, each of them there; 0 is background."""
    weak: Labels
    """int32[H, W]: what is a cell only if the frames around say so, n + 1 to n + k, on background alone; else 0."""
    origin: Origin
    """Where each pixel's cell was at t-1; of the first frame it may be anything."""
    seediness: NDArray[np.float32]
    """float32[n + k + 1]: how sure the method is of each, in [0, 1]; of label 0 anything."""
    brightness: NDArray[np.float32]
    """float32[n + k + 1]: mean normalised grey value of each; of label 0 that of the background."""


class Track(NamedTuple):
    """A line of ``res_track.txt``: label, first frame, last frame (inclusive), parent's label or 0."""

    label: int
    begin: int
    end: int
    parent: int
