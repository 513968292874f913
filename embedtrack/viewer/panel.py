"""The panel beside the picture: buttons and keys for ``Corrections``, and saving."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from embedtrack.edit.pins import pins
from embedtrack.edit.save import write_corrected
from embedtrack.edit.truth import write_truth
from embedtrack.files.lazy import Lazy
from embedtrack.files.names import runs, spell
from embedtrack.optional_packages import need
from embedtrack.viewer.corrections import SPANS, Corrections

log = logging.getLogger(__name__)


class Job(NamedTuple):
    """Where corrections come from and go to."""

    out: Path
    """The result's folder."""
    raw: Path | None = None
    """The movie, ..."""
    images: Lazy[NDArray[Any]] | None = None
    """... and its grey values."""
    truth: Path | None = None
    """The data set's folder that gets the frames that are right."""
    source: Path | None = None
    """The result that is corrected."""
    overwrite: bool = False
    """Whether the places may hold what is not of our own."""


def save(corrections: Corrections, job: Job) -> str:
    """Write the result, and the frames that are right as truth; returns what was done.

    Raises:
        ValueError: it is not valid, or cannot be written.
    """
    result = corrections.result()
    links = pins(corrections.saved, corrections.draft, corrections.said)
    write_corrected(result, job.out, job.source or job.out, links, overwrite=job.overwrite)
    corrections.is_saved(links)
    said = f"saved {job.out}"
    if job.truth is not None and job.raw is not None and job.images is not None:
        if not corrections.right:
            return f"{said}; no frame is right yet, so no truth"
        truth = write_truth(result, corrections.right, job.raw, job.images, job.truth, overwrite=job.overwrite)
        said += f", {len(corrections.right)} frames in {truth}"
    return said


def panel(corrections: Corrections, job: Job) -> Any:
    """A container of magicgui, to be docked; its keys work while the labels layer is active."""
    widgets = need("magicgui.widgets", "napari", "view")
    picked, right, said = widgets.Label(label="picked"), widgets.Label(label="right"), widgets.Label(label="")
    for line in (picked, right, said):
        line.native.setWordWrap(True)  # a long line would widen the panel
    span = widgets.ComboBox(label="where", choices=SPANS, tooltip="For exchange, relabel and take away.")
    new = widgets.SpinBox(label="new label", min=1, max=65535, value=corrections.free())
    tick = widgets.CheckBox(
        text="every mask of this frame is right (K)", tooltip="Then --as-truth makes training truth of it."
    )

    def store() -> None:
        corrections.attempt(lambda: save(corrections, job))

    def relabel() -> None:
        corrections.relabel(new.value, span.value)
        new.value = corrections.free()

    actions: dict[str, tuple[str, str, Callable[[], None]]] = {
        "cut before (C)": ("c", "Cut the link that leads to the picked cell.", corrections.cut),
        "join (J)": ("j", "The earlier of two picked cells goes on as the later one.", corrections.join),
        "divide (D)": ("d", "The earliest picked cell divides into the others.", corrections.divide),
        "exchange (W)": ("w", "Two cells exchange their labels.", lambda: corrections.exchange(span.value)),
        "relabel (R)": ("r", "Give the picked cell the new label.", relabel),
        "take away (T)": ("t", "Remove the picked cells.", lambda: corrections.relabel(0, span.value)),
        "next doubt (N)": (
            "n",
            "Go to the next place that is less sure, the least sure first.",
            corrections.next_doubt,
        ),
        "outlines (O)": ("o", "Outlines alone, or filled cells.", corrections.shown.toggle_outline),
        "undo (U)": ("u", "Take the last correction back.", corrections.undo),
        "save (S)": ("s", "Check the result and put it in its place.", store),
    }
    buttons = [widgets.PushButton(text=text, tooltip=tip) for text, (_, tip, _) in actions.items()]
    for button, (key, _, act) in zip(buttons, actions.values(), strict=True):
        button.changed.connect(act)
        corrections.shown.cells.bind_key(key, lambda layer, act=act: act(), overwrite=True)
    tick.changed.connect(lambda on: corrections.tick(corrections.shown.frame, on))
    corrections.shown.cells.bind_key("k", lambda layer: tick.native.click(), overwrite=True)

    def refresh(_: object = None) -> None:
        """Show what is picked, right and said in the frame that is shown; takes, and ignores, an event."""
        spelled = corrections.origin.spell
        picked.value = ", ".join(f"{label} ({spelled(t)})" for t, label in corrections.picks) or "-"
        right.value = frames(corrections.right, corrections.origin.first)
        said.value = corrections.message
        with tick.changed.blocked():
            tick.value = corrections.shown.frame in corrections.right

    corrections.listeners.append(refresh)
    corrections.shown.viewer.dims.events.current_step.connect(refresh)
    refresh()
    return widgets.Container(widgets=[picked, span, new, *buttons, tick, right, said], name="correct")


def frames(indices: Iterable[int], first: int) -> str:
    """Frame numbers as a person writes them: ``3 to 5, 9``."""
    return spell(runs(sorted(first + t for t in indices))) or "-"
