"""The shipped weights, on the demo and on the validation frames of real movies."""

import os
from pathlib import Path

import pytest

from benchmarks.scoring import score
from benchmarks.validation import held_back
from embedtrack import checkpoint
from embedtrack.challenge.convention import REPOSITORY, job
from embedtrack.challenge.evaluate import evaluate
from embedtrack.checkpoint import WEIGHTS
from embedtrack.inference.track import track
from embedtrack.options import Options

MODELS = sorted(path.parent for path in (REPOSITORY / "models").glob(f"*/{WEIGHTS}"))


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_every_model_is_small_and_has_its_card(model: Path):
    assert (model / WEIGHTS).stat().st_size < 6e6
    card = (model / "README.md").read_text().lower()
    assert all(word in card for word in ("data and terms", "training", "scores", "seed"))


def test_the_demo(tmp_path: Path):
    sequence, model, _ = job("demo", "01")
    track(sequence, model, tmp_path / "01_RES", Options(views=1))
    scores = evaluate(sequence.with_name("01_GT"), tmp_path / "01_RES")
    assert scores["SEG"] > 0.80
    assert scores["TRA"] > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("views", [1, 8])
def test_validation_frames_of_the_simulated_nuclei(views: int):
    """Means over the last frames of both movies, and the lowest that either may reach."""
    dataset = Path(os.environ.get("DATA_ROOT", "")) / "Fluo-N2DH-SIM+"
    if not os.environ.get("DATA_ROOT") or not (dataset / "02").is_dir():
        pytest.skip("DATA_ROOT has no Fluo-N2DH-SIM+")
    model = checkpoint.load(REPOSITORY / "models" / "Fluo-N2DH-SIM+")
    found = [score(dataset / name, model, views, held_back(dataset / name, 0.1)) for name in ("01", "02")]
    segs, tras = ([scores[measure] for scores in found] for measure in ("SEG", "TRA"))
    assert sum(segs) / 2 > 0.80
    assert sum(tras) / 2 > 0.96
    assert min(segs) > 0.74
    assert min(tras) > 0.94
