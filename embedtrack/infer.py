"""The story of inference: frames -> maps -> cells -> tracks -> a valid result in its place."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from embedtrack import checkpoint, device
from embedtrack.checkpoint import Model
from embedtrack.config import DATASETS, DataSet
from embedtrack.data import ctc
from embedtrack.data.normalise import normalise
from embedtrack.data.result import ResultWriter
from embedtrack.data.scale import to_frame, to_working
from embedtrack.instances.cluster import cluster
from embedtrack.networks.predict import Predictor, plan_tiles
from embedtrack.tracks.lineage import Lineage
from embedtrack.tracks.repair import Spans, remove_border
from embedtrack.types import Frame, Labels, Track

log = logging.getLogger(__name__)


class Summary(NamedTuple):
    """What a result holds."""

    frames: int
    cells: int
    tracks: int
    divisions: int
    seconds: float


def track(
    sequence_folder: Path,
    model_folder: Path,
    out: Path,
    *,
    views: int = 8,
    device_name: str = "auto",
    precision: str = "float32",
    border: int | None = None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Segment and track a movie; ``out`` gets masks and ``res_track.txt`` when they are complete and valid.

    Args:
        sequence_folder: e.g. ``Fluo-N2DH-SIM+/01`` with ``t000.tif``, ...
        model_folder: e.g. ``models/Fluo-N2DH-SIM+``.
        out: e.g. ``Fluo-N2DH-SIM+/01_RES``; an older result there is replaced at the end, or stays as it was.
        views: 1, or 8 for the mean over the symmetries of the square.
        device_name: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32``, ``bfloat16``, or ``auto`` for the faster one on this device.
        border: E in pixels; by default the challenge's for the data set that the folder's parent names.
        on_frame: called with the number of finished frames and of all.

    Raises:
        ValueError: anything that is wrong with the input, the model or the destination, before any work.
    """
    begin = time.perf_counter()
    if views not in (1, 8):
        raise ValueError(f"expected --views 1 or 8, got {views}")
    sequence = ctc.open_sequence(sequence_folder)
    model = checkpoint.load(model_folder)
    border = dataset_of(sequence_folder).border if border is None else border
    if border < 0:
        raise ValueError(f"expected --border 0 or more pixels, got {border}")
    with ResultWriter(out, sequence) as writer:
        device.place(model.network, device.choose(device_name))
        lineage, spans = Lineage(model.config.linking, model.config.pixel), Spans()
        written = 0

        def write(finished: Iterable[Labels]) -> None:
            nonlocal written
            for labels in finished:
                writer.write(written, spans.add(remove_border(labels, border), lineage.parents))
                written += 1

        for number, (labels, shift) in enumerate(segment(model, sequence.paths, views, precision), start=1):
            write(lineage.add(labels, shift))
            on_frame(number, len(sequence))
        write(lineage.finish())
        writer.commit(spans.tracks())
    return summarise(spans.tracks(), len(sequence), time.perf_counter() - begin)


def segment(
    model: Model, paths: Sequence[Path], views: int = 8, precision: str = "float32"
) -> Iterator[tuple[Labels, Frame]]:
    """The cells int32[H, W] of each frame, and the tracking offset float32[2, H, W] to the frame before."""
    config = model.config
    predictor: Predictor | None = None
    for path in paths:
        image = ctc.read_frame(path)
        frame = normalise(to_working(image, config.scale), config.normalisation)
        if predictor is None:
            predictor = Predictor(
                model.network, plan_tiles((frame.shape[0], frame.shape[1]), config.tile), views, precision
            )
        maps = to_frame(predictor(frame), (image.shape[0], image.shape[1]), config.scale)
        yield cluster(maps, config.clustering, config.pixel), maps.shift


def dataset_of(sequence_folder: Path) -> DataSet:
    """The challenge's rules for the data set whose folder holds the sequence; plain ones if it is none of them."""
    return DATASETS.get(Path(os.path.abspath(sequence_folder)).parent.name, DataSet())


def summarise(tracks: Sequence[Track], frames: int, seconds: float) -> Summary:
    """Count cells (one per frame), tracks and divisions (two or more children of one parent)."""
    children = Counter(track.parent for track in tracks if track.parent)
    cells = sum(track.end - track.begin + 1 for track in tracks)
    return Summary(frames, cells, len(tracks), sum(count > 1 for count in children.values()), seconds)
