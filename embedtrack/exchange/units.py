"""What other programs' graphs say of a pixel and a frame; what is not understood is told, and left out."""

import logging
from collections.abc import Callable, Sequence

from embedtrack.movies.units import Units, micrometres, seconds, square

log = logging.getLogger(__name__)

Worth = tuple[float | None, str | None]
"""A number and its unit as a file has them."""
BARE = ("", "pixel", "px", "frame")
"""Units that say no more than that there are none."""


def units_of(path: object, sides: Sequence[Worth], step: Worth) -> Units:
    """Micrometres of a pixel, which has none where it is not square, and seconds from a frame to the next.

    Args:
        path: of the file, for warnings.
        sides: of a pixel, along y and x.
        step: from a frame to the next.
    """
    words = {side: _understood(path, "pixel size", side, micrometres) for side in dict.fromkeys(sides)}
    lengths = [words[side] for side in sides]
    pixel = square(lengths[0], lengths[-1], path) if lengths else None
    return Units(pixel, _understood(path, "interval", step, seconds))


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
