"""A movie: frames along time, chosen from the axes that a file has."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.files.guard import FRAMES
from embedtrack.files.lazy import Lazy
from embedtrack.movies.content import warn_if_blank
from embedtrack.movies.scenes import pick
from embedtrack.movies.selection import Choice
from embedtrack.movies.stack import SCENES, Place, Stack, grey
from embedtrack.movies.units import Units

log = logging.getLogger(__name__)

MANY_CHANNELS = 6
"""More channels than this are more likely frames."""


class FrameError(ValueError):
    """A frame cannot be read, which showed only when its turn came."""


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
    blank: set[int] = field(default_factory=set)
    """Numbers of the frames in which nothing can be seen, as far as they have been read."""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def last(self) -> int:
        """Number of the last frame."""
        return self.first + len(self) - 1

    def first_frames(self, count: int) -> "Movie":
        """The movie up to some frame; itself where that is its end."""
        if count == len(self):
            return self
        choice = self.choice._replace(until=self.first + count - 1)
        return replace(self, frames=self.frames[:count], choice=choice)

    def note(self) -> dict[str, str | float | None]:
        """How it was read, for the log beside a result."""
        return self.choice._replace(units=self.units).note()


def record(
    path: Path,
    stack: Stack,
    choice: Choice,
    *,
    channels: bool = False,
    labels: bool = False,
    first: int = 0,
    digits: int | None = None,
) -> Movie:
    """The movie within a file.

    Args:
        path: of the file.
        stack: what it holds.
        choice: the channel, plane, scene and axis of time, the last frame, units that override the metadata.
        channels: keep all channels unless one is chosen.
        labels: the images are masks, whose numbers stay as they are.
        first: number of the first frame.
        digits: width of the frame numbers; by default as many as the last one needs, three at least.

    Raises:
        ValueError: it is not clear which images are the frames, the line says what there is and how to choose; or some
            of them are not whole.
    """
    size = dict(zip(stack.axes, stack.shape, strict=True))
    if size["Y"] * size["X"] == 0 or stack.dtype.kind not in "buif":
        raise ValueError(
            f"{path}: expected images of numbers, got {stack.spell()} of type {stack.dtype}; save it again"
        )
    part = _part(path, stack, size, choice, channels=channels)
    read = _Reader(path, stack, part, first, labels, set())
    for note in stack.notes:
        log.warning("%s: %s", path, note)
    count = _whole(path, stack, size[part.time] if part.time else 1, read.fault, first, choice.until)
    return Movie(
        path, Lazy(count, read), (size["Y"], size["X"]), first, digits or max(3, len(str(first + count - 1))),
        choice.units.over(stack.units), choice, read.blank,
    )  # fmt: skip


class _Part(NamedTuple):
    """Which images of a stack make the frames of a movie."""

    time: str | None
    """The axis along which the frames lie; None: there is one."""
    fixed: Place
    """The index on every axis, where none of the others says another one."""
    colour: str | None
    """The axis of the channels."""
    shades: range
    """The channels that a frame has."""
    depth: str | None
    """The axis of the planes."""
    planes: range
    """The planes of which a frame is the brightest."""

    def places(self, index: int, shade: int) -> Iterator[Place]:
        """Where a channel of a frame lies: the place of each of its planes."""
        here = {**self.fixed} | {axis: i for axis, i in ((self.time, index), (self.colour, shade)) if axis}
        for plane in self.planes:
            yield here | ({self.depth: plane} if self.depth else {})


def _part(path: Path, stack: Stack, size: dict[str, int], choice: Choice, *, channels: bool) -> _Part:
    """The part of a stack that is meant; raises ValueError where that is not clear."""
    time = _time(path, stack, size, choice)
    fixed = dict.fromkeys((name for name in stack.axes if name not in "YX"), 0)
    if size.get(SCENES, 1) > 1 and time != SCENES:
        fixed[SCENES] = pick(path, [""] * size[SCENES], choice.scene)
    colour = next((name for name in "CS" if size.get(name, 1) > 1 and name != time), None)
    shades = _channels(path, stack, size[colour] if colour else 1, choice.channel, channels)
    depth = "Z" if "Z" in size and time != "Z" else None
    planes = _planes(path, size["Z"] if depth else 1, choice.plane)
    spare = [name for name in size if name not in ("Y", "X", "Z", SCENES, time, colour) and size[name] > 1]
    if spare or planes is None:
        raise ValueError(
            f"{path}: expected a movie in 2D, got {stack.spell()}; keep one plane of {', '.join(spare or 'Z')} (or its "
            f"projection){'' if spare else ' with --z 1 or --z max'}, or name the axis of time with --time-axis"
        )
    return _Part(time, fixed, colour, shades, depth, planes)


@dataclass(frozen=True)
class _Reader:
    """What reads the frames of a movie."""

    path: Path
    stack: Stack
    part: _Part
    first: int
    labels: bool
    """Whether the images are masks, whose numbers stay as they are."""
    blank: set[int]
    """The numbers of the frames in which nothing can be seen, as far as they were read."""

    def __call__(self, index: int) -> NDArray[Any]:
        """The frame [H, W], or [H, W, channels]."""
        name = f"{self.path}, frame {self.first + index}"
        try:
            images = [
                reduce(np.maximum, (self._shown(place, name) for place in self.part.places(index, shade)))
                for shade in self.part.shades
            ]
        except ValueError as error:
            raise FrameError(str(error).replace(f"{self.path}:", f"{name}:", 1)) from error
        known = self.labels or self.first + index in self.blank
        if not known and any(warn_if_blank(image, name) for image in images):
            self.blank.add(self.first + index)
        return images[0] if len(images) == 1 else np.stack(images, axis=-1)

    def fault(self, index: int) -> str | None:
        """What keeps a frame from being read, as far as a cheap look tells."""
        places = (place for shade in self.part.shades for place in self.part.places(index, shade))
        return next(filter(None, map(self.stack.fault, places)), None)

    def _shown(self, place: Place, name: str) -> NDArray[Any]:
        image = self.stack.read(place)
        return image if self.labels else grey(image, name)


def _time(path: Path, stack: Stack, size: dict[str, int], choice: Choice) -> str | None:
    """The axis of time; None if there is a single frame."""
    if choice.time_axis:
        name = choice.time_axis.upper()
        if name not in size or name in "YX":
            there = ", ".join(axis for axis in stack.axes if axis not in "YX") or "none but Y and X"
            raise ValueError(
                f"{path}: expected --time-axis to be an axis of the movie, got {choice.time_axis}; there are: {there}"
            )
        return name
    if size.get("T", 1) > 1:
        return "T"
    long = [name for name in stack.axes if name in stack.loose and size[name] > 1]
    if len(long) != 1 or (long[0] == "Z" and choice.plane):
        return None
    if long[0] == "Z":
        log.info("%s: no axis of time; its %d planes along Z are taken for frames", path, size["Z"])
    return long[0]


def _channels(path: Path, stack: Stack, count: int, asked: str | None, several: bool) -> range:
    """The indices of the channels that are meant."""
    names = list(stack.channels) if len(stack.channels) == count else [""] * count
    if asked is None and (several or count == 1):
        return range(count)
    timeless = dict(zip(stack.axes, stack.shape, strict=True)).get("T", 1) == 1
    axis = "C" if "C" in stack.axes else "S" if stack.axes.startswith("S") else ""  # colours lie last, as a rule
    doubtful = not asked and axis and (timeless or count > MANY_CHANNELS)
    hint = f"; if these are frames, name the axis of time: --time-axis {axis}" if doubtful else ""
    chosen = pick(path, names, asked, "channel", hint)
    return range(chosen, chosen + 1)


def _planes(path: Path, count: int, asked: str | None) -> range | None:
    """The planes in depth that make a frame; None where one must be chosen."""
    if asked is None:
        return range(1) if count == 1 else None
    if asked.lower() == "max":
        return range(count)
    chosen = pick(path, [""] * count, asked, "z")
    return range(chosen, chosen + 1)


def _whole(
    path: Path, stack: Stack, count: int, fault: Callable[[int], str | None], first: int, until: int | None
) -> int:
    """So many frames are used; raises ValueError unless each of them is there, as far as a cheap look tells."""
    if count > FRAMES:
        raise ValueError(f"{path}: expected a movie of at most {FRAMES} frames, got {count}; is its file damaged?")
    if until is not None and not first <= until < first + count:
        raise ValueError(f"{path}: expected --until to be a frame from {first} to {first + count - 1}, got {until}")
    used = count if until is None else until - first + 1
    bad = next(((index, said) for index in range(used) if (said := fault(index))), None)
    if bad is None and stack.broken and until is None:
        bad = (count, stack.broken)
    if bad:
        good = f"; or use the frames before: --until {first + bad[0] - 1}" if bad[0] else ""
        raise ValueError(
            f"{path}: expected whole frames, got a fault at frame {first + bad[0]}: {bad[1]}; "
            f"copy or save it again{good}"
        )
    return used
