"""The cells of a movie, frame by frame -> the masks and tracks of its result."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import ModelConfig
from embedtrack.tracks.confidence import probability
from embedtrack.tracks.lineage import Lineage
from embedtrack.tracks.one_piece import one_piece
from embedtrack.tracks.pins import NEW, NONE
from embedtrack.tracks.relabel import present
from embedtrack.tracks.rules import Spans, remove_border
from embedtrack.tracks.window import Decided, Window
from embedtrack.types import CONFIDENCE, Cells, Confidence, Labels, Pin, Track

Mask = NDArray[np.uint16]
"""uint16[H, W], as it is written."""


def finished(tracker: "Tracker", cells: Iterable[Cells]) -> Iterator[Mask]:
    """The masks of a movie, each when no later frame can change it; the tracks are the tracker's then."""
    for one in cells:
        yield from tracker.add(one)
    yield from tracker.finish()


class Written(NamedTuple):
    """A decided frame, on its way to the mask that is written."""

    decided: Decided
    found: Labels
    """int32[H, W] by track."""
    kept: Labels
    """The same without cells in the border."""
    mask: Mask
    """By the label that a track has in the result."""


def written(
    frames: Iterable[Decided], lineage: Lineage, spans: Spans, border: int, *, whole: bool
) -> Iterator[Written]:
    """The decided frames with their masks; lineage and spans stand at the frame that is given.

    Args:
        frames: in order.
        lineage: gives the tracks.
        spans: gives the labels.
        border: cells wholly within so many pixels of the edge are left out.
        whole: masks are made of one piece.
    """
    for one in frames:
        found = one_piece(lineage.add(one)) if whole else lineage.add(one)
        kept = remove_border(found, border)
        yield Written(one, found, kept, spans.add(kept, lineage.parents))


class Tracker:
    """Everything after the cells; a mask is finished when no later frame can change it.

    At any time the masks finished so far, with those of ``held``, make a valid result of the frames so far.
    """

    def __init__(
        self,
        config: ModelConfig,
        border: int,
        max_gap: int | None = None,
        *,
        given: bool = False,
        crumbs: bool = False,
        pins: NDArray[np.void] = NONE,
    ) -> None:
        """Begin a movie.

        Args:
            config: of the model.
            border: the challenge's E in pixels.
            max_gap: instead of the model's.
            given: the cells are beyond doubt, and none is added.
            crumbs: let masks keep small parts and holes, see ``tracks/one_piece.py``; given ones always do.
            pins: PIN[n] in the order of frames, see ``tracks/pins.py``: where some cells come from is not decided anew.
        """
        longest = config.linking.max_gap if max_gap is None else max_gap
        self.border = border
        self.removed = 0  # cells of finished masks that lay within the border, one per frame
        self._whole = not (crumbs or given)
        self._window = Window(config.costs, longest, given=given, pins=pins)
        self._pins, self._called = pins, dict[tuple[int, int], int]()
        self._sureness, self._sure, self._given = config.sureness, list[Confidence](), given
        self._lineage, self._spans = Lineage(longest), Spans()

    def add(self, cells: Cells) -> list[Mask]:
        """Take the next frame's cells; the masks that it finishes."""
        return self._masks(self._window.add(cells), self._lineage, self._spans)

    def finish(self) -> list[Mask]:
        """The rest of the masks, after the last frame."""
        return self._masks(self._window.finish(), self._lineage, self._spans)

    def held(self) -> tuple[list[Mask], list[Track]]:
        """The rest of the masks and all tracks, were the last frame the movie's last one."""
        spans = self._spans.fork()
        return self._masks(self._window.finish(), self._lineage.fork(), spans), spans.tracks()

    def tracks(self) -> list[Track]:
        """The tracks of the finished masks; frames count from 0."""
        return self._spans.tracks()

    def confidence(self) -> Confidence:
        """How likely the decisions of the finished masks are right."""
        return np.concatenate([np.zeros(0, CONFIDENCE), *self._sure])

    def pins(self) -> list[Pin]:
        """What was said beforehand, by the labels of the finished masks."""
        found = []
        for frame, cell, how, gap, source in self._pins.tolist():
            label, before = self._called.get((frame, cell)), self._called.get((frame - gap, source))
            if label and (before or how == NEW):
                found.append(Pin(frame, label, frame - gap, before or 0) if how != NEW else Pin(frame, label, 0, 0))
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """All that it knows after one frame or more, as arrays, to go on in another process."""
        own = {"removed": np.array(self.removed), "sure": self.confidence()}
        return own | self._window.state() | self._lineage.state() | self._spans.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the one stood whose ``state`` this is, with the same settings."""
        self.removed, self._sure = int(state["removed"]), [state["sure"]]
        self._window.restore(state)
        self._lineage.restore(state)
        self._spans.restore(state)

    def _masks(self, frames: Iterable[Decided], lineage: Lineage, spans: Spans) -> list[Mask]:
        masks = []
        for one in written(frames, lineage, spans, self.border, whole=self._whole):
            masks.append(one.mask)
            if spans is self._spans:
                kept = present(one.kept)
                self.removed += len(present(one.found)) - len(kept) if self.border else 0
                self._sure.append(self._rows(one.decided, lineage.newest, kept.tolist()))
        return masks

    def _rows(self, decided: Decided, names: Mapping[int, int], kept: Collection[int]) -> Confidence:
        """CONFIDENCE[n] of the cells of the frame written last, of the tracks that were ``kept``."""
        steps = decided.steps
        tracks = [names[cell] for cell in steps["cell"].tolist()]
        rows = np.zeros(len(steps), CONFIDENCE)
        rows["frame"], rows["label"] = self._spans.frames - 1, [self._spans.label(track) for track in tracks]
        rows["cell"], rows["link"] = probability(decided.scene.table, steps, self._sureness)
        if self._given:
            rows["cell"] = 1
        frame, stays = self._spans.frames - 1, np.isin(tracks, list(kept))
        said = np.isin(steps["cell"], self._pins["cell"][self._pins["frame"] == frame])
        rows["cell"][said] = rows["link"][said] = 1
        if len(self._pins):
            labels = zip(steps["cell"][stays].tolist(), rows["label"][stays].tolist(), strict=True)
            self._called |= {(frame, cell): label for cell, label in labels}
        rows = rows[stays]
        return rows[np.argsort(rows["label"])]
