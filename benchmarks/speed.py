"""What a frame costs, beside the plain method as published: ``python -m benchmarks.speed [--json] [--device cpu]``.

All ways are measured in turn in one run, so that what else the machine does disturbs all alike; times are medians with
their spread. The plain method is in ``benchmarks/plain.py``. By default a real movie of 690 x 628 pixels is taken where
``DATA_ROOT`` has it, else a simulated one of that size. The table and plot of
``docs/speed.md``: ``--write section.md --plot-to docs/speed.svg``.
"""

import json as json_format
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import mean, median
from typing import Annotated, Any, NamedTuple, TypeVar, cast

import numpy as np
import torch
import typer
from rich.console import Console
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.clustering import SETTINGS, STEP, field
from benchmarks.memory import peak
from benchmarks.plain import BATCH, CROP, plain_frame, plain_maps
from benchmarks.plain_tracks import linked, tra
from benchmarks.speed_report import plot, section, table
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.convention import DEMO_MODEL, REPOSITORY, models
from embedtrack.challenge.scores import jaccards
from embedtrack.challenge.writer import write_mask
from embedtrack.config import ModelConfig
from embedtrack.inference.memory import follow
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.settled import fastest
from embedtrack.machine import device
from embedtrack.machine.pipeline import ahead
from embedtrack.methods.embedtrack.accelerate import worth_a_graph
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.cells import cells_of, origins
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.maps import to_frame
from embedtrack.methods.embedtrack.movie import pixel_size
from embedtrack.methods.embedtrack.predict import Predictor, Prepared, plan_tiles
from embedtrack.model import Model
from embedtrack.movies.normalise import as_frame
from embedtrack.movies.scale import frame_to
from embedtrack.options import VIEWS, Options
from embedtrack.simulate.movie import simulate
from embedtrack.tracks.tracker import Mask, Tracker
from embedtrack.types import Labels

SHAPE = (690, 628)
SIZES = (256, 512, 1024, 2048, 4096, 8192)
CELLS = (10, 30, 100, 300, 1000, 3000)
SHORT = {"float32": "fp32", "bfloat16": "bf16", "int8": "int8"}
"""Precisions, and what the ratios are called of each."""
PLAIN = {"plain": BATCH, "plain, pair by pair": 1}
"""So many pairs of crops at a time: as published, and as a processor's memory likes it better."""

PLAIN_PEAK = """
import resource, sys, tempfile
from pathlib import Path
from benchmarks.plain import plain_frame
from embedtrack import checkpoint
model, before, now = map(Path, sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    plain_frame(checkpoint.load(model), (before, now), None, Path(folder) / "mask.tif")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""What ``plain_peak`` runs."""

Times = dict[str, list[float]]
T = TypeVar("T")


class Job(NamedTuple):
    """A movie from files to files."""

    seconds: float
    """Of a frame."""
    masks: list[Mask]
    parents: dict[int, int]
    """Track -> its parent, or 0."""


def whole_job(model: Model, paths: Sequence[Path], views: int, precision: str, out: Path) -> Job:
    """All stages at once, as in ``infer.track``.

    A GPU is shown the movie twenty times over: it is fast only when it is under way.
    """
    where = model.device
    paths = list(paths) * (1 if where.type == "cpu" else 20)
    begin, found = time.perf_counter(), []
    segmenter = Segmenter(model, Options(views=views, device=str(where), precision=precision))
    tracker = Tracker(model.config, 0)
    with closing(ahead(follow(segmenter, tracker, paths))) as masks:
        for mask in masks:
            write_mask(out, mask)
            found.append(mask)
    parents = {track.label: track.parent for track in tracker.tracks()}
    return Job((time.perf_counter() - begin) / len(paths), found, parents)


class Found(NamedTuple):
    """What the ways cost and find, each a mean or the values of all repeats by the way's name."""

    times: Times
    """Seconds a frame."""
    agreement: dict[str, float]
    """Mean Jaccard index of our cells in single precision with the plain method's, and with those of less precision."""
    seg: dict[str, float]
    """SEG of the frames that the plain method saw, where their truth lies beside the movie."""
    tra: dict[str, float]
    """TRA of the same frames as a movie of their own."""


def ways(model: Model) -> dict[str, tuple[str, int]]:
    """Ours by name: each precision that a model's device computes itself, in as many views as there may be."""
    precisions = dict.fromkeys(("float32", device.fast_precision(model.device), fastest(model.config, model.device)))
    return {named(precision, views): (precision, views) for views in VIEWS[::-1] for precision in precisions}


def named(precision: str, views: int) -> str:
    """For people, and in ``--json``."""
    return f"{precision}, {views} view{'s' * (views != 1)}"


def side_by_side(model: Model, paths: Sequence[Path], repeats: int, out: Path) -> Found:
    """The plain method and ours in turn."""
    where = model.device
    known = ways(model)
    times: Times = {name: [] for name in (*PLAIN, *known)}
    plain, ours = dict[str, dict[int, tuple[Labels, dict[int, int]]]](), dict[str, Job]()
    agreement: Times = {"plain": [], **{precision: [] for precision, _ in known.values() if precision != "float32"}}
    truth = gold_of(paths)
    seg: Times = {name: [] for name in times} if truth else {}
    for precision, views in known.values():  # the first use of anything takes longer
        whole_job(model, paths[:1], views, precision, out)
    with device.at_work(where):
        plain_maps(cast(BranchedERFNet, model.network), *np.zeros((2, CROP, CROP), np.float32))
    for repeat in range(repeats):
        for name, (precision, views) in known.items():
            ours[name] = whole_job(model, paths, views, precision, out)
            times[name].append(ours[name].seconds)
        t = 1 + repeat % (len(paths) - 1)
        for name, batch in PLAIN.items():
            begin = time.perf_counter()
            with device.at_work(where):
                seen = plain.setdefault(name, {})
                old = seen[t - 1][0] if t - 1 in seen else None
                seen[t] = plain_frame(model, (paths[t - 1], paths[t]), old, out, batch)
            times[name].append(time.perf_counter() - begin)
        single = ours["float32, 8 views"].masks[t].astype(np.int32)
        for name, values in agreement.items():
            values += jaccards(
                single, plain[name][t][0] if name in PLAIN else ours[named(name, 8)].masks[t].astype(np.int32)
            )
        if t in truth:
            for name, values in seg.items():
                found = plain[name][t][0] if name in PLAIN else ours[name].masks[t].astype(np.int32)
                values += jaccards(truth[t], found)
    agreed, covered = ({name: float(np.mean(v)) for name, v in one.items() if v} for one in (agreement, seg))
    return Found(times, agreed, covered, tra_of(paths, plain, ours) if truth else {})


def tra_of(
    paths: Sequence[Path], plain: Mapping[str, Mapping[int, tuple[Labels, dict[int, int]]]], ours: Mapping[str, Job]
) -> dict[str, float]:
    """TRA of each way on the frames that the plain method saw, which follow each other."""
    folder = paths[0].parent
    sequence, gold = layout.open_frame_folder(folder), folder.with_name(f"{folder.name}_GT")
    seen = sorted(plain["plain"])
    ways = {name: linked([frames[t] for t in seen]) for name, frames in plain.items()}
    for name, job in ours.items():
        ways[name] = [job.masks[t].astype(np.int32) for t in seen], job.parents
    scores = {name: tra(gold, sequence.first + seen[0], sequence.digits, *way) for name, way in ways.items()}
    return {name: score for name, score in scores.items() if score is not None}


def gold_of(paths: Sequence[Path]) -> dict[int, Labels]:
    """Index -> the gold masks of the frames that have some; none where no truth lies beside the movie."""
    folder = paths[0].parent
    if not folder.with_name(f"{folder.name}_GT").is_dir():
        return {}
    gold, sequence = layout.open_truth(folder).gold, layout.open_frame_folder(folder)
    numbers = {index: sequence.first + index for index in range(len(paths))}
    return {index: layout.read_labels(gold[number]) for index, number in numbers.items() if number in gold}


def stages(model: Model, paths: Sequence[Path], views: int, precision: str, out: Path) -> dict[str, float]:
    """Median seconds of each stage of a frame, one stage after the other."""
    config, spent = model.config, dict[str, list[float]]()
    tracker = Tracker(config, 0)
    predictor: Predictor | None = None

    def timed(name: str, work: Callable[..., T], *arguments: Any) -> T:
        begin = time.perf_counter()
        result = work(*arguments)
        spent.setdefault(name, []).append(time.perf_counter() - begin)
        return result

    def write(masks: Sequence[Mask]) -> None:
        for mask in masks:
            write_mask(out, mask)

    for path in paths:
        image = timed("read", layout.read_frame, path)
        frame = timed("normalise", lambda image: as_frame(image, config.scale, config.normalisation), image)
        predictor = predictor or new_predictor(model, (frame.shape[0], frame.shape[1]), views, precision)
        maps = timed("network", predictor, frame)
        maps = timed("to the frame's scale", to_frame, maps, (image.shape[0], image.shape[1]), config.scale)
        grey = frame_to(frame, (image.shape[0], image.shape[1]), config.scale)
        origin = timed("origins", origins, maps.shift, pixel_size(config))
        cells = timed("cluster", cells_of, maps, origin, grey, config.offsets.clustering, pixel_size(config))
        timed("write", write, timed("link", tracker.add, cells))
    timed("write", write, timed("link", tracker.finish))
    kinds = {name: mean if name in ("link", "write") else median for name in spent}  # those work for several frames
    return {name: kinds[name](times[min(2, len(times) - 1) :]) for name, times in spent.items()}


def new_predictor(model: Model, shape: tuple[int, int], views: int, precision: str) -> Predictor:
    """As ``infer.segment`` makes it for a long movie."""
    where = model.device
    tiles = plan_tiles(shape, model.config.tile, where, views)
    network, graphed = cast(BranchedERFNet, model.network), worth_a_graph("auto", where, None)
    return Predictor(Prepared(network, precision, model.config.ranges), tiles, views, graphed=graphed)


def rate(where: torch.device, precision: torch.dtype) -> float:
    """The machine's operations a second, in the best of a product of matrices and the network's main layer."""
    side = 2048 if where.type == "cpu" else 8192
    square = torch.randn(side, side, device=where, dtype=precision)
    layer = torch.nn.Conv2d(64, 64, (3, 1), padding=(1, 0), device=where, dtype=precision)
    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.randn(1, 64, 174, 158, device=where, dtype=precision).contiguous(memory_format=torch.channels_last)
    best = 0.0
    with torch.inference_mode(), device.at_work(where):
        for _ in range(7):
            for work, count in ((lambda: square @ square, 2 * side**3), (lambda: layer(image), 6 * 64**2 * 174 * 158)):
                begin = time.perf_counter()
                work().flatten()[0].item()  # waits for a GPU
                best = max(best, count / (time.perf_counter() - begin))
    return best


def operations(model: Model, shape: tuple[int, int], views: int) -> int:
    """Operations of the network for the views of a frame of this shape, were each frame seen once and whole."""
    height, width = (math.ceil(math.ceil(side * model.config.scale) / 8) * 8 for side in shape)
    network = BranchedERFNet().to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        features = network.encode(torch.empty(views, 1, height, width, device="meta"))
        network.segment(features)
        network.shift(features[:1], features[:1])
    return int(counter.get_total_flops())


def by_size(model: Model, scratch: Path, largest: int) -> dict[int, float]:
    """Seconds a frame of the whole job in one view and single precision against the side of a square frame."""
    found = {}
    for side in (side for side in SIZES if side <= largest):
        movie = scratch / f"size{side}"
        simulate(movie, frames=2, size=(side, side), cells=max(1, 30 * side**2 // (400 * 480)))
        paths = layout.open_frame_folder(movie / "01").paths
        repeats = 2 if side <= 2048 else 1
        jobs = (whole_job(model, paths, 1, "float32", scratch / "mask.tif") for _ in range(repeats))
        found[side] = median(job.seconds for job in jobs)
    return found


def by_cores(
    model: Model, paths: Sequence[Path], views: int, precision: str, out: Path, repeats: int
) -> dict[int, float]:
    """Median seconds a frame on 1, 2, 4, ... of the processor's cores, and on all, in turn.

    Threads that begin later stay on the cores that this one is given; where a system has no such thing, nothing is
    measured.
    """
    if model.device.type != "cpu" or not hasattr(os, "sched_setaffinity"):
        return {}
    cores, threads = sorted(os.sched_getaffinity(0)), torch.get_num_threads()
    powers = (2**k for k in range(len(cores).bit_length()))
    times: dict[int, list[float]] = {count: [] for count in sorted({*powers, len(cores)})}
    try:
        for _ in range(repeats):
            for count, seconds in times.items():
                os.sched_setaffinity(0, cores[:count])
                device.use_threads(count)
                seconds.append(whole_job(model, paths, views, precision, out).seconds)
    finally:
        os.sched_setaffinity(0, cores)
        device.use_threads(threads)
    return {count: median(seconds) for count, seconds in times.items()}


def by_cells(repeats: int = 7) -> dict[int, dict[str, float]]:
    """Seconds of processor time for clustering and for linking with lineage, 1024 x 1024, against the cells."""
    found = {}
    for cells in CELLS:
        maps = field(cells)[1]
        shift = np.random.default_rng(0).normal(0, 1.5 * STEP, maps.offset.shape).astype(np.float32)
        frame = cells_of(maps, origins(shift, STEP), maps.seediness, SETTINGS, STEP)
        tracker, times = Tracker(ModelConfig(), 0), {"cluster": [0.0], "link": [0.0]}
        for _ in range(repeats + 1):
            marks = [time.process_time()]
            cluster(maps, SETTINGS, STEP)
            marks.append(time.process_time())
            tracker.add(frame)
            marks.append(time.process_time())
            for name, seconds in zip(times, np.diff(marks).tolist(), strict=True):
                times[name].append(seconds)
        found[cells] = {name: mean(values[2:]) for name, values in times.items()}
    return found


def peak_of(paths: Sequence[Path], model: Path) -> int:
    """The most bytes that ``infer`` holds for a movie of these frames, in one view."""
    with tempfile.TemporaryDirectory() as folder:
        movie = Path(folder) / "01"
        movie.mkdir()
        for path in paths:
            (movie / path.name).symlink_to(path.resolve())
        return 1024 * peak(movie, model, movie.with_name("01_RES"))


def plain_peak(paths: Sequence[Path], model: Path) -> int:
    """The most bytes that the plain method holds for a frame, in a process of its own."""
    words = [sys.executable, "-c", PLAIN_PEAK, str(model), *map(str, paths[:2])]
    run = subprocess.run(words, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return 1024 * int(run.stdout)


def default_way(model: Model) -> tuple[str, int]:
    """The precision and the views that a user gets who sets nothing."""
    options = Segmenter(model, Options(device=str(model.device))).options
    assert options.precision
    assert options.views
    return options.precision, options.views


def exponent(points: dict[int, float]) -> float:
    """P of the best fit y = a x^p."""
    return float(np.polyfit(np.log(list(points)), np.log(list(points.values())), 1)[0])


def measure(
    model_folder: Path, sequence: Path, device_name: str, repeats: int, frames: int, largest: int
) -> dict[str, Any]:
    """Everything, as one object for ``--json``."""
    where = device.choose(device_name)
    paths, shape = layout.open_frame_folder(sequence).paths[:frames], layout.open_frame_folder(sequence).shape
    memory = peak_of(paths, model_folder) if where.type == "cpu" else None  # first: a child inherits its parent's peak
    plain_memory = plain_peak(paths, model_folder) if where.type == "cpu" else None
    model = checkpoint.load(model_folder)
    device.move(model.network, where)
    known, (precision, views) = ways(model), default_way(model)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        times, agreement, seg, tras = side_by_side(model, paths, repeats, scratch / "mask.tif")
        shares = {name: stages(model, paths, v, p, scratch / "mask.tif") for name, (p, v) in known.items()}
        cores = by_cores(model, paths, views, precision, scratch / "mask.tif", repeats)
        sizes, cells = by_size(model, scratch, largest), by_cells()
    middle = {name: median(values) for name, values in times.items()}
    usual = named(precision, views)
    attainable = {
        name: operations(model, shape, views) / rate(where, getattr(torch, precision))
        for name, (precision, views) in known.items()
        if precision != "int8"  # of which torch has no product of matrices
    }
    return {
        "movie": f"{sequence.parent.name}/{sequence.name}",
        "shape": shape,
        "scale": model.config.scale,
        "device": str(where),
        "threads": torch.get_num_threads(),
        "seconds": middle,
        "spread": {name: [min(values), max(values)] for name, values in times.items()},
        **{
            f"ratio_{SHORT[precision]}": middle["plain"] / middle[name]
            for name, (precision, views) in known.items()
            if views == 8
        },
        "attainable": attainable,
        "ratio_attainable": middle["float32, 8 views"] / attainable["float32, 8 views"],
        "ratio_network": {name: middle[name] / share["network"] for name, share in shares.items()},
        "stages": shares,
        "agreement": agreement,
        "seg": seg,
        "tra": tras,
        "default": usual,
        "ratio_default": middle["plain"] / middle[usual],
        "seconds_by_cores": cores,
        "seconds_by_size": sizes,
        "growth_with_pixels": exponent(sizes) / 2,
        "seconds_by_cells": cells,
        "growth_with_cells": {
            name: exponent({n: times[name] for n, times in cells.items()}) for name in ("cluster", "link")
        },
        "peak_bytes_one_view": memory,
        "peak_bytes_plain": plain_memory,
        "peak_bytes_here": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def default_sequence(scratch: Path) -> Path:
    """A real movie of 690 x 628 where there is one, else a simulated one."""
    real = Path(os.environ.get("DATA_ROOT") or REPOSITORY.parent) / DEMO_MODEL / "01"
    if real.is_dir():
        return real
    simulate(scratch / "simulated", frames=12, size=SHAPE, cells=45)
    return scratch / "simulated" / "01"


def main(
    sequence: Annotated[Path | None, typer.Option(help="The movie, by default one of 690 x 628.")] = None,
    model: Annotated[Path | None, typer.Option(help="Its weights.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    repeats: Annotated[int, typer.Option(help="How often everything is measured, in turn.", min=1)] = 3,
    frames: Annotated[int, typer.Option(help="Frames of a measured movie.", min=3)] = 6,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot_to: Annotated[Path | None, typer.Option(help="Draw the growth, e.g. docs/speed.svg.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write the section of docs/speed.md, e.g. section.md.")] = None,
    largest: Annotated[int, typer.Option(help="The largest side of a frame, from 512 to 8192.", min=512)] = 8192,
) -> None:
    """Measure, print the tables, and write what was asked for."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = sequence or default_sequence(Path(scratch))
        found = measure(model or models() / DEMO_MODEL, folder, device, repeats, frames, largest)
    if write:
        write.write_text(section(found, "speed.svg"))
    if plot_to:
        plot(found, plot_to)
    if json:
        typer.echo(json_format.dumps(found))
    else:
        Console().print(*table(found), f"cells that agree, mean Jaccard index: {found['agreement']}")


if __name__ == "__main__":
    typer.run(main)
