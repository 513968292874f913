"""What a movie takes of a processor's memory, and what a bound leaves for tiles: ``--memory``.

A measured model, on the safe side: bytes for the program, for each pixel of a frame, and for each pixel of a tile.
"""

import math
from typing import NamedTuple

from embedtrack.inference.tiles import SMALLEST
from embedtrack.options import LONGEST_GAP
from embedtrack.tracks.deflate import LARGE
from embedtrack.tracks.window import DELAY

PROGRAM = 550 * 2**20
"""Libraries, weights, compiled code, and what the heap keeps."""
MAPS = 40
"""Of a working pixel: seven maps, the features (8 in single precision), grey values."""
SEEN = 32
"""Of these without tracking offset: what is left when origins have taken its place."""
RESIZED = 24
"""Of a pixel of the frame, where that has another scale: its own five maps and grey values."""
CELLS = 14
"""Of a pixel of the frame while its cells are found: its origin, and what clustering keeps, 10 where a quarter of the
frame is foreground (12 of a half, 16 of all of it)."""
LABELS = 4
"""Of a pixel of each frame that is not final, ..."""
RIVALS = 4
"""... and of its rivals, if two frames or more follow: a page of memory is taken where one cell is cut."""
DEFLATED = 0.5
"""Both, of large frames of which later ones ask nothing any more: .1 with 576 discs in 2048 x 2048 pixels, .46 with
40,000."""
WRITTEN = 20
"""Of a pixel of the one of these that is being written: both again, and what is drawn of them."""
ORIGINS = 4
"""Of a pixel of each frame of which later ones may still ask where its cells were."""
WINDOW = DELAY + LONGEST_GAP + 2
"""At most so many frames are not final, see ``tracks/window.py``, ..."""
ASKED = 10
"""... and so many are asked for origins."""
COMFORTABLE = 512**2
"""Pixels of a tile below which stages rather take turns."""


class Budget(NamedTuple):
    """How a bound is kept."""

    tiles: int
    """Bytes that the network may use for a tile."""
    in_turn: bool
    """Whether a frame is finished before the next one is read: slower, as the stages wait for each other."""


def budget(bound: int, shape: tuple[int, int], working: tuple[int, int], frames: int | None, per_pixel: int) -> Budget:
    """Share out ``bound`` bytes.

    Args:
        bound: of the whole process.
        shape: (H, W) of the frame.
        working: (h, w) of the frame at the working scale.
        frames: of the movie, None where nobody knows.
        per_pixel: what the network needs for each pixel of a tile.

    Raises:
        ValueError: the smallest tiles do not fit.
    """
    pixels, seen = shape[0] * shape[1], working[0] * working[1]
    before = min(frames or WINDOW, WINDOW) - 1  # the one in work counts by itself
    asked = min(before, ASKED)
    whole = asked if pixels >= LARGE else before
    labels = LABELS * whole + RIVALS * max(whole - 1, 0)
    if before > whole:
        labels += math.ceil(DEFLATED * (before - whole)) + WRITTEN
    room = bound - PROGRAM - pixels * (labels + ORIGINS * asked)
    maps = seen * MAPS
    cells = seen * SEEN + pixels * CELLS  # the network's heap is given back by then, where stages take turns
    if shape != working:
        cells = maps + pixels * (RESIZED + CELLS)
    if room - maps - cells >= per_pixel * min(COMFORTABLE, max(seen, SMALLEST**2)):
        return Budget(room - maps - cells, in_turn=False)
    least = max(cells, maps + per_pixel * SMALLEST**2)
    if room < least:
        raise ValueError(
            f"expected --memory {-(-(bound - room + least) // 2**20)}M at least for frames of {shape[0]} x {shape[1]} "
            f"pixels, got {bound >> 20}M; give it more"
        )
    return Budget(room - maps, in_turn=True)
