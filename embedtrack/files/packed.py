"""Masks in memory at a hundredth of their size: arrays of few different values, deflated."""

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Packed(NamedTuple):
    """A deflated array."""

    data: bytes
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def opened(self) -> NDArray[Any]:
        """The array again, read-only."""
        return np.frombuffer(zlib.decompress(self.data), self.dtype).reshape(self.shape)


def pack(array: NDArray[Any]) -> Packed:
    """Any array, in little time rather than little memory."""
    return Packed(zlib.compress(np.ascontiguousarray(array).data, 1), array.shape, array.dtype)
