"""A second method needs its folder and its name in the union: so changed, a copy of the package tracks the demo."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from embedtrack.challenge.convention import REPOSITORY
from embedtrack.model_files import CONFIG, WEIGHTS

UNION = 'MethodConfig = Annotated[EmbedTrackConfig | EmbedSegConfig, Field(discriminator="name")]\n'
LINE = """\
from embedtrack.methods.threshold.config import ThresholdConfig
MethodConfig = Annotated[EmbedTrackConfig | EmbedSegConfig | ThresholdConfig, Field(discriminator="name")]
"""
DEMO = REPOSITORY / "demo"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the toy's folder, the changed union, and a model of the toy's."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(REPOSITORY / "embedtrack", root / "embedtrack", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent / "threshold", root / "embedtrack/methods/threshold")
    config = root / "embedtrack/config.py"
    text = config.read_text()
    assert UNION in text
    config.write_text(text.replace(UNION, LINE))
    model = root / "models/toy"
    model.mkdir(parents=True)
    save_file({"place": np.zeros(1, np.float32)}, model / WEIGHTS)
    method = {"name": "threshold", "threshold": 0.45, "min_cell_size": 60}
    (model / CONFIG).write_text(json.dumps({"method": method, "normalisation": {"method": "asinh"}}))
    return root


def run(root: Path, *words: object) -> str:
    environment = {**os.environ, "PYTHONPATH": str(root), "EMBEDTRACK_MODELS": str(root / "models")}
    command = [sys.executable, "-m", "embedtrack", *map(str, words)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_toy_goes_through_every_command(copy: Path):
    out = copy / "01_RES"
    run(copy, "infer", DEMO / "01", "--model", "toy", "--out", out, "--device", "cpu")
    scores = json.loads(run(copy, "evaluate", DEMO / "01_GT", out, "--json"))
    assert scores["DET"] > 0.6
    assert scores["TRA"] > 0.6
    run(copy, "watch", DEMO / "01", "--model", "toy", "--out", copy / "live_RES", "--device", "cpu", "--idle", "0.1")
    for path in out.iterdir():
        assert path.read_bytes() == (copy / "live_RES" / path.name).read_bytes()
    run(copy, "infer", DEMO / "01", "--model", "auto", "--out", copy / "auto_RES", "--device", "cpu")
    run(copy, "check", out)
    run(copy, "show", out, "--raw", DEMO / "01", "--out", copy / "demo.png")
    run(copy, "measure", out, "--raw", DEMO / "01", "--out", copy / "cells.csv")
    run(copy, "report", out, "--raw", DEMO / "01", "--truth", DEMO / "01_GT", "--out", copy / "report.html")
    run(copy, "export", out, "--to", "trackmate", "--raw", DEMO / "01", "--out", copy / "trackmate")
