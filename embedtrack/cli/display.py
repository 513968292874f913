"""What a person sees while it works: progress bars and closing lines, on standard error."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from embedtrack.files.guard import clipped, plain

if TYPE_CHECKING:  # `--help` draws no bar
    from rich.progress import Progress, TaskID

console = Console(stderr=True, quiet=os.environ.get("RANK", "0") != "0")  # of several processes one speaks


QUIET = {"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
"""What keeps OpenCV, which is imported later, and its FFmpeg from writing lines of their own."""
LINE = 2000
"""Letters of a line that a person is shown."""


class ConsoleHandler(logging.Handler):
    """Log lines above the progress bar, never wrapped: a path stays whole."""

    def __init__(self) -> None:
        super().__init__()
        self._warned: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the line; a warning that was printed is not repeated, e.g. of a movie that is opened again."""
        line = plain(clipped(self.format(record), LINE))
        if record.levelno >= logging.WARNING:
            if line in self._warned:
                return
            self._warned.add(line)
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def start_logging() -> None:
    """Show what the package logs."""
    log = logging.getLogger("embedtrack")
    log.handlers = [ConsoleHandler()]
    log.setLevel(logging.INFO)
    _Shown.bars = True
    logging.getLogger().addHandler(logging.NullHandler())  # libraries are quiet: our own line says what is wrong
    logging.captureWarnings(True)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


class _Shown:
    """Whether bars are drawn."""

    bars = True


def be_quiet() -> None:
    """Show warnings and errors alone, until logging is started again."""
    logging.getLogger("embedtrack").setLevel(logging.WARNING)
    _Shown.bars = False


@contextmanager
def frames_bar(title: str, unit: str = "frames") -> Iterator["FramesBar"]:
    """A bar that counts frames, or something else, with how many a second and the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    progress = Progress(*columns, TimeRemainingColumn(), console=console, disable=not _Shown.bars)
    with _ended(progress):
        yield FramesBar(progress, unit)


class FramesBar:
    """Call it with the frames done and the frames in all."""

    def __init__(self, progress: "Progress", unit: str = "frames") -> None:
        self._progress, self._unit, self._begun = progress, unit, time.perf_counter()
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` frames are finished; before the first call there is no bar."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task("", total=total, rate="")
        speed = done / (time.perf_counter() - self._begun)  # of the whole time, as they come in bursts
        rate = f"{speed:.2f} {self._unit}/s" if done else ""
        self._progress.update(self._task, completed=done, total=total, rate=rate)


@contextmanager
def training_bar(title: str) -> Iterator["TrainingBar"]:
    """A bar for a training: loss, validation score, time spent and left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), TextColumn("{task.fields[loss]}  {task.fields[seg]}"))
    times = (TimeElapsedColumn(), TimeRemainingColumn(elapsed_when_finished=True))
    progress = Progress(*columns, *times, console=console, disable=not _Shown.bars)
    with _ended(progress):
        yield TrainingBar(progress)


@contextmanager
def _ended(progress: "Progress") -> Iterator[None]:
    """The bar ends with the block; one that never began leaves no empty line before an error's."""
    try:
        yield
    finally:
        if progress.live.is_started:
            progress.stop()


class TrainingBar:
    """Call it with the records that training yields."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1.0, loss="", seg="")

    def __call__(self, record: dict[str, float]) -> None:
        """Show a step's loss or a validation's score."""
        self._progress.start()
        if "validation_seg" in record:
            score = f"validation SEG {record['validation_seg']:.3f} (best {record['best']:.3f})"
            self._progress.update(self._task, seg=score)
            logging.getLogger("embedtrack.training.train").info("step %d: %s", record["step"], score)
        else:
            self._progress.update(self._task, completed=record["progress"], loss=f"loss {record['total']:.3f}")
