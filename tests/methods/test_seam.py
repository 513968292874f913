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

UNION = 'MethodConfig = Annotated[EmbedTrackConfig | EmbedSegConfig | HourglassConfig, Field(discriminator="name")]\n'
LINE = """\
from embedtrack.methods.threshold.config import ThresholdConfig
MethodConfig = Annotated[
    EmbedTrackConfig | EmbedSegConfig | HourglassConfig | ThresholdConfig, Field(discriminator="name")
]
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


COMMANDS = """
import json, sys
from embedtrack.__main__ import main
for sys.argv in json.loads(sys.argv[1]):
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, sys.argv
"""


def run(root: Path, *commands: tuple[object, ...]) -> str:
    """Run command lines one after the other in a process that sees the copy; what they write to standard output."""
    environment = {**os.environ, "PYTHONPATH": str(root), "EMBEDTRACK_MODELS": str(root / "models")}
    words = json.dumps([["embedtrack", *map(str, command)] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, words], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_toy_goes_through_every_command(copy: Path):
    out = copy / "01_RES"
    toy, live, raw = ("--model", "toy", "--device", "cpu", "--out"), copy / "live_RES", ("--raw", DEMO / "01", "--out")
    printed = run(
        copy,
        ("infer", DEMO / "01", *toy, out),
        ("evaluate", DEMO / "01_GT", out, "--json"),
        ("watch", DEMO / "01", "--idle", "0.1", *toy, live),
        ("infer", DEMO / "01", "--model", "auto", "--out", copy / "auto_RES", "--device", "cpu"),
        ("check", out),
        ("show", out, *raw, copy / "demo.png"),
        ("measure", out, *raw, copy / "cells.csv"),
        ("report", out, "--truth", DEMO / "01_GT", *raw, copy / "report.html"),
        ("export", out, "--to", "trackmate", *raw, copy / "trackmate"),
    )
    scores = json.loads(printed)
    assert scores["DET"] > 0.6
    assert scores["TRA"] > 0.6
    for path in out.iterdir():
        assert path.read_bytes() == (live / path.name).read_bytes()
