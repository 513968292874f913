"""How a model is run: everything a user may say of it, checked once and passed whole."""

from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Final, Literal

FOUND: Final = "auto"
Diameter = float | Literal["auto"] | None
"""Of a typical cell in pixels; ``auto``: found by itself; None: that of the cells that the model has learnt."""
VIEWS: Final = (1, 2, 4, 8)
USUAL_VIEWS: Final = 4
"""At most so many are taken where nobody says: eight were no better on any data set, see docs/experiments.md."""
PRECISIONS: Final = ("auto", "float32", "bfloat16", "int8")
COMPILING: Final = ("auto", "off")
LONGEST_GAP: Final = 2
TILES: Final = (256, 1 << 15)
"""Sides of tiles, the least and the largest."""
LEAST_MEMORY: Final = 512 << 20
"""Bytes: less does not hold the libraries and a network."""
WIDEST: Final = 1 << 16
"""Pixels of a border."""


@dataclass(frozen=True)
class Options:
    """Frozen, valid when it exists. The fields are flags of ``embedtrack infer``, whose help says what each does.

    ``compiling`` is ``--compile``, ``max_gap`` is ``--gap`` of ``embedtrack link``; the others have their own names.

    Raises:
        ValueError: a value that is none of those allowed; the message names the flag of the command line.
    """

    views: int | None = None
    """1, or 2, 4 or 8 for the mean over so many symmetries of the square. None: as the model says,
    at most 4."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; whether it is there is found out when it is used."""
    precision: str | None = None
    """Of the network: ``float32``, ``bfloat16``, or ``auto`` for the fastest one on the device; ``int8`` on a
    processor, with a model that has ranges for it. None: as the model says, ``auto`` where its scores were shown to be
    the same."""
    compiling: str = "auto"
    """``auto`` replays the network as a CUDA graph on a GPU for a long movie; ``off`` never. The bytes are the same."""
    border: int | None = None
    """E in pixels: cells lying wholly within so many pixels of the frame's edge are removed. None: by the challenge's
    rules for the data set that the movie's folder names, else 0."""
    max_gap: int | None = None
    """A cell missed for up to this many frames keeps its track. None: as the model says."""
    crumbs: bool = False
    """Masks keep small parts and holes; else of each its largest part stays, and what that encloses becomes its own."""
    tile: int | None = None
    """Largest side of a tile in working pixels, whatever the memory. None: as the memory built in and the model say."""
    memory: int | None = None
    """Bytes that the whole process may take at its peak: tiles are as small as that needs, and stages take turns where
    it needs that too. With ``tile`` the tiles are those. None: as much as suits the memory built in."""
    diameter: Diameter = None
    """Of a typical cell in pixels, which the network then sees at the size that it has learnt. ``auto``: found by
    itself, as a model of all cells always does. None: it is that of the cells that the model has learnt."""

    def __post_init__(self) -> None:
        for flag in ("border", "max_gap", "tile", "memory"):
            value = getattr(self, flag)
            if value is not None and not (isinstance(value, Integral) and _is_real(value)):
                name = "gap" if flag == "max_gap" else flag
                raise ValueError(f"expected --{name} to be a whole number, got {str(value)[:40]}")
            object.__setattr__(self, flag, value if value is None else int(value))  # NumPy's have no JSON
        if not isinstance(self.crumbs, bool):
            raise ValueError(f"expected --crumbs to be True or False, got {str(self.crumbs)[:40]}")
        if self.views not in (None, *VIEWS) or isinstance(self.views, bool | float):
            raise ValueError(f"expected --views {', '.join(map(str, VIEWS))}, got {self.views}")
        if self.precision not in (None, *PRECISIONS):
            raise ValueError(f"expected --precision {', '.join(PRECISIONS)}, got {self.precision}")
        if self.compiling not in COMPILING:
            raise ValueError(f"expected --compile {', '.join(COMPILING)}, got {self.compiling}")
        if self.border is not None and not 0 <= self.border <= WIDEST:
            raise ValueError(f"expected --border 0 to {WIDEST} pixels, got {str(self.border)[:40]}")
        if self.max_gap is not None and not 0 <= self.max_gap <= LONGEST_GAP:
            raise ValueError(f"expected --gap 0 to {LONGEST_GAP} frames, got {self.max_gap}")
        if self.tile is not None and (self.tile % 8 or not TILES[0] <= self.tile <= TILES[1]):
            raise ValueError(f"expected --tile a multiple of 8 from {TILES[0]} to {TILES[1]}, got {self.tile}")
        if self.memory is not None and self.memory < LEAST_MEMORY:
            raise ValueError(f"expected --memory {LEAST_MEMORY >> 20}M or more, got {self.memory} bytes")
        size = self.diameter
        if size is not None and size != FOUND and not (_is_real(size) and 0 < size < float("inf")):
            raise ValueError(f"expected --diameter auto, or above 0 pixels, got {size}")
        object.__setattr__(self, "diameter", size if size in (None, FOUND) else float(size))


def parse_diameter(text: str | float) -> Diameter:
    """Pixels across a typical cell, or ``auto``.

    Raises:
        ValueError: it is neither.
    """
    if text == FOUND:
        return FOUND
    with suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise ValueError(f"expected pixels across a typical cell, or auto, got {str(text)[:40]!r}")


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
