"""What other programs' graphs say of a pixel and a frame; what is not understood is told, and left out."""

import logging
import math
from collections.abc import Callable, Sequence

from embedtrack.movies.units import Units, micrometres, seconds

log = logging.getLogger(__name__)

Worth = tuple[float | None, str | None]
"""A number and its unit as a file has them."""
BARE = ("", "pixel", "px", "frame")
"""Units that say no more than that there are none."""
SQUARE = 1e-3
"""Of the longer side of a pixel: the other one differs by less if both are equal but for rounding."""


def units_of(path: object, sides: Sequence[Worth], step: Worth) -> Units:
    """Micrometres of a pixel, which has none where it is not square, and seconds from a frame to the next.

    Args:
        path: of the file, for warnings.
        sides: of a pixel, along y and x.
        step: from a frame to the next.
    """
    words = {side: _understood(path, "pixel size", side, micrometres) for side in dict.fromkeys(sides)}
    lengths = [words[side] for side in sides]
    known = [length for length in lengths if length is not None]
    square = bool(known) and len(known) == len(lengths) and math.isclose(min(known), max(known), rel_tol=SQUARE)
    if known and not square:
        log.warning(
            "%s: pixels of %s micrometres are not square; the pixel size is left out, lengths stay in pixels",
            path, " x ".join(f"{length:g}" if length else "?" for length in lengths),
        )  # fmt: skip
    return Units(known[0] if square else None, _understood(path, "interval", step, seconds))


def _understood(
    path: object, what: str, worth: Worth, convert: Callable[[float | None, str | None], float | None]
) -> float | None:
    """A number in our unit; None where there is none, or it is not understood, which is told."""
    value, unit = worth
    if not value or (unit or "").strip().lower().removesuffix("s") in BARE:
        return None
    found = convert(value, unit)
    if found is None:
        log.warning(
            "%s: the %s of %g '%s' is not understood and is left out; say it with --%s where it is needed",
            path, what, value, unit, what.replace(" ", "-"),
        )  # fmt: skip
    return found
