"""A movie: frames along time, chosen from the axes that a file has."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.files.lazy import Lazy
from embedtrack.movies.selection import Choice
from embedtrack.movies.stack import Stack, grey
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Movie:
    """The frames of a movie, checked but not yet read."""

    path: Path
    frames: Lazy[NDArray[Any]]
    """[H, W], or [H, W, channels] if all channels were asked for; uint8, uint16 or float32."""
    shape: tuple[int, int]
    """(H, W) of every frame."""
    first: int = 0
    """Number of the first frame."""
    digits: int = 3
    """Width of the frame numbers in file names."""
    units: Units = field(default=Units())
    choice: Choice = field(default=Choice())
    """What was chosen beside the metadata."""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def last(self) -> int:
        """Number of the last frame."""
        return self.first + len(self) - 1

    def tracked(self, result: Tracked) -> Tracked:
        """A result of this movie, with the numbers and units of its frames."""
        return replace(result, first=self.first, digits=self.digits, units=self.units, movie=self.choice)

    def note(self) -> dict[str, str | float | None]:
        """How it was read, for the log beside a result."""
        return self.choice._replace(units=self.units).note()


def record(path: Path, stack: Stack, choice: Choice, *, channels: bool = False, labels: bool = False) -> Movie:
    """The movie within a file.

    Args:
        path: of the file.
        stack: what it holds.
        choice: the channel and the axis of time, units that override the metadata.
        channels: keep all channels unless one is chosen.
        labels: the images are masks, whose numbers stay as they are.

    Raises:
        ValueError: it is not clear which images are the frames; the line says what there is and how to choose.
    """
    size = dict(zip(stack.axes, stack.shape, strict=True))
    if size["Y"] * size["X"] == 0 or stack.dtype.kind not in "buif":
        raise ValueError(
            f"{path}: expected images of numbers, got {stack.spell()} of type {stack.dtype}; save it again"
        )
    time = _time(path, stack, size, choice.time_axis)
    colour = next((name for name in "CS" if size.get(name, 1) > 1 and name != time), "C")
    wanted = _channels(path, stack, size.get(colour, 1) if colour != time else 1, choice.channel)
    spare = [name for name in size if name not in ("Y", "X", time, colour) and size[name] > 1]
    if spare:
        raise ValueError(
            f"{path}: expected a movie in 2D, got {stack.spell()}; keep one plane of {', '.join(spare)} (or its "
            "projection), or name the axis of time with --time-axis"
        )
    if len(wanted) > 1 and not channels:
        names = ", ".join(f"{i} {name}".strip() for i, name in enumerate(_names(stack, len(wanted)), start=1))
        raise ValueError(f"{path}: expected one channel, got {len(wanted)}; choose with --channel: {names}")
    others = dict.fromkeys((name for name in stack.axes if name not in "YX"), 0)

    def frame(index: int, channel: int) -> NDArray[Any]:
        place = others | ({time: index} if time else {}) | ({colour: channel} if colour in others else {})
        image = stack.read(place)
        return image if labels else grey(image, f"{path}, frame {index}")

    def read(index: int) -> NDArray[Any]:
        images = [frame(index, channel) for channel in wanted]
        return images[0] if len(images) == 1 else np.stack(images, axis=-1)

    count = size[time] if time else 1
    units = choice.units.over(stack.units)
    return Movie(
        path, Lazy(count, read), (size["Y"], size["X"]), 0, max(3, len(str(count - 1))), units, choice
    )  # fmt: skip


def _time(path: Path, stack: Stack, size: dict[str, int], asked: str | None) -> str | None:
    """The axis of time; None if there is a single frame."""
    if asked:
        name = asked.upper()
        if name not in size or name in "YX":
            there = ", ".join(axis for axis in stack.axes if axis not in "YX") or "none but Y and X"
            raise ValueError(
                f"{path}: expected --time-axis to be an axis of the movie, got {asked}; there are: {there}"
            )
        return name
    if size.get("T", 1) > 1:
        return "T"
    long = [name for name in stack.axes if name in stack.loose and size[name] > 1]
    if len(long) != 1:
        return None
    if long[0] == "Z":
        log.info("%s: no axis of time; its %d planes along Z are taken for frames", path, size["Z"])
    return long[0]


def _channels(path: Path, stack: Stack, count: int, asked: str | None) -> range:
    """The indices of the channels that are meant."""
    if asked is None:
        return range(count)
    names = _names(stack, count)
    if asked in names:
        chosen = names.index(asked)
    elif asked.isdigit() and 1 <= int(asked) <= count:
        chosen = int(asked) - 1
    else:
        there = ", ".join(f"{i} {name}".strip() for i, name in enumerate(names, start=1))
        raise ValueError(f"{path}: expected --channel to be one of {there}; got {asked}")
    return range(chosen, chosen + 1)


def _names(stack: Stack, count: int) -> list[str]:
    """A name for each channel, or empty ones."""
    return list(stack.channels) if len(stack.channels) == count else [""] * count
