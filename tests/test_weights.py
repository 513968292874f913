"""The shipped weights, on the demo and on the validation frames of real movies."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.scoring import SILVER, score
from benchmarks.validation import frames_of
from embedtrack import checkpoint
from embedtrack.challenge.convention import REPOSITORY, job
from embedtrack.challenge.evaluate import evaluate
from embedtrack.checkpoint import WEIGHTS
from embedtrack.inference.track import track
from embedtrack.options import Options

ROW = r"^\| (\S+) \| (\d\d): ([\d to]+) \| ([18])" + 6 * r" \| (\S+)" + r" \|$"
"""Data set, movie, frames, views and MEASURED in the table of docs/results.md."""
MEASURED = ("SEG", SILVER, "DET", "TRA", "LNK", "BIO")
MODELS = sorted(path.parent for path in (REPOSITORY / "models").glob(f"*/{WEIGHTS}"))


class Claim(NamedTuple):
    """A row of the page."""

    dataset: str
    movie: str
    frames: str
    views: int
    values: dict[str, float]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_every_model_is_small_and_has_its_card(model: Path):
    assert (model / WEIGHTS).stat().st_size < 6e6
    card = (model / "README.md").read_text().lower()
    assert all(word in card for word in ("data and terms", "training", "scores", "seed"))


def test_the_demo(tmp_path: Path):
    """In one view; docs/speed.md says .898."""
    sequence, model, _ = job("demo", "01")
    track(sequence, model, tmp_path / "01_RES", Options(views=1))
    scores = evaluate(sequence.with_name("01_GT"), tmp_path / "01_RES")
    assert scores["SEG"] > 0.895
    assert scores["TRA"] > 0.985


def claims() -> Iterator[Claim]:
    """What docs/results.md says of each movie in one view, and of the simulated nuclei in eight too."""
    page = (REPOSITORY / "docs" / "results.md").read_text()
    for name, movie, frames, views, *cells in re.findall(ROW, page, re.M):
        if views == "1" or name == "Fluo-N2DH-SIM+":
            values = {measure: float(cell) for measure, cell in zip(MEASURED, cells, strict=True) if cell != "-"}
            yield Claim(name, movie, frames, int(views), values)


@pytest.mark.slow
@pytest.mark.parametrize("claim", list(claims()), ids=lambda claim: f"{claim.dataset}/{claim.movie} in {claim.views}")
def test_shipped_weights_score_what_is_claimed(claim: Claim):
    folder = Path(os.environ.get("DATA_ROOT", "")) / claim.dataset / claim.movie
    if not os.environ.get("DATA_ROOT") or not folder.is_dir():
        pytest.skip(f"DATA_ROOT has no {claim.dataset}/{claim.movie}")
    frames = frames_of(REPOSITORY / "models" / claim.dataset, folder)
    assert claim.frames.split(" to ") == [str(n) for n in dict.fromkeys((frames[0], frames[-1]))]
    found = score(folder, checkpoint.load(REPOSITORY / "models" / claim.dataset), claim.views, frames)
    assert {measure: found[measure] for measure in claim.values} == pytest.approx(claim.values, abs=0.003)
