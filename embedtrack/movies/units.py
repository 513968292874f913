"""What a pixel and a frame are worth, and the words that files and people have for it."""

import logging
import math
import re
from typing import Any, NamedTuple

from embedtrack.files.guard import clipped

log = logging.getLogger(__name__)

LENGTHS = {
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4, "inch": 25400.0,
    "m": 1e6, "meter": 1e6, "metre": 1e6,
}  # fmt: skip
"""Micrometres in a unit of length; the two letters mu are different ones."""
TIMES = {
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0,
    "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
    "d": 86400.0, "day": 86400.0,
}  # fmt: skip
"""Seconds in a unit of time."""

LEAST, MOST = 1e-9, 1e12
"""Micrometres or seconds that can be meant: areas and speeds of them are still numbers."""


class Units(NamedTuple):
    """What a pixel and a frame are worth; None where it is not known."""

    pixel: float | None = None
    """Micrometres."""
    interval: float | None = None
    """Seconds from a frame to the next."""

    def over(self, other: "Units") -> "Units":
        """These units, and the other ones where these are not known."""
        return Units(*(mine or theirs for mine, theirs in zip(self, other, strict=True)))

    def sound(self) -> "Units":
        """These units without what makes no sense: other programs' files may say that a pixel is -1 or a text."""
        return Units(*(value if is_worth(value) else None for value in self))


def is_worth(value: Any) -> bool:
    """Whether a value can be that of a pixel or an interval."""
    return isinstance(value, int | float) and not isinstance(value, bool) and LEAST <= value <= MOST


def micrometres(value: Any, unit: str | None) -> float | None:
    """A length as metadata have it, in micrometres; None where it makes no sense."""
    return _scaled(value, unit, LENGTHS)


def square(height: float | None, width: float | None, name: object = None) -> float | None:
    """The side of a pixel in micrometres, by its width where its height is not known.

    None, and a warning, where the two differ by more than a hundredth: one number tells no length or area then.

    Args:
        height: in micrometres.
        width: in micrometres.
        name: of the file, for the warning.
    """
    if height is None or width is None or math.isclose(height, width, rel_tol=0.01):
        return width
    log.warning(
        "%spixels of %g x %g micrometres are not square; the pixel size is left out, lengths stay in pixels",
        f"{name}: " if name else "", height, width,
    )  # fmt: skip
    return None


def seconds(value: Any, unit: str | None) -> float | None:
    """A time as metadata have it, in seconds; None where it makes no sense."""
    return _scaled(value, unit, TIMES)


def _scaled(value: Any, unit: str | None, table: dict[str, float]) -> float | None:
    """The value times what its unit is worth."""
    word = (unit or "").strip().replace("\\u00B5", "µ")
    factor = table.get(word) or table.get(word.lower().removesuffix("s"))
    try:
        number = float(value) * (factor or math.nan)
    except (TypeError, ValueError):
        return None
    return float(f"{number:.9g}") if is_worth(number) else None


def parse_length(text: str) -> float:
    """``0.5um``, ``500nm``, or a number of micrometres -> micrometres.

    Raises:
        ValueError: something else.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([a-zµμ]*)", text.strip())
    length = micrometres(match[1], match[2] or "um") if match else None
    if length is None:
        raise ValueError(f"expected --pixel-size as 0.5um, 500nm or a number of micrometres, got {clipped(text, 40)}")
    return length


def parse_interval(text: str) -> float:
    """``29min``, ``90s``, ``0.5h``, or a number of seconds -> seconds.

    Raises:
        ValueError: something else.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([a-z]*)", text.strip())
    interval = seconds(match[1], match[2] or "s") if match else None
    if interval is None:
        raise ValueError(
            f"expected --interval as 29min, 90s, 0.5h or a number of seconds, got {clipped(text, 40) or 'nothing'}"
        )
    return interval
