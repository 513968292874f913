"""The values that travel through the package.

A *frame* is ``float32[H, W]``, normalised. *Labels* are ``int32[H, W]``, 0 for background, one positive number per
cell. The records below are the other currencies.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.float32]
Labels = NDArray[np.int32]
Origin = NDArray[np.int32]
"""int32[H, W]: the pixel of frame t-1, counted in reading order, at which the cell of a pixel was, or OUTSIDE."""
OUTSIDE = -4
"""Of an origin: it lies beyond the frame. Neither a label (0, UNKNOWN) nor an instance (BACKGROUND, IGNORED)."""


class Cells(NamedTuple):
    """One frame as a method sees it: n cells. Nothing behind this knows a network."""

    labels: Labels
    """int32[H, W]: the cells, 1 to n, each of them there; 0 is background."""
    origin: Origin
    """Where each pixel's cell was at t-1; of the first frame it may be anything."""
    seediness: NDArray[np.float32]
    """float32[n + 1]: how sure the method is of each, in [0, 1]; of label 0 anything."""
    brightness: NDArray[np.float32]
    """float32[n + 1]: mean normalised grey value of each; of label 0 that of the background."""


CONFIDENCE = np.dtype([("frame", "i4"), ("label", "i4"), ("cell", "f4"), ("link", "f4")])
"""How likely decisions are right, a row a cell and frame (an index, from 0), in that order. ``cell``: that there is one
cell; ``link``: that it comes from where the tracks say, be it the same cell before, a mother that divides, or nowhere.
Cells that were drawn where nobody saw them have no row."""
Confidence = NDArray[np.void]
"""CONFIDENCE[n]."""


class Track(NamedTuple):
    """A line of ``res_track.txt``: label, first frame, last frame (inclusive), parent's label or 0."""

    label: int
    begin: int
    end: int
    parent: int

    def later(self, frames: int) -> "Track":
        """The same track so many frames later: from indices to the numbers of frames, or back by a number below 0."""
        return self._replace(begin=self.begin + frames, end=self.end + frames)


class Pin(NamedTuple):
    """The cell ``label`` of ``frame`` comes from the cell ``source`` of frame ``before``, or from nowhere: both 0.

    What a person says of a link. Two of one source are its daughters.
    """

    frame: int
    label: int
    before: int
    source: int
