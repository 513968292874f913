"""Whether this installation works: versions, device, memory, places, weights, and a short run whose answer is known.

Nothing heavy is imported before a check needs it, so that a broken package is a finding and no crash.
"""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from embedtrack import __version__
from embedtrack.challenge import DEMO_MODEL, REPOSITORY, model_names, models
from embedtrack.folder import CARD, CONFIG, WEIGHTS, digest, noted_digest

REFERENCE = {"float32": 2.1, "bfloat16": 3.8}
"""Frames of 512 x 512 in one view in a second of one core: an AMD EPYC with AVX512-BF16, one thread, its own time."""
SMALL = 1.5e9
"""Bytes of memory with which frames of a megapixel are already cut into tiles."""
FULL = 1e9
"""Bytes on a disk below which a long movie's masks may not fit."""


class Finding(NamedTuple):
    """What was looked at, what it is, and what is wrong with it."""

    topic: str
    text: str
    fault: str = ""
    """Why it is broken, and how to mend it; empty where it is not."""


def examine(device_name: str = "auto", seconds: float = 10) -> Iterator[Finding]:
    """Look at everything; each finding comes when it is known.

    Args:
        device_name: as of ``infer``.
        seconds: of the speed test; 0 for none.
    """
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "program": _program,
        "packages": _packages,
        "device": lambda: _device(device_name),
        "memory": _memory,
        "places": _places,
        "weights": _weights,
        "run": lambda: _run(device_name),
        "speed": lambda: _speed(device_name, seconds) if seconds else (),
    }
    for topic, check in checks.items():
        try:
            yield from check()
        except Exception as error:  # whatever is broken, the others are looked at
            yield Finding(topic, "", f"{type(error).__name__}: {error}")


def line(finding: Finding) -> str:
    """As it is printed."""
    told = f"BROKEN {finding.fault}" if finding.fault else ""
    return f"{finding.topic + ':':<16} {'; '.join(filter(None, (finding.text, told)))}"


def _program() -> Iterator[Finding]:
    from embedtrack.provenance import revision

    yield Finding("program", f"embedtrack {__version__}, commit {revision()}, in {_short(REPOSITORY)}")
    version = ".".join(map(str, sys.version_info[:3]))
    fault = "" if sys.version_info >= (3, 11) else "expected Python 3.11 or later"
    yield Finding("python", f"{version} on {platform.platform()}, {_short(Path(sys.executable))}", fault)


def _packages() -> Iterator[Finding]:
    """Each requirement that is missing or of another version; extras of which all is there, or some."""
    for extra, requirements in _requirements().items():
        found = {requirement.name: _version(requirement.name) for requirement in requirements}
        missing = [name for name, version in found.items() if version is None]
        others = [
            f"{requirement.name} {found[requirement.name]} instead of {requirement.specifier}"
            for requirement in requirements
            if found[requirement.name] and not requirement.specifier.contains(str(found[requirement.name]))
        ]
        if extra:
            state = f"not installed: {', '.join(missing)}" if missing else "installed"
            yield Finding(f"extra {extra}", "; ".join([state, *others]))
            continue
        fault = f"missing: {', '.join(missing)}; install the program anew: pip install ." if missing else ""
        shown = ", ".join(f"{name} {version}" for name, version in found.items() if version)
        yield Finding("packages", shown, fault)
        if others:
            yield Finding("versions", f"not those that it was tested with: {'; '.join(others)}")


def _requirements() -> dict[str, list[Requirement]]:
    """What the program ("") and each extra ask for, from the checkout's lists or the installed package's."""
    listed, project = REPOSITORY / "requirements.txt", REPOSITORY / "pyproject.toml"
    if project.is_file() and listed.is_file():
        extras = tomllib.loads(project.read_text())["project"]["optional-dependencies"]
        lines = {"": listed.read_text().split(), **extras}
        return {name: list(map(Requirement, texts)) for name, texts in lines.items() if texts and name != "all"}
    known: dict[str, list[Requirement]] = {"": []}
    about = importlib.metadata.metadata("embedtrack")
    extras = [name for name in about.get_all("Provides-Extra") or () if name != "all"]
    for requirement in map(Requirement, importlib.metadata.requires("embedtrack") or ()):
        for extra in ["", *extras]:
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            if wanted and (not extra or requirement not in known[""]):
                known.setdefault(extra, []).append(requirement)
    return known


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device(name: str) -> Iterator[Finding]:
    import torch

    from embedtrack.device import choose, fast_precision

    device = choose(name)
    if device.type == "cuda":
        what = f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    else:
        what = f"{platform.machine()} {_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    yield Finding("device", f"{device}: {what}, {fast_precision(device)} is fastest, torch {torch.__version__}")
    if device.type == "cpu" and shutil.which("nvidia-smi"):
        yield Finding("device", "there is an NVIDIA driver, but torch sees no GPU: is it torch for CPUs, or older?")


def _processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _memory() -> Iterator[Finding]:
    import torch

    from embedtrack.device import choose, memory

    built_in = memory(torch.device("cpu"))
    allowed = _allowed() or built_in
    text = f"{built_in / 1e9:.1f} GB" + (f", of which {allowed / 1e9:.1f} GB are allowed" if allowed < built_in else "")
    small = min(allowed, built_in) < SMALL
    yield Finding("memory", text + ("; little: large frames may not fit, see docs/faq.md" if small else ""))
    if choose().type == "cuda":
        free, total = torch.cuda.mem_get_info()
        yield Finding("memory", f"GPU: {total / 1e9:.1f} GB, {free / 1e9:.1f} GB free")


def _allowed() -> int | None:
    """What a container allows, in bytes."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _places() -> Iterator[Finding]:
    """The working folder, the folder for temporary files, and that of compiled code."""
    fault = "" if os.access(".", os.W_OK) else "nothing can be written there: change to another folder"
    yield Finding("working folder", f"{_short(Path.cwd())}, {_free(Path.cwd())}", fault)
    try:
        scratch = Path(tempfile.gettempdir())
        yield Finding("temporary files", f"{_short(scratch)}, {_free(scratch)}")
    except OSError:
        yield Finding("temporary files", "no folder can be written: set TMPDIR if something asks for one")
    from embedtrack.instances import cluster

    cache = getattr(cluster._gather, "_cache", None)
    path = Path(str(getattr(cache, "cache_path", "")))
    kept = f"kept in {_short(path)}" if cache and path.is_dir() and os.access(path, os.W_OK) else "not kept here"
    yield Finding("compiled code", kept)


def _free(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    return f"{free / 1e9:.1f} GB free" + (", which is little" if free < FULL else "")


def _weights() -> Iterator[Finding]:
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
        yield Finding("models", _short(models()), "no weights there: restore them, or set EMBEDTRACK_MODELS")


def _run(device_name: str) -> Iterator[Finding]:
    """Track a simulated movie, whose truth is known."""
    from embedtrack.aogm import match_labels
    from embedtrack.data.ctc import read_labels
    from embedtrack.infer import track
    from embedtrack.simulate import simulate

    with tempfile.TemporaryDirectory() as scratch:
        movie, result = Path(scratch) / "toy", Path(scratch) / "toy" / "01_RES"
        simulate(movie, seed=7, frames=3, size=(192, 256), cells=12)
        begin = time.perf_counter()
        track(movie / "01", models() / DEMO_MODEL, result, views=1, device_name=device_name)
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


def _speed(device_name: str, seconds: float) -> Iterator[Finding]:
    """Frames in a second in one view, in each precision that is of use here."""
    import numpy as np

    from embedtrack import checkpoint
    from embedtrack.device import choose, fast_precision, keep_memory, place
    from embedtrack.networks.predict import Predictor, plan_tiles

    device = choose(device_name)
    model = checkpoint.load(models() / DEMO_MODEL)
    place(model.network, device)
    keep_memory()
    precisions = dict.fromkeys(["float32", fast_precision(device)])
    for precision in precisions:
        frame = np.random.default_rng(0).normal(0, 1, (512, 512)).astype(np.float32)
        predictor = Predictor(model.network, plan_tiles((512, 512), model.config.tile, device, 1), 1, precision)
        predictor(frame)
        predictor(frame)
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds / len(precisions):
            predictor(frame)
            count += 1
        rate = count / (time.perf_counter() - begin)
        share = f"{rate / REFERENCE[precision]:.1f} times one core of an EPYC with AVX512-BF16"
        yield Finding("speed", f"{precision}: {rate:.2f} frames of 512 x 512 a second in one view, {share}")


def _short(path: Path) -> str:
    """A path without the user's name."""
    return str(path).replace(str(Path.home()), "~") if len(str(Path.home())) > 1 else str(path)
