"""What the network says of every pixel, and how it is brought back to the frame that was seen."""

from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack.inference.symmetry import Symmetry, undo, undo_axes, undo_vectors
from embedtrack.movies.scale import channels_to_frame
from embedtrack.types import Frame

Array = TypeVar("Array", NDArray[np.float32], torch.Tensor)


class Maps(NamedTuple, Generic[Array]):
    """What the network says of every pixel of frame t (numpy for one frame, torch with a leading batch axis)."""

    offset: Array
    """[..., 2, H, W]: (y, x) from the pixel to its cell's centre, in grid units (a pixel is ``pixel_size`` wide)."""
    bandwidth: Array
    """[..., 2, H, W]: (y, x) clustering bandwidth b in [0, 1]: the precision is S = exp(10 b)."""
    seediness: Array
    """[..., H, W]: how near the pixel is to its cell's centre, in [0, 1]; 0 on background."""
    shift: Array
    """[..., 2, H, W]: (y, x) tracking offset from the pixel to its cell's centre at t-1, in grid units."""


def undo_maps(maps: Maps[Array], symmetry: Symmetry) -> Maps[Array]:
    """Turn back what the network said of a frame that ``do`` has turned."""
    return Maps(
        offset=undo_vectors(maps.offset, symmetry),
        bandwidth=undo_axes(maps.bandwidth, symmetry),
        seediness=undo(maps.seediness, symmetry),
        shift=undo_vectors(maps.shift, symmetry),
    )


def to_frame(maps: Maps[Frame], shape: tuple[int, int], scale: float) -> Maps[Frame]:
    """Maps at the working scale -> maps of a frame of shape (H, W); all values stay in grid units."""
    if scale == 1:
        return maps
    parts = (maps.offset, maps.bandwidth, maps.seediness[None], maps.shift)
    offset, bandwidth, seediness, shift = (channels_to_frame([*part], shape, scale) for part in parts)
    return Maps(offset, bandwidth, seediness[0], shift)
