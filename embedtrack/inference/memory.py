"""A movie in memory -> a tracked result in memory."""

from collections.abc import Generator, Iterable, Iterator, Sequence, Sized
from contextlib import closing
from itertools import chain, islice
from typing import Any, overload

import numpy as np

from embedtrack.challenge.convention import border_of
from embedtrack.files.packed import Packed, pack
from embedtrack.inference.adapt import adapt
from embedtrack.inference.segmenter import Image, Segmented, Segmenter
from embedtrack.model import Model, OnFrame
from embedtrack.movies.memory import frames_of
from embedtrack.movies.movie import FrameError
from embedtrack.options import Options
from embedtrack.tracked import Tracked
from embedtrack.tracks.tracker import Mask, Tracker, finished
from embedtrack.types import Cells, Labels


def follow(
    segmenter: Segmenter, tracker: Tracker, images: Iterable[Image], faults: list[FrameError] | None = None
) -> Generator[Mask]:
    """The masks uint16[H, W] of a movie, each when no later frame can change it; the tracks are the tracker's then.

    A frame that cannot be read ends the movie before it, and ``faults`` gets the reason; of the first frame, and
    without ``faults``, it is raised.
    """
    with closing(segmenter.movie(images)) as frames:
        yield from finished(tracker, _before_a_fault(frames, faults))


def _before_a_fault(frames: Iterable[Segmented], faults: list[FrameError] | None) -> Iterator[Cells]:
    """The cells of the frames up to one that cannot be read."""
    seen = 0
    try:
        for frame in frames:
            seen += 1
            cells = frame.cells
            del frame  # it holds the network's features
            yield cells
    except FrameError as error:
        if not seen or faults is None:
            raise
        faults.append(error)


def track(model: Model, movie: Any, options: Options, on_frame: OnFrame) -> Tracked:
    """See ``Model.track``."""
    frames, opened = frames_of(movie)
    total = len(frames) if isinstance(frames, Sized) else None
    frames, model = _suited(model, frames, options)
    tracker = Tracker(
        model.config, border_of(opened.path if opened else None, options.border), options.max_gap, crumbs=options.crumbs
    )
    masks = Deflated()
    on_frame(0, total)
    with closing(follow(Segmenter(model, options), tracker, frames)) as finished:
        for mask in finished:
            masks.append(mask)
            on_frame(len(masks), total)
    if not len(masks):
        raise ValueError("expected a movie of at least one frame, got none")
    shape = masks[0].shape
    about = Tracked(masks, tracker.tracks(), (shape[0], shape[1]), confidence=tracker.confidence())
    return about.of(opened) if opened else about


def _suited(model: Model, frames: Iterable[Any], options: Options) -> tuple[Iterable[Any], Model]:
    """The frames, and the model for them; of frames that come one after the other the first one says how."""
    segmenter = Segmenter(model, options)
    if isinstance(frames, Sequence):
        return frames, adapt(segmenter.model, frames, options)
    rest = iter(frames)
    begin = list(islice(rest, 1))
    return chain(begin, rest), adapt(segmenter.model, begin, options) if begin else model


class Deflated(Sequence[Labels]):
    """Masks that are kept deflated and unpacked when they are asked for, int32[H, W] each."""

    def __init__(self) -> None:
        self._packed: list[Packed] = []

    def append(self, mask: Mask) -> None:
        """Keep one more."""
        self._packed.append(pack(mask))

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, index: int) -> Labels: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Labels]: ...
    def __getitem__(self, index: int | slice) -> Labels | Sequence[Labels]:
        if isinstance(index, slice):
            part = Deflated()
            part._packed = self._packed[index]
            return part
        return self._packed[index].opened().astype(np.int32)
