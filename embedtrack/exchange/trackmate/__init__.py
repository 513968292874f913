"""TrackMate: ``OUT/tracks.xml`` with every cell's outline, and ``OUT/movie.tif``, the hyperstack that it belongs to.

An outline cannot say that a mask has a hole or two parts, so the masks are the last channel of the hyperstack. A spot's
name is its value there. Spots that lie on no such mask, others' or added ones, become their outline, or a disc of their
radius.
"""

from embedtrack.exchange.trackmate.reader import read
from embedtrack.exchange.trackmate.writer import write

__all__ = ["read", "write"]
