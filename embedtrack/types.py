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
    """One frame as a method sees it. Nothing behind this knows a network."""

    labels: Labels
    """int32[H, W]: any positive label per cell, 0 for background."""
    shift: Frame
    """float32[2, H, W]: the tracking offset in grid units, (y, x) from each pixel to where its cell's centre was at
    t-1; of the first frame it may be anything."""


class Track(NamedTuple):
    """A line of ``res_track.txt``: label, first frame, last frame (inclusive), parent's label or 0."""

    label: int
    begin: int
    end: int
    parent: int
