"""The story of inference: frames -> maps -> cells -> tracks -> a valid result in its place."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.writer import ResultWriter
from embedtrack.checkpoint import Model
from embedtrack.config import DATASETS, DataSet
from embedtrack.inference import device
from embedtrack.inference.pipeline import ahead, spread
from embedtrack.methods.embedtrack.accelerate import CompileMode, choose_compile_mode
from embedtrack.methods.embedtrack.cells import cells_of
from embedtrack.methods.embedtrack.predict import PRECISIONS, Pending, Predictor, plan_tiles
from embedtrack.movies.movie import Movie
from embedtrack.movies.normalise import normalise
from embedtrack.movies.open import open_movie
from embedtrack.movies.scale import frame_to, to_frame, to_working
from embedtrack.tracks.cells import Cells
from embedtrack.tracks.tracker import Mask, Tracker
from embedtrack.types import Frame, Track

log = logging.getLogger(__name__)

Image = Path | NDArray[Any]


class Summary(NamedTuple):
    """What a result holds."""

    frames: int
    cells: int
    tracks: int
    divisions: int
    seconds: float


def track(
    movie: Path | Movie,
    model_folder: Path,
    out: Path,
    *,
    views: int = 8,
    device_name: str = "auto",
    precision: str = "float32",
    compiling: str = "auto",
    border: int | None = None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Segment and track a movie; ``out`` gets masks and ``res_track.txt`` when they are complete and valid.

    Args:
        movie: e.g. ``Fluo-N2DH-SIM+/01`` with ``t000.tif``, ..., or any other that ``open_movie`` opens.
        model_folder: e.g. ``models/Fluo-N2DH-SIM+``.
        out: e.g. ``Fluo-N2DH-SIM+/01_RES``; an older result there is replaced at the end, or stays as it was.
        views: 1, or 8 for the mean over the symmetries of the square.
        device_name: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32``, ``bfloat16``, or ``auto`` for the faster one on this device.
        compiling: ``on`` compiles the network first, ``off`` does not, ``auto`` does what leaves all bytes as they are.
        border: E in pixels; by default the challenge's for the data set that the folder's parent names.
        on_frame: called with the number of finished frames and of all.

    Raises:
        ValueError: anything that is wrong with the input, the model or the destination, before any work.
    """
    begin = time.perf_counter()
    recording = movie if isinstance(movie, Movie) else open_movie(movie)
    job = prepare(recording.path, model_folder, views, device_name, precision, border, compiling)
    with ResultWriter(out, recording) as writer:
        tracker = job.tracker()
        on_frame(0, len(recording))
        helpers = device.helpers(job.model.device)
        cells = segment(job.model, recording.frames, views, precision, compiling=compiling, helpers=helpers)
        with closing(ahead(finished(tracker, cells))) as masks:
            for index, mask in enumerate(masks):
                writer.write(index, mask)
                on_frame(index + 1, len(recording))
        writer.commit(tracker.tracks())
    return summarise(tracker.tracks(), len(recording), time.perf_counter() - begin)


class Job(NamedTuple):
    """What is the same for every frame of a movie."""

    model: Model
    """On the device where it runs."""
    border: int
    """E in pixels."""

    def tracker(self) -> Tracker:
        """A new one for a new movie."""
        return Tracker(self.model.config, self.border)


def prepare(
    sequence_folder: Path,
    model_folder: Path,
    views: int,
    device_name: str,
    precision: str,
    border: int | None,
    compiling: str = "auto",
) -> Job:
    """Load and check all that does not depend on the frames; the arguments are those of ``track``.

    Raises:
        ValueError: anything that is wrong with the model or the options.
    """
    if views not in (1, 8):
        raise ValueError(f"expected --views 1 or 8, got {views}")
    if precision not in PRECISIONS:
        raise ValueError(f"expected --precision {', '.join(PRECISIONS)}, got {precision}")
    where = device.choose(device_name)
    choose_compile_mode(compiling, where, None)
    model = checkpoint.load(model_folder)
    border = dataset_of(sequence_folder).border if border is None else border
    if border < 0:
        raise ValueError(f"expected --border 0 or more pixels, got {border}")
    device.move(model.network, where)
    return Job(model, border)


def segment(
    model: Model,
    images: Iterable[Image],
    views: int = 8,
    precision: str = "float32",
    *,
    compiling: str = "auto",
    helpers: int = 1,
) -> Generator[Cells]:
    """The cells of each frame, with all that tracks are decided from.

    An image is the grey values [H, W] of a frame, or the path of its TIFF file.
    Reading, the network and clustering work at the same time, each a frame ahead of the next; with several ``helpers``
    so many frames are read, and as many clustered, at a time, and the first result waits for as many frames.
    """
    device.keep_memory()
    config = model.config

    def read(get: Callable[[], Image]) -> tuple[Shape, Frame]:
        """The shape of an image, and the frame at the working scale."""
        image = get()
        grey = layout.read_frame(image) if isinstance(image, Path) else image
        return (grey.shape[0], grey.shape[1]), normalise(to_working(grey, config.scale), config.normalisation)

    def cells(predicted: tuple[Shape, Frame, Pending]) -> Cells:
        shape, frame, pending = predicted
        maps = to_frame(pending.fetch(), shape, config.scale)
        return cells_of(maps, frame_to(frame, shape, config.scale), config.clustering, config.frame_pixel_size)

    way = choose_compile_mode(compiling, model.device, len(images) if isinstance(images, Sized) else None)
    with closing(ahead(_maps(model, ahead(spread(read, _each(images), helpers)), views, precision, way))) as predicted:
        yield from spread(cells, predicted, helpers)


def _each(images: Iterable[Image]) -> Iterator[Callable[[], Image]]:
    """What gives each image: those of a sequence are fetched by whoever asks, so that several can be at a time."""
    if isinstance(images, Sequence):
        yield from (partial(images.__getitem__, index) for index in range(len(images)))
    else:
        yield from (partial(_itself, image) for image in images)


def _itself(image: Image) -> Image:
    return image


def finished(tracker: Tracker, cells: Iterable[Cells]) -> Iterator[Mask]:
    """The masks of a movie, each when no later frame can change it."""
    for frame in cells:
        yield from tracker.add(frame)
    yield from tracker.finish()


Shape = tuple[int, int]


def _maps(
    model: Model, frames: Iterable[tuple[Shape, Frame]], views: int, precision: str, way: CompileMode
) -> Iterator[tuple[Shape, Frame, Pending]]:
    """The shape of each image, and the frame and its maps at the working scale."""
    predictor: Predictor | None = None
    for shape, frame in frames:
        if predictor is None:
            tiles = plan_tiles((frame.shape[0], frame.shape[1]), model.config.tile, model.device, views)
            predictor = Predictor(model.network, tiles, views, precision, way)
        yield shape, frame, predictor.launch(frame)


def dataset_of(sequence_folder: Path) -> DataSet:
    """The challenge's rules for the data set whose folder holds the sequence; plain ones if it is none of them."""
    return DATASETS.get(Path(os.path.abspath(sequence_folder)).parent.name, DataSet())


def summarise(tracks: Sequence[Track], frames: int, seconds: float) -> Summary:
    """Count cells (one per frame), tracks and divisions (two or more children of one parent)."""
    children = Counter(track.parent for track in tracks if track.parent)
    cells = sum(track.end - track.begin + 1 for track in tracks)
    return Summary(frames, cells, len(tracks), sum(count > 1 for count in children.values()), seconds)
