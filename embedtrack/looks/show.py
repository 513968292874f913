"""Pictures of a tracked movie, frame by frame: the story of ``embedtrack show``."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.aogm import Node
from embedtrack.looks import overlay
from embedtrack.looks.colours import Colour, colours
from embedtrack.looks.errors import Error, find_errors
from embedtrack.looks.marks import Scene, mark
from embedtrack.looks.movie import STILL, check_suffix, write_pictures
from embedtrack.looks.overlay import Cell, Picture, Place
from embedtrack.machine.pipeline import spread
from embedtrack.tracked import Tracked
from embedtrack.types import Track

QUIET: Colour = (150, 130, 120)
"""Of outlines where errors are to stand out."""
REMEMBERED = 3
"""Frames for which a division stays marked."""
LOADERS = 3
"""Threads that prepare the next frames while one is drawn."""
STILLS = 6
"""Frames in one picture, unless they are chosen."""
SIDE, SMALL = 1000, 14
"""Frames are enlarged until their longer side has about SIDE pixels, and until a usual cell has SMALL across."""


@dataclass(frozen=True)
class PictureOptions:
    """How the pictures look."""

    tail: int = 10
    """Frames of the past that the tails show."""
    numbers: bool = True
    """Whether each cell has its track's number."""
    zoom: int | None = None
    """Pixels of the picture per pixel of the frame; None: small frames and small cells are enlarged."""
    rate: float = 10.0
    """Frames a second."""


def show(
    result: Tracked,
    out: Path,
    raw: Sequence[NDArray[Any]] | None = None,
    truth: Tracked | None = None,
    frames: range | None = None,
    options: PictureOptions | None = None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    *,
    overwrite: bool = False,
) -> None:
    """Draw the movie, or some frames of it in one picture, and write it to ``out``.

    Args:
        result: what to draw.
        out: its suffix says what is written, see ``movie.py``.
        raw: the grey values [H, W] of every frame; black without them.
        truth: errors against it are marked.
        frames: indices of the frames to draw; by default all of them, in a single picture a few.
        options: details.
        on_frame: called with the frames done and the frames in all.
        overwrite: replace a file that is not of our own.

    Raises:
        ValueError: another suffix, frames that are not there, truth of another movie, or no place to write.
    """
    check_suffix(out)
    options = options or PictureOptions()
    chosen: Sequence[int] = range(len(result)) if frames is None else frames
    if not chosen or not 0 <= chosen[0] <= chosen[-1] < len(result):  # asked before any of them is listed
        asked = f"{result.first + chosen[0]} to {result.first + chosen[-1]}" if chosen else "none"
        raise ValueError(
            f"expected frames from {result.first} to {result.first + len(result) - 1}, got {asked}; check --frames"
        )
    if out.suffix.lower() in STILL and frames is None:
        chosen = sorted({round(i) for i in np.linspace(0, len(result) - 1, STILLS)})
    pictures = draw(result, chosen, raw, truth, options)
    write_pictures(out, _count(pictures, len(chosen), on_frame), options.rate, overwrite=overwrite)


def draw(
    result: Tracked,
    frames: Sequence[int],
    raw: Sequence[NDArray[Any]] | None = None,
    truth: Tracked | None = None,
    options: PictureOptions | None = None,
) -> Iterator[Picture]:
    """The pictures of the frames, in rising order; see ``show``."""
    options = options or PictureOptions()
    size = _size(result)
    zoom = options.zoom or min(max(1, round(SIDE / max(result.shape)), math.ceil(SMALL / size)), 4)
    grey, wanted = grey_span(raw), set(frames)
    painter = _Painter(result, zoom, size * zoom, options, find_errors(truth, result) if truth else None)

    def load(i: int) -> tuple[dict[int, Cell], dict[int, Cell], Picture | None]:
        cells, true = overlay.cells_of(result.masks[i]), overlay.cells_of(truth.masks[i]) if truth else {}
        if i not in wanted:
            return cells, true, None
        return cells, true, overlay.background(raw[i] if raw else None, result.shape, grey, zoom)

    past = sorted({i for frame in frames for i in range(max(frame - max(options.tail, 1), 0), frame + 1)})
    with closing(spread(load, past, LOADERS)) as loaded:
        for i, (cells, true, ground) in zip(past, loaded, strict=True):
            painter.see(i, cells, true)
            if ground is not None:
                painter.paint(ground, i, cells, true)
                yield ground


class _Painter:
    """Draws frame after frame and remembers where cells were."""

    def __init__(
        self, result: Tracked, zoom: int, size: float, options: PictureOptions, errors: list[Error] | None
    ) -> None:
        self.result, self.zoom, self.options = result, zoom, options
        self.width = min(max(1, round(size / 20)), max(2, zoom))  # thin lines around small cells
        first = {label: cell.place for label, cell in overlay.cells_of(result.masks[0]).items()}
        self.colours = colours(result.tracks, first)
        self.tracks = {track.label: track for track in result.tracks}
        self.divisions = _divisions(result.tracks)
        self.errors: dict[int, list[Error]] | None = None if errors is None else defaultdict(list)
        for error in errors or ():
            self.errors[error.frame].append(error)  # type: ignore[index]  # it is there if there are errors
        self.places: dict[Node, Place] = {}
        self.true_places: dict[Node, Place] = {}

    def see(self, i: int, cells: Mapping[int, Cell], true: Mapping[int, Cell]) -> None:
        """Remember where the cells of frame ``i`` are."""
        self.places |= {(i, label): cell.place for label, cell in cells.items()}
        self.true_places |= {(i, label): cell.place for label, cell in true.items()}

    def paint(self, picture: Picture, i: int, cells: Mapping[int, Cell], true: Mapping[int, Cell]) -> None:
        """Draw frame ``i`` on its grey values."""
        result, zoom = self.result, self.zoom
        tint = self.colours if self.errors is None else dict.fromkeys(self.colours, QUIET)
        for label, cell in cells.items():
            overlay.path(picture, self._tail(label, i), tint[label], zoom, width=self.width)
            overlay.outline(picture, cell, tint[label], zoom, self.width)
        if self.errors is None:
            for start, daughters in self.divisions:
                here = [cells[label].place for label in daughters if label in cells]
                if start <= i < start + REMEMBERED and len(here) > 1:
                    overlay.division(picture, here, zoom)
            if self.options.numbers:
                for label, cell in cells.items():
                    overlay.number(picture, label, cell, zoom)
        else:
            mark(picture, self.errors[i], Scene(true, cells, self.true_places), zoom, self.width + 1)
        pixel = result.units.pixel
        overlay.caption(picture, result.spell(i), i, result.units._replace(pixel=pixel / zoom if pixel else None))

    def _tail(self, label: int, i: int) -> list[Place]:
        """Where the cell and its ancestors were in the last frames, in the order of time."""
        found: list[Place] = []
        for t in range(i, max(i - self.options.tail, 0) - 1, -1):
            while label and t < self.tracks[label].begin:
                label = self.tracks[label].parent
            if (t, label) in self.places:
                found.append(self.places[t, label])
        return found[::-1]


def _divisions(tracks: Sequence[Track]) -> list[tuple[int, list[int]]]:
    """The frame in which the last of the daughters appears, and the daughters, of every division."""
    children: dict[int, list[Track]] = defaultdict(list)
    for track in tracks:
        children[track.parent].append(track)
    return [
        (max(daughter.begin for daughter in daughters), [daughter.label for daughter in daughters])
        for parent, daughters in children.items()
        if parent and len(daughters) > 1
    ]


def _size(result: Tracked) -> float:
    """The usual diameter of a cell in pixels, from three frames."""
    frames = sorted({0, len(result) // 2, len(result) - 1})
    areas = [cell.area for i in frames for cell in overlay.cells_of(result.masks[i]).values()]
    return 2 * math.sqrt(float(np.median(areas)) / math.pi) if areas else SMALL


def grey_span(raw: Sequence[NDArray[Any]] | None) -> overlay.Span:
    """One span of grey values for the whole movie, from three of its frames, so that it does not flicker."""
    if not raw:
        return overlay.Span(0, 1)
    spans = [overlay.span(raw[i]) for i in sorted({0, len(raw) // 2, len(raw) - 1})]
    return overlay.Span(*np.mean(spans, axis=0).tolist())


def _count(pictures: Iterator[Picture], total: int, on_frame: Callable[[int, int], None]) -> Iterator[Picture]:
    for done, picture in enumerate(pictures, start=1):
        yield picture
        on_frame(done, total)
