"""The work itself: whole weights, a run whose answer is known, and its speed."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from embedtrack.challenge.convention import DEMO_MODEL, model_names, models
from embedtrack.doctor.finding import Finding, short
from embedtrack.model_files import CARD, CONFIG, WEIGHTS, digest, noted_digest

REFERENCE = {"float32": 2.1, "bfloat16": 3.8}
"""Frames of 512 x 512 in one view in a second of one core: an AMD EPYC with AVX512-BF16, one thread, its own time."""


def weights() -> Iterator[Finding]:
    """Every model's weights must be whole, and those that its card notes."""
    from embedtrack import checkpoint

    for name in model_names():
        folder = models() / name
        found, noted = digest(folder / WEIGHTS), noted_digest(folder / CARD)
        text = f"sha256 {found}" + ("" if noted else ", which its card does not note")
        fault = f"its card notes {noted}: restore {WEIGHTS}, {CONFIG} and {CARD}" if noted not in ("", found) else ""
        try:
            checkpoint.load(folder)
        except ValueError as error:
            fault = str(error)
        yield Finding(f"model {name}", text, fault)
    if not model_names():
        yield Finding("models", short(models()), "no weights there: restore them, or set EMBEDTRACK_MODELS")


def run(device_name: str) -> Iterator[Finding]:
    """Track a simulated movie, whose truth is known."""
    from embedtrack.challenge.aogm import match_labels
    from embedtrack.challenge.layout import read_labels
    from embedtrack.inference.track import track
    from embedtrack.options import Options
    from embedtrack.simulate.movie import simulate

    if not (models() / DEMO_MODEL).is_dir():
        yield Finding("run", f"left out: it wants {DEMO_MODEL}, which is not among the models")
        return
    with tempfile.TemporaryDirectory() as scratch:
        movie, result = Path(scratch) / "toy", Path(scratch) / "toy" / "01_RES"
        simulate(movie, seed=7, frames=3, size=(192, 256), cells=12)
        begin = time.perf_counter()
        track(movie / "01", models() / DEMO_MODEL, result, Options(views=1, device=device_name))
        spent = time.perf_counter() - begin
        cells = found = 0
        for truth in sorted((movie / "01_GT" / "TRA").glob("*.tif")):
            match = match_labels(read_labels(truth), read_labels(result / truth.name.replace("man_track", "mask")))
            cells, found = cells + len(match.cells), found + len(match.found)
    fault = (
        "" if found >= 0.9 * cells else "results are wrong here: try --device cpu --precision float32, and report it"
    )
    yield Finding(
        "run", f"{found} of {cells} simulated cells found; 3 frames in {spent:.1f} s with first loading", fault
    )


def speed(device_name: str, seconds: float) -> Iterator[Finding]:
    """Frames in a second in one view, in each precision that is of use here."""
    import numpy as np

    from embedtrack import checkpoint
    from embedtrack.inference.segmenter import Segmenter
    from embedtrack.inference.settled import fastest
    from embedtrack.machine.device import choose
    from embedtrack.machine.heap import keep_memory
    from embedtrack.options import Options

    if not (models() / DEMO_MODEL).is_dir():
        return
    device = choose(device_name)
    model = checkpoint.load(models() / DEMO_MODEL)
    keep_memory()
    precisions = dict.fromkeys(["float32", fastest(model.config, device)])
    for precision in precisions:
        frame = np.random.default_rng(0).normal(0, 1, (512, 512)).astype(np.float32)
        predictor = Segmenter(model, Options(views=1, device=str(device), precision=precision)).predictor()
        predictor.launch(frame, (512, 512)).cells()
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds / len(precisions):
            predictor.launch(frame, (512, 512)).cells()
            count += 1
        rate = count / (time.perf_counter() - begin)
        known = REFERENCE.get(precision)
        share = f", {rate / known:.1f} times one core of an EPYC with AVX512-BF16" if known else ""
        yield Finding("speed", f"{precision}: {rate:.2f} frames of 512 x 512 a second in one view{share}")
