"""Corrections in the window: what the user picks and asks for, done by ``embedtrack.edit`` and shown in the layers.

Painting with napari's own tools is taken up with the next correction, or when it is saved.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from embedtrack.challenge.aogm import Node
from embedtrack.edit.cut import cut
from embedtrack.edit.divide import divide
from embedtrack.edit.draft import Draft, as_tracked, fresh, open_draft, track_of
from embedtrack.edit.join import join
from embedtrack.edit.refit import refit
from embedtrack.edit.relabel import relabel
from embedtrack.looks.report.hints import unsure
from embedtrack.tracked import Tracked
from embedtrack.types import Pin
from embedtrack.viewer.shown import Shown

ALL = "all frames"
SPANS = ("from here on", "this frame", ALL)
MOST_PICKS = 6


class Corrections:
    """The draft of a viewer's layers. Whatever cannot be done is said in ``message``, and nothing changes."""

    def __init__(self, viewer: Any, tracked: Tracked, said: Collection[Pin] = ()) -> None:
        """Add the layers to a viewer (napari's ``Viewer`` or ``ViewerModel``).

        What was ``said`` of the result's links before counts as corrected too.
        """
        self.draft = self.saved = open_draft(tracked)
        self.origin = replace(tracked, masks=self.draft.frames)
        """What was opened, in memory."""
        self.said = list(said)
        """Where cells of the saved draft come from, as a person said."""
        self.picks: list[Node] = []
        self.right: set[int] = set()
        """Indices of frames in which every mask is right: those that were corrected, and those that the user ticks."""
        self.message = "click cells to pick them"
        self.listeners: list[Callable[[], None]] = []
        self._older: list[tuple[Draft, set[int]]] = []
        """Before each correction the draft, and the frames that it ticked."""
        self._doubts = sorted(unsure(tracked.tracks, tracked.confidence), key=lambda doubt: -doubt.weight)
        self._doubt = 0
        self.shown = Shown(viewer, tracked, self.draft, self.pick)

    @property
    def unsaved(self) -> bool:
        """Whether there are corrections that are not saved."""
        return self.draft is not self.saved or bool(self.shown.painted(self.draft))

    # What the user asks for; each is one step of undo.

    def cut(self) -> None:
        """Cut before each picked cell."""
        self._do(lambda draft: cut(draft, *self._need(1)), "cut")

    def join(self) -> None:
        """Let the earlier of two picked cells go on as the later one."""

        def link(draft: Draft) -> Draft:
            first, second = sorted(self._need(2, 2))
            return join(draft, first[1], second)

        self._do(link, "joined")

    def divide(self) -> None:
        """Let the earliest picked cell divide into the others."""

        def split(draft: Draft) -> Draft:
            mother, *daughters = sorted(self._need(3))
            return divide(draft, mother[1], daughters)

        self._do(split, "division added")

    def exchange(self, span: str) -> None:
        """Exchange the labels of two picked cells of one frame, in some of SPANS."""

        def swap(draft: Draft) -> Draft:
            (t, one), (other_t, other) = self._need(2, 2)
            if t != other_t:
                raise ValueError("expected two cells of one frame to exchange, got two frames; pick them in one")
            return relabel(draft, one, other, self._span(t, span))

        self._do(swap, "exchanged")

    def relabel(self, new: int, span: str) -> None:
        """Give the picked cells another label, 0 to take them away, in some of SPANS."""

        def rename(draft: Draft) -> Draft:
            """Each picked cell in turn. Raises as the function of this name does."""
            cells = self._need(1, None if new == 0 else 1)
            if span == ALL:  # once for each track
                cells = list({label: (t, label) for t, label in cells}.values())
            for t, label in sorted(cells, reverse=True):
                draft = relabel(draft, label, new, self._span(t, span))
            return draft

        self._do(rename, "taken away" if new == 0 else f"is {new} now")

    def undo(self) -> None:
        """Take the last correction back, painting since then included."""
        if not self._older:
            self._say("nothing to undo")
            return
        draft, ticked = self._older.pop()
        self.right = self.right - ticked
        self._show(draft)
        self._say("undone")

    def pick(self, label: int, frame: int | None = None) -> None:
        """Pick a cell of a frame, by default of the one that is shown; again to leave it; 0 leaves all."""
        cell = (self.shown.frame if frame is None else frame, label)

        def action() -> str:
            """Pick the cell or leave it, and say what is picked. Raises ValueError where the frame has no such cell."""
            if label and label not in self.draft.tracks:
                self._take_up()  # it may have been painted
            if label:
                track_of(self.draft, cell)
            kept = [pick for pick in self.picks if pick != cell]
            self.picks = [*kept, *([cell] if cell not in self.picks else [])][-MOST_PICKS:] if label else []
            self.shown.mark(self.draft, self.picks)
            return ", ".join(f"{one} in frame {self.origin.spell(t)}" for t, one in self.picks) or "nothing picked"

        self.attempt(action)

    def next_doubt(self) -> None:
        """Go to the next decision that is less sure, the least sure first, and pick its cell, if it is still there."""

        def action() -> str:
            """Go there and say what is doubtful. Raises ValueError where nobody says how sure the result is."""
            if self.origin.confidence is None:
                raise ValueError("expected a result that says how sure it is, got one without; infer writes it")
            where = self.shown.places(self.draft)
            for _ in self._doubts:
                number, self._doubt = self._doubt, (self._doubt + 1) % len(self._doubts)
                doubt = self._doubts[number]
                if doubt.label in where[doubt.frame]:
                    self.shown.go(doubt.frame, where[doubt.frame][doubt.label])
                    self.picks = [(doubt.frame, doubt.label)]
                    self.shown.mark(self.draft, self.picks)
                    frame = self.origin.spell(doubt.frame)
                    return f"doubt {number + 1} of {len(self._doubts)}: {doubt.label} in frame {frame}, {doubt.text}"
            return "nothing is doubtful"

        self.attempt(action)

    def tick(self, frame: int, right: bool) -> None:
        """Say whether every mask of a frame is right."""
        self.right = self.right | {frame} if right else self.right - {frame}
        self._tell()

    def free(self) -> int:
        """A label that no track has."""
        return fresh(self.draft.tracks)

    def result(self) -> Tracked:
        """What is shown, as a tracked movie, with what was painted.

        Raises:
            ValueError: what was painted contradicts the lineage.
        """
        self._take_up()
        return as_tracked(self.draft, self.origin)

    def is_saved(self, said: Collection[Pin]) -> None:
        """Remember that the present draft is saved, and what is said of its links."""
        self.saved, self.said = self.draft, list(said)

    def attempt(self, action: Callable[[], str]) -> None:
        """Do something and say what came of it, or why it cannot be done."""
        try:
            self._say(action())
        except ValueError as error:
            self._say(str(error))

    # How it is done.

    def _take_up(self) -> None:
        """Let what was painted be a correction. Raises ValueError where it contradicts the lineage."""
        painted = self.shown.painted(self.draft)
        if painted:
            frames = [painted.get(t, labels) for t, labels in enumerate(self.draft.frames)]
            self._change(refit(frames, self.draft.tracks, self.origin.first), set(painted))

    def _do(self, correct: Callable[[Draft], Draft], done: str) -> None:
        def action() -> str:
            self._take_up()
            draft, picked = correct(self.draft), self.picks
            self.picks = []
            self._change(draft, {t for t, _ in picked})
            return f"{', '.join(str(label) for _, label in picked)}: {done}"

        self.attempt(action)

    def _change(self, draft: Draft, frames: set[int]) -> None:
        """A new draft, in which some frames were corrected; one step of undo."""
        self._older.append((self.draft, frames - self.right))
        self.right = self.right | frames
        self._show(draft)

    def _need(self, least: int, most: int | None = None) -> list[Node]:
        if not least <= len(self.picks) <= (most or MOST_PICKS):
            wanted = f"{least} picked cell{'s' if least > 1 else ''}" + ("" if most else " or more")
            raise ValueError(f"expected {wanted}, got {len(self.picks)}; click them, or the background to pick anew")
        return self.picks

    def _span(self, t: int, name: str) -> range:
        last = len(self.draft.frames)
        return {"this frame": range(t, t + 1), "from here on": range(t, last), ALL: range(last)}[name]

    def _show(self, draft: Draft) -> None:
        self.draft = draft
        self.shown.show(draft, self.picks)

    def _say(self, text: str) -> None:
        self.message = self.shown.viewer.status = text
        self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
