"""Corrections in the window: what the user picks and asks for, done by ``embedtrack.edit`` and shown in the layers.

Painting with napari's own tools is taken up with the next correction, or when it is saved.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from embedtrack.challenge.aogm import Node
from embedtrack.edit.cut import cut
from embedtrack.edit.divide import divide
from embedtrack.edit.draft import Draft, as_tracked, fresh, open_draft, track_of
from embedtrack.edit.join import join
from embedtrack.edit.refit import refit
from embedtrack.edit.relabel import relabel
from embedtrack.looks.report.hints import unsure
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.types import Pin
from embedtrack.viewer.layers import Place, Places, colour_table, scale, track_data

CELLS, TRACKS, PICKS = "cells", "tracks", "picked"
SPANS = ("from here on", "this frame", "all frames")
MOST_PICKS = 6
OUTLINE = 2
"""Pixels of a mask's rim that are shown where the movie is to be seen below."""


class Corrections:
    """The draft of a viewer's layers. Whatever cannot be done is said in ``message``, and nothing changes."""

    def __init__(self, viewer: Any, tracked: Tracked, said: Collection[Pin] = ()) -> None:
        """Add the layers to a viewer (napari's ``Viewer`` or ``ViewerModel``).

        What was ``said`` of the result's links before counts as corrected too.
        """
        self.viewer, self.origin = viewer, tracked
        self.draft = self.saved = open_draft(tracked)
        self.said = list(said)
        """Where cells of the saved draft come from, as a person said."""
        self.picks: list[Node] = []
        self.right: set[int] = set()
        """Indices of frames in which every mask is right: those that were corrected, and those that the user ticks."""
        self.message = "click cells to pick them"
        self.listeners: list[Callable[[], None]] = []
        self._older: list[tuple[Draft, set[int]]] = []
        self._doubts = sorted(unsure(tracked.tracks, tracked.confidence), key=lambda doubt: -doubt.weight)
        self._doubt = 0
        self._places = Places()
        self._build()

    def _build(self) -> None:
        size = scale(self.origin.units)
        pixels = np.stack(self.draft.frames)
        self.cells = self.viewer.add_labels(pixels, name=CELLS, scale=size, opacity=0.5)
        self.tracks = self.viewer.add_tracks(
            _NOWHERE, name=TRACKS, scale=size, tail_length=10, head_length=0, blending="translucent"
        )
        self.marks = self.viewer.add_points(
            ndim=2, name=PICKS, scale=size[1:], size=12, symbol="ring", face_color="white", border_color="white",
            features={"name": []}, text={"string": "{name}", "size": 9, "color": "white", "translation": [-8, 0]},
        )  # fmt: skip
        self._show_links()
        self.cells.mouse_drag_callbacks.append(self._clicked)
        self.viewer.layers.selection.active = self.cells

    @property
    def frame(self) -> int:
        """Index of the frame that is shown."""
        return int(self.viewer.dims.current_step[0])

    @property
    def unsaved(self) -> bool:
        """Whether there are corrections that are not saved."""
        return self.draft is not self.saved or bool(self._painted())

    # What the user asks for; each is one step of undo.

    def cut(self) -> None:
        """Cut before each picked cell."""

        def each(draft: Draft) -> Draft:
            for cell in self._need(1):
                draft = cut(draft, cell)
            return draft

        self._do(each, "cut")

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
            for t, label in self._need(1, None if new == 0 else 1):
                draft = relabel(draft, label, new, self._span(t, span))
            return draft

        self._do(rename, "taken away" if new == 0 else f"is {new} now")

    def undo(self) -> None:
        """Take the last correction back, painting since then included."""
        if not self._older:
            self._say("nothing to undo")
            return
        draft, self.right = self._older.pop()
        self._show(draft)
        self._say("undone")

    def outline(self, on: bool) -> None:
        """Show the cells' outlines alone, or fill them."""
        self.cells.contour = OUTLINE if on else 0
        self.cells.opacity = 0.9 if on else 0.5

    def toggle_outline(self) -> None:
        """The other one of both."""
        self.outline(not self.cells.contour)

    def next_doubt(self) -> None:
        """Go to the next decision that is less sure, the least sure first, and pick its cell, if it is still there."""

        def action() -> str:
            """Go there and say what is doubtful. Raises ValueError where nobody says how sure the result is."""
            if self.origin.confidence is None:
                raise ValueError("expected a result that says how sure it is, got one without; infer writes it")
            where = self._places(self.draft.frames)
            for _ in self._doubts:
                number, self._doubt = self._doubt, (self._doubt + 1) % len(self._doubts)
                doubt = self._doubts[number]
                if doubt.label in where[doubt.frame]:
                    self._go(doubt.frame, where[doubt.frame][doubt.label])
                    self.picks = [(doubt.frame, doubt.label)]
                    self._show_picks()
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
        painted = self._painted()
        if painted:
            frames = [painted.get(t, labels) for t, labels in enumerate(self.draft.frames)]
            self._change(refit(frames, self.draft.tracks), set(painted))
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

    def _do(self, correct: Callable[[Draft], Draft], done: str) -> None:
        def action() -> str:
            self.result()
            draft, picked = correct(self.draft), self.picks
            self.picks = []
            self._change(draft, {t for t, _ in picked})
            return f"{', '.join(str(label) for _, label in picked)}: {done}"

        self.attempt(action)

    def _change(self, draft: Draft, frames: set[int]) -> None:
        """A new draft, in which some frames were corrected; one step of undo."""
        self._older.append((self.draft, self.right))
        self.right = self.right | frames
        self._show(draft)

    def _need(self, least: int, most: int | None = None) -> list[Node]:
        if not least <= len(self.picks) <= (most or MOST_PICKS):
            wanted = f"{least} picked cell{'s' if least > 1 else ''}" + ("" if most else " or more")
            raise ValueError(f"expected {wanted}, got {len(self.picks)}; click them, or the background to pick anew")
        return self.picks

    def _go(self, frame: int, place: Place) -> None:
        """Show a place of a frame in the middle."""
        self.viewer.dims.set_current_step(0, frame)
        size = scale(self.origin.units)
        self.viewer.scene.camera.center = (0.0, place[0] * size[1], place[1] * size[2])

    def _span(self, t: int, name: str) -> range:
        last = len(self.draft.frames)
        return {"this frame": range(t, t + 1), "from here on": range(t, last), "all frames": range(last)}[name]

    def _painted(self) -> dict[int, Any]:
        """Index -> int32[H, W] of the frames that were painted since the last correction."""
        data = self.cells.data
        known = enumerate(self.draft.frames)
        return {t: data[t].astype(np.int32) for t, labels in known if not np.array_equal(data[t], labels)}

    def _show(self, draft: Draft) -> None:
        """Show another draft."""
        for t, labels in enumerate(draft.frames):
            if not np.array_equal(self.cells.data[t], labels):
                self.cells.data[t] = labels
        self.draft = draft
        self._show_links()
        self._show_picks()
        self.cells._reset_history()  # napari's own undo would bring back pixels of older labels

    def _show_links(self) -> None:
        where = self._places(self.draft.frames)
        data, table = track_data(self.draft, where), colour_table(self.draft, where)
        self.tracks.data = data.rows if len(data.rows) else _NOWHERE
        self.tracks.visible = bool(len(data.rows))
        if len(data.rows):
            self.tracks.features = data.features
            self.tracks.graph = data.graph
            self.tracks.track_colors = np.stack([table[label] for label in data.rows[:, 0].astype(int).tolist()])
        self.cells.colormap = need("napari.utils.colormaps", "napari", "view").DirectLabelColormap(color_dict=table)
        self.cells.refresh()

    def _show_picks(self) -> None:
        """Mark the picked cells in all frames, for the others are picked elsewhere."""
        where = self._places(self.draft.frames)
        known = [(t, label) for t, label in self.picks if label in where[t]]
        self.marks.data = np.array([where[t][label] for t, label in known], float).reshape(-1, 2)
        self.marks.features = {"name": [f"{label} ({self.origin.spell(t)})" for t, label in known]}

    def _clicked(self, layer: Any, event: Any) -> Any:
        """A click, not a drag, picks the cell below; one on the background clears the picks."""
        if str(layer.mode) != "pan_zoom":
            return
        start = event.pos
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.subtract(event.pos, start)).max() <= 3:
            label = layer.get_value(event.position, world=True)
            self.pick(int(label or 0))

    def pick(self, label: int, frame: int | None = None) -> None:
        """Pick a cell of a frame, by default of the one that is shown; again to leave it; 0 leaves all."""
        cell = (self.frame if frame is None else frame, label)

        def action() -> str:
            """Pick the cell or leave it, and say what is picked. Raises ValueError where the frame has no such cell."""
            if label and label not in self.draft.tracks:
                self.result()  # it may have been painted
            if label:
                track_of(self.draft, cell)
            kept = [pick for pick in self.picks if pick != cell]
            self.picks = [*kept, *([cell] if cell not in self.picks else [])][-MOST_PICKS:] if label else []
            self._show_picks()
            return ", ".join(f"{one} in frame {self.origin.spell(t)}" for t, one in self.picks) or "nothing picked"

        self.attempt(action)

    def _say(self, text: str) -> None:
        self.message = self.viewer.status = text
        self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()


_NOWHERE = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
"""What a tracks layer, which must not be empty, holds while there are no cells; it is hidden then."""
