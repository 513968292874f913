"""The widget "Segment and track": a movie of the window through a model, with progress, and an end at any time."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.convention import model_names, models
from embedtrack.optional_packages import need
from embedtrack.options import VIEWS, Options
from embedtrack.viewer.plugin import Layer, layers_of

OTHER = "other"


class CancelledError(Exception):
    """Ends the work; the user asked for it."""


def shipped() -> dict[str, Path]:
    """The models that are at hand, by name."""
    return {name: models() / name for name in model_names()}


def run(
    movie: NDArray[Any], model: Path, views: int, on_frame: Callable[[int, int | None], None], first: int = 0
) -> list[Layer]:
    """Segment and track a movie [T, H, W] of any array type; frames are read one by one.

    Raises:
        ValueError: it is no movie, or the model or its frames cannot be used.
    """
    from embedtrack.model import Model

    if np.ndim(movie) != 3 or len(movie) == 0:
        raise ValueError(f"expected a movie of the axes T, Y, X, got {np.ndim(movie)} axes; choose another layer")
    tracked = Model.load(model).track(movie, Options(views=views), on_frame=on_frame)
    return layers_of(replace(tracked, first=first, digits=max(3, len(str(first + len(tracked) - 1)))))


def segment_and_track(viewer: Any = None) -> Any:
    """The widget, a container of magicgui, for a viewer or the one that is open."""
    return Segmentation(viewer or need("napari", "napari", "view").current_viewer()).container


class Segmentation:
    """The widget's parts and what they do."""

    def __init__(self, viewer: Any) -> None:
        gui, image = need("magicgui.widgets", "napari", "view"), need("napari.layers", "napari", "view").Image
        self.viewer, self.stop, self.models = viewer, threading.Event(), shipped()
        self.movie = gui.create_widget(annotation=image, label="movie")
        self.model = gui.ComboBox(label="model", choices=[*self.models, OTHER], value=next(iter(self.models), OTHER))
        self.folder = gui.FileEdit(label="its folder", mode="d", visible=not self.models)
        self.views = gui.ComboBox(label="views", choices=[*VIEWS], value=1, tooltip="2 or 4: more exact, slower.")
        self.start, self.cancel = gui.PushButton(text="segment and track"), gui.PushButton(text="cancel", enabled=False)
        self.bar, self.said = gui.ProgressBar(label="", visible=False), gui.Label(label="")
        self.said.native.setWordWrap(True)
        parts = [self.movie, self.model, self.folder, self.views, self.start, self.bar, self.cancel, self.said]
        self.container = gui.Container(widgets=parts, name="segment and track")
        self.container.segmentation = self  # lives as long as the widget
        self.start.changed.connect(self.begin)
        self.cancel.changed.connect(self.stop.set)
        self.model.changed.connect(lambda name: setattr(self.folder, "visible", name == OTHER))
        self._show = need("superqt.utils", "napari", "view").ensure_main_thread(self._progress)

    def begin(self) -> None:
        """Start the work in a thread of its own."""
        layer: Any = self.movie.value
        if layer is None:
            self.said.value = "open a movie first"
            return
        self.stop.clear()
        self.start.enabled, self.cancel.enabled, self.bar.visible = False, True, True
        model, first = self.models.get(self.model.value, Path(self.folder.value)), int(layer.metadata.get("first", 0))
        create = need("napari.qt.threading", "napari", "view").create_worker
        self.worker = create(
            run, layer.data, model, self.views.value, self._on_frame, first,
            _connect={"returned": self._finished, "errored": self._failed},
        )  # fmt: skip

    def _on_frame(self, done: int, total: int) -> None:
        """Comes from the worker's thread."""
        if self.stop.is_set():
            raise CancelledError
        self._show(done, total)

    def _progress(self, done: int, total: int) -> None:
        self.bar.max, self.bar.value = total, done
        self.said.value = f"{done} of {total} frames" if done else "preparing"

    def _finished(self, layers: list[Layer]) -> None:
        for data, options, kind in layers:
            getattr(self.viewer, f"add_{kind}")(data, **options)
        self._ended("done")

    def _failed(self, error: BaseException) -> None:
        self._ended("cancelled" if isinstance(error, CancelledError) else str(error))

    def _ended(self, text: str) -> None:
        self.said.value, self.start.enabled, self.cancel.enabled, self.bar.visible = text, True, False, False
