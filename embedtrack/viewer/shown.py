"""A draft in the window: three layers of napari that show its cells, its links and what is picked.

Napari's own tools paint into the layer of cells; ``painted`` says what differs from the draft since.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from embedtrack.challenge.aogm import Node
from embedtrack.edit.draft import Draft
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.types import Labels
from embedtrack.viewer.layers import Place, Places, colour_table, scale, track_data

CELLS, TRACKS, PICKS = "cells", "tracks", "picked"
OUTLINE = 2
"""Pixels of a mask's rim that are shown where the movie is to be seen below."""
NOWHERE = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
"""What a tracks layer, which must not be empty, holds while there are no cells; it is hidden then."""


class Shown:
    """The layers of a draft in a viewer. It keeps no draft: what is shown is said at each call."""

    def __init__(self, viewer: Any, origin: Tracked, draft: Draft, clicked: Callable[[int], None]) -> None:
        """Add the layers to a viewer (napari's ``Viewer`` or ``ViewerModel``).

        Args:
            viewer: gets them above what it has.
            origin: the result, which knows units and the frames' numbers.
            draft: what is shown at first.
            clicked: called with the label below each click, 0 on the background.
        """
        self.viewer, self._origin, self._clicked, self._size = viewer, origin, clicked, scale(origin.units)
        self._places = Places()
        size = self._size
        self.cells = viewer.add_labels(np.stack(draft.frames), name=CELLS, scale=size, opacity=0.5)
        self.tracks = viewer.add_tracks(
            NOWHERE, name=TRACKS, scale=size, tail_length=10, head_length=0, blending="translucent"
        )
        self.marks = viewer.add_points(
            ndim=2, name=PICKS, scale=size[1:], size=12, symbol="ring", face_color="white", border_color="white",
            features={"name": []}, text={"string": "{name}", "size": 9, "color": "white", "translation": [-8, 0]},
        )  # fmt: skip
        self._show_links(draft)
        self.cells.mouse_drag_callbacks.append(self.pressed)
        viewer.layers.selection.active = self.cells

    @property
    def frame(self) -> int:
        """Index of the frame that is shown."""
        return int(self.viewer.dims.current_step[0])

    def show(self, draft: Draft, picks: Collection[Node]) -> None:
        """Show another draft; what was painted is gone."""
        for t, labels in enumerate(draft.frames):
            if not np.array_equal(self.cells.data[t], labels):
                self.cells.data[t] = labels
        self._show_links(draft)
        self.mark(draft, picks)
        self.cells._reset_history()  # napari's own undo would bring back pixels of older labels

    def mark(self, draft: Draft, picks: Collection[Node]) -> None:
        """Mark the picked cells in all frames, for the others are picked elsewhere."""
        where = self.places(draft)
        known = [(t, label) for t, label in picks if label in where[t]]
        self.marks.data = np.array([where[t][label] for t, label in known], float).reshape(-1, 2)
        self.marks.features = {"name": [f"{label} ({self._origin.spell(t)})" for t, label in known]}

    def painted(self, draft: Draft) -> dict[int, Labels]:
        """Index -> int32[H, W] of the frames that were painted since the draft was shown."""
        data, known = self.cells.data, enumerate(draft.frames)
        return {t: data[t].astype(np.int32) for t, labels in known if not np.array_equal(data[t], labels)}

    def places(self, draft: Draft) -> list[dict[int, Place]]:
        """Label -> (y, x) of the cells of each frame."""
        return self._places(draft.frames)

    def go(self, frame: int, place: Place) -> None:
        """Show a place of a frame in the middle."""
        self.viewer.dims.set_current_step(0, frame)
        self.viewer.scene.camera.center = (0.0, place[0] * self._size[1], place[1] * self._size[2])

    def outline(self, on: bool) -> None:
        """Show the cells' outlines alone, or fill them."""
        self.cells.contour = OUTLINE if on else 0
        self.cells.opacity = 0.9 if on else 0.5

    def toggle_outline(self) -> None:
        """The other one of both."""
        self.outline(not self.cells.contour)

    def pressed(self, layer: Any, event: Any) -> Any:
        """What napari goes on with at each move of a pressed mouse: without one it was a click, not a drag."""
        if str(layer.mode) != "pan_zoom":
            return
        start = event.pos
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.subtract(event.pos, start)).max() <= 3:
            self._clicked(int(layer.get_value(event.position, world=True) or 0))

    def _show_links(self, draft: Draft) -> None:
        """The tracks of a draft, and the colours of its families."""
        where = self.places(draft)
        data, table = track_data(draft, where), colour_table(draft, where)
        self.tracks.data = data.rows if len(data.rows) else NOWHERE
        self.tracks.visible = bool(len(data.rows))
        if len(data.rows):
            self.tracks.features = data.features
            self.tracks.graph = data.graph
            self.tracks.track_colors = np.stack([table[label] for label in data.rows[:, 0].astype(int).tolist()])
        self.cells.colormap = need("napari.utils.colormaps", "napari", "view").DirectLabelColormap(color_dict=table)
        self.cells.refresh()
