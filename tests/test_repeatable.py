"""Equal input, weights and device give equal bytes: from run to run, with any number of threads, live or afterwards."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from embedtrack.challenge.convention import REPOSITORY, job, models
from embedtrack.challenge.evaluate import evaluate
from embedtrack.inference.track import track
from embedtrack.model_files import WEIGHTS
from embedtrack.options import Options
from embedtrack.simulate.movie import simulate


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames that are no multiple of eight, with cells that divide."""
    folder = tmp_path_factory.mktemp("data") / "toy"
    simulate(folder, seed=3, frames=4, size=(150, 203), cells=12)
    shutil.copytree(next(models().glob(f"*/{WEIGHTS}")).parent, folder / "model")
    return folder / "01"


def digest(movie: Path, out: Path, threads: int, command: str = "infer", *more: str) -> str:
    """One hash of all files of a result that a process of its own has made."""
    words = [command, str(movie), "--model", str(movie.parent / "model"), "--out", str(out), "--device", "cpu", *more]
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-m", "embedtrack", *words], env=environment, capture_output=True, check=True)
    files = sorted(out.iterdir())
    assert len(files) == 5
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def test_runs_and_threads_give_equal_bytes(movie: Path, tmp_path: Path):
    assert digest(movie, tmp_path / "three", threads=3) == digest(movie, tmp_path / "one", threads=1)


def test_watching_gives_the_bytes_of_infer_and_notes_the_same(movie: Path, tmp_path: Path):
    first = digest(movie, tmp_path / "all_RES", 1, "infer", "--views", "1")
    assert digest(movie, tmp_path / "live_RES", 1, "watch", "--views", "1", "--idle", "0.2") == first
    notes = [json.loads((tmp_path / f"{name}_RES.json").read_text())["known"] for name in ("all", "live")]
    for note in notes:
        assert note.pop("finished")
        assert note.pop("seconds") > 0
        assert note["used"].pop("peak_memory_mb") > 0
        assert note["used"].pop("cut_short", None) is None  # a movie may end in a damaged frame, a recording goes on
    assert notes[0] == notes[1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_scores_as_the_processor(tmp_path: Path):
    sequence, model, _ = job("demo", "01")
    scores = []
    for device in ("cpu", "cuda"):
        track(sequence, model, tmp_path / device, Options(views=1, device=device))
        scores.append(evaluate(sequence.with_name("01_GT"), tmp_path / device))
    for measure in ("SEG", "DET", "TRA"):
        assert scores[1][measure] == pytest.approx(scores[0][measure], abs=0.002)
