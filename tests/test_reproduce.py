"""The benchmark as one command: planned, refused, killed and resumed, and told what a cluster is to be asked for."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.plan import BASE_MB, Plan
from benchmarks.table import row
from embedtrack.challenge.convention import REPOSITORY, models
from embedtrack.config import ModelConfig
from embedtrack.model_files import CONFIG, WEIGHTS
from embedtrack.simulate.movie import simulate


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two data sets of two movies."""
    for number, dataset in enumerate(("A+", "B")):
        for movie in ("01", "02"):
            simulate(tmp_path / "data" / dataset, seed=number, frames=4, size=(96, 128), cells=4, name=movie)
    return tmp_path / "data"


@pytest.fixture
def weights() -> Path:
    return next(models().glob(f"*/{WEIGHTS}")).parent


def test_plan_finds_movies_and_asks_for_more_where_frames_are_larger(data: Path, weights: Path, tmp_path: Path):
    plan = Plan.of({"root": data, "datasets": "A+,B", "weights": weights}, REPOSITORY, {})
    assert plan.sequences == {"A+": ["01", "02"], "B": ["01", "02"]}
    assert plan.scores()[3] == Path("results/B/02.json")
    assert plan.model("B") == weights
    simulate(tmp_path / "data" / "C", frames=2, size=(400, 400), cells=4)
    larger = Plan.of({"root": data, "datasets": ["C"], "weights": weights}, REPOSITORY, {})
    assert larger.inference_memory("C", "01") > plan.inference_memory("B", "01")
    on_gpu = Plan.of({"root": data, "datasets": "B", "weights": weights, "gpu": 1}, REPOSITORY, {})
    assert on_gpu.inference_memory("B", "01") > plan.inference_memory("B", "01")
    assert on_gpu.training_memory() > plan.training_memory()
    shutil.rmtree(data / "B" / "02_GT")
    (data / "B" / "500").mkdir()
    every = Plan.of({"root": data, "datasets": "B", "weights": weights, "sequences": "all"}, REPOSITORY, {})
    results = [f"results/B/{name}_RES/res_track.txt" for name in ("01", "02", "500")]
    assert every.targets() == [Path(name) for name in (*results, "results/table.md")]
    assert every.scores() == [Path("results/B/01.json")]
    assert Plan.of({"datasets": ["C"], "train": "yes", "sequences": [1]}, REPOSITORY, {"DATA_ROOT": str(data)}).train


def test_plan_counts_the_pixels_that_the_network_sees(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Plan, "_size", lambda *_: (100, 1_000_000))
    asked = {}
    for scale in (0.5, 1.0, 2.0):
        folder = tmp_path / f"{scale:g}"
        folder.mkdir()
        (folder / WEIGHTS).touch()
        (folder / CONFIG).write_text(ModelConfig(scale=scale).model_dump_json())
        plan = Plan.of({"root": data, "datasets": "B", "weights": folder}, REPOSITORY, {})
        asked[scale] = (plan.inference_memory("B", "01") - BASE_MB, plan.inference_minutes("B", "01") - 5)
    assert asked == {0.5: (550, 40), 1.0: (550, 40), 2.0: (2200, 160)}
    trained = Plan.of({"root": data, "datasets": "B", "train": "yes", "out": tmp_path / "out"}, REPOSITORY, {})
    assert trained.inference_memory("B", "01") - BASE_MB == 2200  # its scale may be any


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"datasets": ["none"]}, "expected the movies 01 or 02 in .*none"),
        ({"datasets": ["B"], "sequences": ["03"]}, "expected the movies 03"),
        ({"datasets": ["B"]}, "expected weights in .*B"),
        ({"models": "/nowhere"}, "expected data sets, got none"),
        ({"datasets": ["B"], "views": 3}, "expected 4 or 1 or 2 or 8 for views, got 3"),
        ({"datasets": ["B"], "train": "maybe"}, "expected no or false or yes or true for train, got maybe"),
        ({"datasets": ["B"], "gpu": "two"}, "expected a whole number for gpu, got two"),
        ({"datasets": ["B"], "view": 1}, "expected the settings .*views, weights, got view$"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], fault: str, data: Path):
    with pytest.raises(ValueError, match=fault):
        Plan.of({"root": data, **settings}, REPOSITORY, {})


def test_a_damaged_data_set_is_one_line_and_leaves_no_note(data: Path, tmp_path: Path):
    words = [sys.executable, "-m", "benchmarks.prepare", str(data / "B"), "--out", str(tmp_path / "note.txt")]
    run = {"cwd": REPOSITORY, "capture_output": True, "text": True, "check": False}
    assert subprocess.run(words, **run).returncode == 0
    note = (tmp_path / "note.txt").read_text().splitlines()
    assert note[0] == "B/01: 4 frames of 96 x 128, 4 tracks, gold masks of 4 frames, silver of 0"
    assert "its owner's terms apply" in note[2]
    (tmp_path / "note.txt").unlink()
    (data / "B" / "02" / "t001.tif").write_text("no picture")
    done = subprocess.run(words, **run)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "t001.tif" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "note.txt").exists()


def test_table_sets_published_scores_beside_ours(tmp_path: Path):
    path = tmp_path / "Fluo-N2DH-GOWT1" / "01.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"SEG": 0.5, "DET": 0.75, "TRA": 0.7504, "LNK": None}))
    assert row(path).split("|")[1:-1] == [
        " Fluo-N2DH-GOWT1 ", " 01 ", " 0.500 ", " 0.750 ", " 0.750 ", " - ", " 0.929 / 0.951 ", " 0.777 / 0.976 "
    ]  # fmt: skip


def words(data: Path, weights: Path, *more: str) -> list[str]:
    settings = [f"root={data}", "datasets=[A+,B]", f"weights={weights}", "views=1"]
    return [sys.executable, "-m", "benchmarks.reproduce", "--config", *settings, *more]


@pytest.mark.container
@pytest.mark.timeout(900)
def test_a_killed_benchmark_goes_on(data: Path, weights: Path, tmp_path: Path):
    pytest.importorskip("snakemake")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    run = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "check": False}
    first = subprocess.Popen(
        words(data, weights, "--cores", "1"),
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    begin = time.monotonic()
    done = lambda: [path for path in tmp_path.glob("results/*/*.json") if path.stat().st_size > 10]  # noqa: E731
    while len(done()) < 2:
        assert first.poll() is None
        assert time.monotonic() - begin < 300
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    early = min(done(), key=lambda path: path.stat().st_mtime)
    stamp = early.stat().st_mtime_ns
    assert subprocess.run(words(data, weights, "--unlock"), **run).returncode == 0
    second = subprocess.run(words(data, weights, "--cores", "1"), **run)
    assert second.returncode == 0, second.stderr
    assert early.stat().st_mtime_ns == stamp  # what was finished was not done again
    table = (tmp_path / "results" / "table.md").read_text()
    assert [line.split(" | ")[:2] for line in table.splitlines()[2:6]] == [
        ["| A+", "01"], ["| A+", "02"], ["| B", "01"], ["| B", "02"]
    ]  # fmt: skip
    third = subprocess.run(words(data, weights, "--cores", "1"), **run)
    assert "Nothing to be done" in third.stderr + third.stdout


@pytest.mark.container
@pytest.mark.timeout(300)
def test_a_cluster_is_asked_for_what_each_job_needs(data: Path, weights: Path, tmp_path: Path):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    profile = ["--workflow-profile", str(REPOSITORY / "benchmarks" / "slurm"), "--dry-run"]
    done = subprocess.run(
        words(data, weights, "gpu=1", "train=yes", *profile),
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "mem_mb=10000" in text
    assert "runtime=90" in text
    assert "gpu=1" in text
