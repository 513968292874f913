"""Hashes of all that the program writes, to show that a change leaves it as it was.

    python -m benchmarks.fingerprint --write before.json      # on the old code
    python -m benchmarks.fingerprint --against before.json    # on the new code, on the same machine

Each line is one command in a process of its own, in float32 on the CPU with one thread: the demo in one and eight views
by every shipped model, ``watch``, the demo's scores, fifty steps of a training on a simulated movie with every part of
the loss, each export, the tables, and two frames of each real movie in ``$DATA_ROOT``. ``--quick`` leaves the eight
views and most models out. Hashes of two machines differ where their processors add in another order, so none are kept.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import tifffile

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = REPOSITORY / "models"
EXPORTS = ("isbi", "trackmate", "napari", "geff", "ome-zarr")
QUICK = ("Fluo-N2DH-SIM+", "DIC-C2DH-HeLa")
VOLATILE = re.compile(
    r'"(seconds|finished|created|uuid|minutes)": ?("[^"]*"|[0-9.e+-]+),?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
)
"""What differs from run to run within text files."""


class Case(NamedTuple):
    """One command, and what it wrote."""

    name: str
    words: list[str]
    output: Path | None
    """What it writes there, or on standard output."""


def main() -> None:
    """Run all cases; write their hashes, or compare them with older ones and fail where they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="the file for the hashes")
    parser.add_argument("--against", type=Path, help="a file of older hashes")
    parser.add_argument("--quick", action="store_true", help="one view, two models, no real movies")
    parser.add_argument("--only", default="", help="the cases whose names begin so")
    options = parser.parse_args()
    before = json.loads(options.against.read_text()) if options.against else {}
    found, differ = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), quick=options.quick):
            if not case.name.startswith(tuple(options.only.split(","))):
                continue
            found[case.name] = digest(case)
            verdict = "" if not before else "equal" if before.get(case.name) == found[case.name] else "DIFFERS"
            differ += [case.name] if verdict == "DIFFERS" else []
            sys.stdout.write(f"{case.name:50s} {found[case.name][:12]} {verdict}\n")
            sys.stdout.flush()
    if options.write:
        options.write.write_text(json.dumps(found, indent=1))
    if differ:
        sys.exit(f"{len(differ)} of {len(found)} differ: {', '.join(differ)}")


def cases(folder: Path, *, quick: bool) -> Iterator[Case]:
    """The commands, in an order in which each finds what it needs."""
    demo = REPOSITORY / "demo/01"
    for model in sorted(path.name for path in MODELS.iterdir() if (path / "config.json").is_file()):
        for views in (1, 8):
            if not quick or (model in QUICK and views == 1):
                yield infer(f"demo {model} {views}", demo, model, views, folder / f"{model}-{views}/01_RES")
    result = folder / "Fluo-N2DH-SIM+-1/01_RES"
    out = folder / "live/01_RES"
    yield Case(
        "watch", ["watch", str(demo), "--model", str(MODELS / QUICK[0]), "--out", str(out), "--views", "1",
                  "--device", "cpu", "--idle", "0.2"], out,
    )  # fmt: skip
    truth = REPOSITORY / "demo/01_GT"
    yield Case("evaluate", ["evaluate", str(truth), str(result), "--json"], None)
    for form in EXPORTS:
        out = folder / f"export-{form}"
        yield Case(f"export {form}", ["export", str(result), "--to", form, "--raw", str(demo), "--out", str(out)], out)
    out = folder / "cells.csv"
    yield Case("measure", ["measure", str(result), "--raw", str(demo), "--out", str(out)], out)
    yield from training(folder)
    if not quick:
        yield from real(folder)


def infer(name: str, movie: Path, model: str, views: int, out: Path) -> Case:
    """One movie through one model."""
    options = ["--views", str(views), "--device", "cpu", "--precision", "float32"]
    return Case(name, ["infer", str(movie), "--model", str(MODELS / model), "--out", str(out), *options], out)


def training(folder: Path) -> Iterator[Case]:
    """Some fifty steps on a simulated movie: all records of the loss, and the weights."""
    movies, out = folder / "simulated", folder / "trained"
    words = ["simulate", str(movies), "--seed", "5", "--frames", "13", "--size", "256", "256", "--cells", "12"]
    yield Case("simulate", words, movies)
    yield Case(
        "train", ["train", str(movies), "--out", str(out), "--epochs", "8", "--device", "cpu", "--seed", "1"], out
    )


def real(folder: Path) -> Iterator[Case]:
    """Two frames of each real movie through the model of its name, in eight views."""
    root = Path(os.environ.get("DATA_ROOT", ""))
    for model in sorted(path.name for path in MODELS.iterdir()):
        for movie in sorted((root / model).glob("[0-9][0-9]")) if os.environ.get("DATA_ROOT") else []:
            part = folder / "real" / model / movie.name
            part.mkdir(parents=True)
            frames = sorted(movie.glob("t*.tif"))[:2]
            for number, frame in enumerate(frames):  # U373 has single frames, which are not consecutive
                shutil.copy(frame, part / f"t{number:03d}.tif")
            yield infer(f"{model}/{movie.name} 8", part, model, 8, part.with_name(f"{movie.name}_RES"))


def digest(case: Case) -> str:
    """Run a case in a process of its own and hash what it wrote, without what differs from run to run."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-m", "embedtrack", *case.words], env=environment, capture_output=True)
    if done.returncode:
        return f"exit code {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}"
    if case.output is None:
        return hashlib.sha256(done.stdout).hexdigest()
    files = sorted(path for path in case.output.rglob("*") if path.is_file()) or [case.output]
    total = hashlib.sha256()
    for path in files:
        if path.suffix in (".log", ".svg", ".jpg", ".md") or path.name.startswith("events."):
            continue  # they tell of times
        total.update(path.relative_to(case.output.parent).as_posix().encode())
        total.update(stable(path))
    return total.hexdigest()


def stable(path: Path) -> bytes:
    """The bytes of a file, of an image its pixels, of text what does not differ from run to run."""
    if path.suffix == ".tif":
        return tifffile.imread(path).tobytes()
    content = path.read_bytes()
    if path.suffix in (".json", ".jsonl", ".xml"):
        return VOLATILE.sub("", content.decode()).encode()
    return content


if __name__ == "__main__":
    main()
