"""Our linking beside that of other trackers, on the same masks: ``python -m benchmarks.linking``.

Masks with faults come from somebody else's segmentation (``Fluo-N2DL-HeLa/01_ERR_SEG``), from truth's masks of which
some are dropped, merged and split at stated rates (``Fluo-N2DL-HeLa/01``), or from a simulated movie with the same
faults (``simulated:3``, its seed). Each tracker runs in a process of its own, with what its own documentation gives,
see ``benchmarks/trackers.py``; one whose package is not there is named as missing. ``just trackers`` installs them.
"""

import json as json_format
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from ctc_metrics import metrics
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.perturb import Rates, perturb
from benchmarks.scoring import markdown
from benchmarks.trackers import TRACKERS, renumbered
from embedtrack.challenge import layout
from embedtrack.challenge.aogm import match_labels
from embedtrack.challenge.convention import DEMO_MODEL, REPOSITORY, data_root, dataset_of, model_names
from embedtrack.challenge.evaluate import evaluate
from embedtrack.challenge.scores import Scores, cut
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.cli.display import start_logging
from embedtrack.movies.masks import open_masks
from embedtrack.simulate.movie import simulate
from embedtrack.tracked import Tracked
from embedtrack.truth.merge import merge
from embedtrack.types import Labels, Track

log = logging.getLogger("embedtrack")

MEASURES = ("LNK", "CT", "TF", "BC", "CCA", "BIO", "OP_CLB", "CHOTA")
DEFAULT = ("Fluo-N2DL-HeLa/01_ERR_SEG", "Fluo-N2DL-HeLa/01", "simulated:1")
SIMULATED = 48
"""At most so many frames of a simulated movie."""
Row = dict[str, Any]


class Case(NamedTuple):
    """Masks to link, and the truth to hold the result against."""

    name: str
    labels: NDArray[np.int32]
    """int32[T, H, W], 1 to n in each frame."""
    movie: Path
    """The folder of the frames; truth lies beside it."""
    first: int
    """Number of the first frame."""
    model: str | None
    """The shipped model for such cells."""

    @property
    def frames(self) -> range:
        """The numbers of the frames."""
        return range(self.first, self.first + len(self.labels))


def case_of(name: str, frames: int, rates: Rates, seed: int, scratch: Path) -> Case:
    """The masks that a name means: ``DATASET/01_ERR_SEG``, ``DATASET/01`` or ``simulated:SEED``.

    Raises:
        ValueError: there are none of this name.
    """
    if name.startswith("simulated:"):
        number = name.partition(":")[2]
        if not number.isdigit():
            raise ValueError(f"expected simulated:SEED, e.g. simulated:1, got {name}")
        folder = scratch / "simulated"
        simulate(folder, seed=int(number), frames=min(frames, SIMULATED), name=f"{int(number):02d}")
        return with_faults(name, folder / f"{int(number):02d}", frames, rates, seed, DEMO_MODEL)
    folder = data_root() / name
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected masks or a sequence with truth, got nothing of this name; set DATA_ROOT")
    shipped = folder.parent.name if folder.parent.name in model_names() else None
    if "_" not in folder.name:
        return with_faults(name, folder, frames, rates, seed, shipped)
    masks = open_masks(folder)
    labels = renumbered(masks.frames[:frames])
    return Case(name, labels, folder.with_name(folder.name.partition("_")[0]), masks.first, shipped)


def with_faults(name: str, movie: Path, frames: int, rates: Rates, seed: int, model: str | None) -> Case:
    """The masks of a sequence's truth, with faults."""
    truth = layout.open_truth(movie)
    numbers = sorted(truth.markers)[:frames]
    labels = [perturb(true_masks(truth, number), rates, seed, number) for number in numbers]
    return Case(name, np.stack(labels), movie, numbers[0], model)


def true_masks(truth: layout.Truth, number: int) -> Labels:
    """int32[H, W]: the masks of a frame with their tracks' labels; a marker where no mask is known."""
    known = [layout.read_labels(source[number]) for source in (truth.silver, truth.gold) if number in source]
    labels = merge(known, layout.read_labels(truth.markers[number])).labels
    return np.where(labels > 0, labels, 0).astype(np.int32)


def run(tracker: str, case: Case, given: Path, limit: float) -> tuple[Row, Tracked | None]:
    """Let a tracker link in a process of its own: what is known of the run, and what it made, if anything."""
    package, out = TRACKERS[tracker].package, given.with_name("out.npz")
    row: Row = {"masks": case.name, "frames": len(case.labels), "tracker": tracker}
    if package and find_spec(package) is None:
        return {**row, "fault": "not installed: just trackers"}, None
    if tracker == "embedtrack, offsets" and case.model is None:
        return {**row, "fault": "no shipped model for these cells"}, None
    out.unlink(missing_ok=True)
    words = [sys.executable, "-m", "benchmarks.trackers", tracker, str(given), str(out)]
    try:
        done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        return {**row, "fault": f"not done in {limit:.0f} s"}, None
    if done.returncode or not out.exists():
        return {**row, "fault": last_words(done.stderr) or f"exit code {done.returncode}"}, None
    with np.load(out) as file:
        tracks = [Track(*line) for line in file["tracks"].tolist()]
        shape = (case.labels.shape[1], case.labels.shape[2])
        result = Tracked(list(file["masks"].astype(np.int32)), tracks, shape, case.first)
        about = {"version": str(file["version"]), "seconds": float(file["seconds"]), "MB": float(file["megabytes"])}
    return {**row, **about, "tracks": len(result.tracks)}, result


def last_words(stderr: str) -> str:
    """The last line that names an error and says something of it."""
    lines = [line.strip() for line in stderr.splitlines() if "Error: " in line or "error: " in line]
    return (lines or stderr.strip().splitlines() or [""])[-1][:200]


def score(case: Case, result: Tracked, scratch: Path) -> Scores:
    """All measures of a result."""
    out = scratch / "result" / f"{case.movie.name}_RES"
    write_tracked(result, out)
    rules, gold = dataset_of(case.movie), case.movie.with_name(f"{case.movie.name}_GT")
    scores = evaluate(gold, out, cycle_tolerance=rules.cycle_tolerance, frames=case.frames)
    return {**scores, "CHOTA": chota(gold, out, case.frames)}


def chota(gold: Path, result: Path, frames: range) -> float | None:
    """The higher order tracking accuracy of Kaiser et al., by py-ctcmetrics; None where no frame has a cell."""
    truth, made = layout.open_truth(gold.with_name(gold.name.removesuffix("_GT"))), open_tracked(result)
    matches = [match_labels(layout.read_labels(truth.markers[n]), made.masks[n - made.first]) for n in frames]
    if not any(match.cells for match in matches) or not any(match.found for match in matches):
        return 0.0 if any(match.cells for match in matches) else None
    tracks = [
        np.array(cut(table, frames[0], frames[-1]), np.int64)
        for table in (
            truth.tracks,
            [t._replace(begin=t.begin + made.first, end=t.end + made.first) for t in made.tracks],
        )
    ]
    columns = ([getattr(match, part) for match in matches] for part in ("cells", "masks", "found", "finders"))
    return float(metrics.chota(*tracks, *columns)["CHOTA"])


def compare(case: Case, trackers: list[str], limit: float) -> Iterator[Row]:
    """A row for each tracker."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        given = scratch / "given.npz"
        np.savez(given, labels=case.labels, raw=str(case.movie.resolve()), model=case.model or "")
        for tracker in trackers:
            row, result = run(tracker, case, given, limit)
            if result is not None:
                scores = score(case, result, scratch)
                row |= {name: scores.get(name) for name in (*MEASURES, "TRA", "DET")}
            yield row


def tabulate(rows: list[Row]) -> Table:
    """The rows for people; what could not run says why."""
    table = Table("masks", "tracker", *MEASURES, "seconds", "MB")
    for row in rows:
        name = f"{row['tracker']} {row.get('version', '')}".strip()
        values = [row.get(measure) for measure in MEASURES]
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        if "fault" in row:
            table.add_row(row["masks"], name, row["fault"], *[""] * (len(MEASURES) + 1))
        else:
            table.add_row(row["masks"], name, *cells, f"{row['seconds']:.1f}", f"{row['MB']:.0f}")
    return table


def main(
    masks: Annotated[list[str] | None, typer.Argument(help="DATASET/01_ERR_SEG, DATASET/01, simulated:SEED.")] = None,
    tracker: Annotated[list[str] | None, typer.Option(help=f"{'; '.join(TRACKERS)}; again for more.")] = None,
    frames: Annotated[int, typer.Option(min=2, help="At most so many of the first ones.")] = 10_000,
    drop: Annotated[float, typer.Option(help="Share of truth's cells that vanish.")] = 0.03,
    merge: Annotated[float, typer.Option(help="Share that become one with a neighbour.")] = 0.03,
    split: Annotated[float, typer.Option(help="Share that are cut in two.")] = 0.03,
    seed: Annotated[int, typer.Option(min=0, help="Of these faults.")] = 0,
    limit: Annotated[float, typer.Option(help="Seconds that a tracker may take for a movie.")] = 3600,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a row.")] = False,
    out: Annotated[Path | None, typer.Option(help="Writes the table there too, as Markdown.")] = None,
) -> None:
    """Compare trackers on the same masks."""
    start_logging()
    unknown = sorted(set(tracker or ()) - set(TRACKERS))
    if unknown:
        raise typer.BadParameter(f"expected --tracker {', '.join(TRACKERS)}, got {', '.join(unknown)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in masks or DEFAULT:
            case = case_of(name, frames, Rates(drop, merge, split), seed, Path(scratch))
            for row in compare(case, tracker or list(TRACKERS), limit):
                log.info("%s: %s", row["masks"], {k: v for k, v in row.items() if k != "masks"})
                rows.append(row)
                if json:
                    typer.echo(json_format.dumps(row))
    table = tabulate(rows)
    if not json:
        Console(width=180).print(table)
    if out:
        out.write_text(markdown(table) + "\n")


if __name__ == "__main__":
    typer.run(main)
