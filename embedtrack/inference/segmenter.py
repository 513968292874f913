"""A model at work: grey values -> cells, for single images and movies, on whole frames or tiles, in any view."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedtrack.inference.budget import budget
from embedtrack.inference.settled import settled
from embedtrack.inference.symmetry import Symmetry
from embedtrack.inference.tiles import LARGEST, largest_side
from embedtrack.machine import device, heap
from embedtrack.machine.pipeline import ahead, spread
from embedtrack.machine.workers import sharing
from embedtrack.method import Pending, Predictor, Shape, State
from embedtrack.model import Model
from embedtrack.movies.normalise import as_frame
from embedtrack.movies.tiff_image import read_frame
from embedtrack.options import Options
from embedtrack.types import Cells, Frame

log = logging.getLogger(__name__)

T = TypeVar("T")
LARGE = 4 * LARGEST**2
"""Pixels of a frame from which on what a processor's network leaves in the heap is given back at its end."""
Image = Path | NDArray[Any]
"""The grey values [H, W] of a frame, or the path of its TIFF file."""


class Segmented(NamedTuple):
    """A frame of a movie that has been segmented."""

    cells: Cells
    state: Callable[[], State]
    """What the predictor knew after it, for a run that goes on from here."""


class _Plan(NamedTuple):
    """How a movie is looked at."""

    predictor: Predictor
    in_turn: bool
    """Whether the stages take turns, a frame at a time."""
    aside: int
    """So many frames are looked at side by side, ..."""
    helpers: int
    """... and so many are read at a time, and on a GPU clustered."""


class Segmenter:
    """Where grey values become cells: the only place that strings scale, normalisation and predictor together."""

    def __init__(self, model: Model, options: Options | None = None) -> None:
        """Put the model's network on the device of the options.

        Raises:
            ValueError: the device is not there, or what ``settled`` raises.
        """
        options = options or Options()
        self.model = model
        self.device = device.choose(options.device)
        self.options = settled(options, model.config, self.device)
        device.move(model.network, self.device)
        self._method = model.config.method.implementation()
        self._last: Predictor | None = None
        self._still: tuple[Model, Predictor] | None = None

    def movie(self, images: Iterable[Image], state: State | None = None) -> Generator[Segmented]:
        """The cells of each frame of a movie, in order.

        Reading, the network and clustering work at the same time, each a frame ahead of the next. If the images are a
        sequence, which can be asked for any, a processor's threads look at several frames side by side, and for a GPU
        several are read, and as many clustered, at a time.

        Args:
            images: as many as there are, or one after the other as they arrive.
            state: of the frame before the first one, where another run stopped.

        Raises:
            ValueError: a frame has another size than the first one.
        """
        heap.keep_memory()
        complete, count = isinstance(images, Sequence), len(images) if isinstance(images, Sized) else None
        to_read = _each(images)
        first = [self._read(get) for get in islice(to_read, 1)] if complete or self.options.memory else []
        plan = self._plan(first, count, complete=complete)
        self._last = plan.predictor
        if state:
            plan.predictor.restore(state)
        frames = _after(first, spread(self._read, to_read, plan.helpers))
        with closing(_staged(self._launched(frames, plan), plan.in_turn)) as pending:
            if plan.aside > 1:
                yield from spread(_segmented, pending, plan.aside, sharing)
            else:
                yield from spread(_segmented, pending, plan.helpers)

    def _plan(self, first: Sequence[tuple[Frame, Shape]], count: int | None, *, complete: bool) -> _Plan:
        """How a movie is looked at whose ``first`` frame may be known; ``complete`` if any frame can be asked for.

        Of large frames, whose heap is given back in between, one is looked at at a time.
        """
        options, in_turn, aside = self.options, False, 1
        if options.memory:
            options, in_turn = self._within(options.memory, first, count)
        predictor = self._method.predictor(self.model.network, self.model.config, options, count)
        if complete and not options.memory:
            sizes = [(frame.shape[0], frame.shape[1]) for frame, _ in first if frame.size <= LARGE]
            aside = min((predictor.side_by_side(size) for size in sizes), default=1)
        helpers = max(device.helpers(self.device), aside // 4) if complete else 1
        return _Plan(predictor, in_turn, aside, helpers)

    def _launched(self, frames: Generator[tuple[Frame, Shape]], plan: _Plan) -> Generator[Pending]:
        """The maps of each frame, on their way.

        Raises:
            ValueError: a frame has another size than the first one.
        """
        size: Shape | None = None
        with closing(_staged(frames, plan.in_turn)) as staged:
            for number, (frame, shape) in enumerate(staged):
                size = size or shape
                if shape != size:
                    raise ValueError(
                        f"frame {number}: expected {size[0]} x {size[1]} pixels as in the first one, got "
                        f"{shape[0]} x {shape[1]}; crop or pad it"
                    )
                yield self._launch(plan, frame, shape)

    def _launch(self, plan: _Plan, frame: Frame, shape: Shape) -> Pending:
        """One frame's maps; the network's heap goes back where that is worth the while."""
        pending = plan.predictor.launch(frame, shape, later=plan.aside > 1)
        if plan.in_turn or (frame.size > LARGE and self.device.type == "cpu"):
            heap.give_back()
        return pending

    def _within(self, bound: int, first: Sequence[tuple[Frame, Shape]], count: int | None) -> tuple[Options, bool]:
        """With tiles for which ``bound`` bytes leave room, and whether the stages have to take turns.

        Raises:
            ValueError: it leaves none.
        """
        for frame, shape in first:
            working, need = (frame.shape[0], frame.shape[1]), self._method.bytes_per_pixel(self.model.config)
            room, in_turn = budget(bound, shape, working, count, need)
            most = largest_side(working, room, need, min(self.model.config.tile, LARGEST))
            if (self.options.tile or 0) > most < max(working):
                raise ValueError(
                    f"expected --tile {most} at most with --memory {bound >> 20}M, got {self.options.tile}"
                )
            log.info("--memory %dM: tiles of at most %d pixels%s", bound >> 20, most, ", in turn" * in_turn)
            return replace(self.options, tile=self.options.tile or most), in_turn
        return self.options, False

    def used(self) -> Mapping[str, Any]:
        """How the last movie was looked at, for the record of its result."""
        return self._last.used() if self._last else {}

    def image(self, image: Image) -> Cells:
        """The cells of a single image [H, W]; images of one segmenter may have any sizes."""
        frame, shape = self._read(lambda: image)
        return self.frame(frame, shape).cells()

    def frame(self, frame: Frame, shape: Shape, before: Sequence[Frame] = ()) -> Pending:
        """As ``image``, of a frame float32[h, w] that is normalised and at the working scale of one of (H, W).

        Of a method that remembers, some frames ``before`` it can be seen first.
        """
        predictor = self._for_stills()
        for one in before:
            predictor.launch(one, shape)
        return predictor.launch(frame, shape)

    def _for_stills(self) -> Predictor:
        """The same for all images, with nothing of those before: to prepare the network for each takes a while."""
        if self._still is None or self._still[0] is not self.model:
            self._still = (self.model, self.predictor(1))
        predictor = self._still[1]
        predictor.forget()
        return predictor

    def in_views(self, image: NDArray[Any], views: Sequence[Symmetry]) -> tuple[Cells, list[Cells]]:
        """The cells of a single image by the mean of some views, and by each view."""
        frame, shape = self._read(lambda: image)
        config, precision = self.model.config, self.options.precision or self.model.config.precision
        return self._method.in_views(self.model.network, config, frame, shape, views, precision)

    def predictor(self, frames: int | None = None) -> Predictor:
        """A predictor for a movie of so many frames, by default nobody knows how many."""
        return self._method.predictor(self.model.network, self.model.config, self.options, frames)

    def _read(self, get: Callable[[], Image]) -> tuple[Frame, Shape]:
        """The frame at the working scale, and the shape of its image."""
        image, config = get(), self.model.config
        grey = read_frame(image) if isinstance(image, Path) else np.asarray(image)
        frame = as_frame(grey, config.scale, config.normalisation)
        return frame, (grey.shape[0], grey.shape[1])


def _staged(items: Generator[T], in_turn: bool) -> Generator[T]:
    """The items made ahead or, where stages take turns, each when it is asked for."""
    return items if in_turn else ahead(items)


def _after(first: list[T], rest: Generator[T]) -> Generator[T]:
    """Those that are there already, then the rest; none is kept."""
    with closing(rest):
        while first:
            yield first.pop(0)
        yield from rest


def _segmented(pending: Pending) -> Segmented:
    return Segmented(pending.cells(), pending.state)


def _each(images: Iterable[Image]) -> Iterator[Callable[[], Image]]:
    """What gives each image: those of a sequence are fetched by whoever asks, so that several can be at a time."""
    if isinstance(images, Sequence):
        yield from (partial(images.__getitem__, index) for index in range(len(images)))
    else:
        yield from (partial(_itself, image) for image in images)


def _itself(image: Image) -> Image:
    return image
