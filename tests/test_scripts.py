"""The entry points as a user starts them, in the environment that runs the tests."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedtrack.challenge import layout
from embedtrack.challenge.convention import REPOSITORY
from tests.drawings import moving, write_movie


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """This interpreter as the scripts' environment, installed already."""
    home = tmp_path / "environment"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(Path(sys.executable))
    shutil.copy(REPOSITORY / "requirements.lock", home / "installed-requirements.lock")
    site = str(Path(pytest.__file__).parent.parent)  # the link does not know its packages
    return {**os.environ, "EMBEDTRACK_ENV": str(home), "PYTHONPATH": site, "CUDA_VISIBLE_DEVICES": ""}


def run(environment: dict[str, str], script: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [str(REPOSITORY / script), *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_second_start_costs_less_than_a_second_of_a_core(environment: dict[str, str]):
    """Python's own start included; what else the machine does is not counted."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(environment, "run_seq.sh", "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "DATASET" in done.stdout
    assert done.stderr == ""
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_a_script_finds_its_repository_from_anywhere(environment: dict[str, str], tmp_path: Path):
    """By a link, and where the shell looks for folders in other places and says which it took."""
    (tmp_path / "run").symlink_to(REPOSITORY / "run_seq.sh")
    for command, where in (([str(tmp_path / "run")], tmp_path), ([f"{REPOSITORY.name}/run_seq.sh"], REPOSITORY.parent)):
        asked = ["bash", *command, "--help"]
        paths = {**environment, "CDPATH": str(REPOSITORY.parent)}
        done = subprocess.run(asked, env=paths, cwd=where, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "DATASET" in done.stdout


def test_help_trains_nothing(environment: dict[str, str], tmp_path: Path):
    write_movie(moving(), tmp_path / "toy")
    done = run({**environment, "DATA_ROOT": str(tmp_path)}, "train_all.sh", "--minutes", 1, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Usage:") == 1


def test_bad_calls_exit_with_2(environment: dict[str, str], tmp_path: Path):
    for words in ([], ["demo"], ["dmeo", "01"], ["demo", "02"], ["demo", "01", "--views", "3"]):
        done = run({**environment, "DATA_ROOT": str(tmp_path)}, "run_seq.sh", *words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
    for script in ("train_all.sh", "train_everything.sh"):
        done = run({**environment, "DATA_ROOT": str(tmp_path)}, script)
        assert done.returncode == 2
        assert "set DATA_ROOT" in done.stderr


def test_an_old_python_is_refused(environment: dict[str, str], tmp_path: Path):
    broken = {**environment, "EMBEDTRACK_ENV": str(tmp_path / "none"), "PYTHON": "false"}
    done = run(broken, "run_seq.sh", "demo", "01")
    assert done.returncode == 2
    assert "expected Python 3.11" in done.stderr
    assert not (tmp_path / "none").exists()


def test_train_all_then_run(environment: dict[str, str], tmp_path: Path):
    """Two data sets: one with truth, which gets a model, then a result; one without, which is passed over."""
    data, models = tmp_path / "data", tmp_path / "models"
    write_movie(moving(), data / "toy")
    (data / "bare" / "01").mkdir(parents=True)
    roots = {**environment, "DATA_ROOT": str(data), "EMBEDTRACK_MODELS": str(models)}
    done = run(roots, "train_all.sh", "--epochs", 0.01, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in models.iterdir()] == ["toy"]
    again = run(roots, "train_all.sh")
    assert "toy: finished" in again.stderr
    assert again.stdout == done.stdout
    header, row = again.stdout.strip().splitlines()
    assert header.split()[-3:] == ["views", "SEG", "DET"]
    name, *one, views, seg, det = row.split()
    assert (name, views) == ("toy", "4")
    assert len(one) == 2
    assert all(0 <= float(value) <= 1 for value in (*one, seg, det))
    done = run(roots, "run_seq.sh", "toy", "01", "--views", 1)
    assert done.returncode == 0, done.stderr
    assert layout.check(data / "toy" / "01_RES") == []


def test_train_everything_passes_over_what_is_finished(environment: dict[str, str], tmp_path: Path):
    """What is there is asked for in the order of its worth; the interpreter is a recorder."""
    data, models, calls = tmp_path / "data", tmp_path / "models", tmp_path / "calls"
    for name in ("DIC-C2DH-HeLa", "Fluo-N2DL-HeLa", "DSB2018"):
        (data / name).mkdir(parents=True)
    (models / "Fluo-N2DL-HeLa").mkdir(parents=True)
    (models / "Fluo-N2DL-HeLa" / "README.md").write_text("finished")
    python = Path(environment["EMBEDTRACK_ENV"]) / "bin" / "python"
    python.unlink()
    python.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    python.chmod(0o755)
    roots = {**environment, "DATA_ROOT": str(data), "EMBEDTRACK_MODELS": str(models)}
    done = run(roots, "train_everything.sh", 7, 3)
    assert done.returncode == 0, done.stderr
    assert calls.read_text().splitlines() == [
        f"-m embedtrack train {data}/Fluo-N2DL-HeLa {data}/DIC-C2DH-HeLa {data}/DSB2018 --all-cells --minutes 7 "
        f"--out {models}/generalist",
        f"-m embedtrack train {data}/DIC-C2DH-HeLa --init {models}/generalist --minutes 3 --out {models}/DIC-C2DH-HeLa",
        f"-m benchmarks.held_back DSB2018 --out {models}/DSB2018.md",
        f"-m benchmarks.validation --out {models}/validation.md",
    ]
