"""The wheel, and the extras that it offers."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from embedtrack.challenge import layout
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.simulate.movie import simulate

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
SOURCES = ("embedtrack", "models", "pyproject.toml", "setup.py", "README.md", "LICENSE", "requirements.txt")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy, for builds leave traces."""
    copy = tmp_path_factory.mktemp("copy")
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next((copy / "dist").glob("*.whl"))


def test_the_wheel_carries_models_and_all_that_the_package_reads(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = REPOSITORY / "embedtrack"
    files = {path.relative_to(REPOSITORY).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {name for name in files - names if "__pycache__" not in name} == set()
    shipped = {name for name in names if name.startswith("embedtrack/models/")}
    for model in (REPOSITORY / "models").iterdir():
        for name in ("weights.safetensors", "config.json", "README.md"):
            assert f"embedtrack/models/{model.name}/{name}" in shipped
    assert not any(name.endswith("train.jsonl") for name in shipped)
    assert wheel.stat().st_size < 6e6 * len(list((REPOSITORY / "models").iterdir()))


@pytest.mark.slow
def test_an_installed_wheel_tracks_with_a_shipped_model_by_name(wheel: Path, tmp_path: Path):
    """In an environment of its own, which sees this one's other packages, and nothing of the repository."""
    home = tmp_path / "environment"
    venv.create(home)
    site = next(home.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    (site / "others.pth").write_text(str(Path(pytest.__file__).parent.parent))
    simulate(tmp_path / "toy", frames=2, size=(96, 128), cells=6)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "EMBEDTRACK_MODELS")}

    def call(*words: object) -> str:
        command = [str(home / "bin" / "embedtrack"), *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("infer", "toy/01", "--model", "Fluo-N2DH-SIM+", "--out", "toy/01_RES", "--views", 1, "--device", "cpu")
    assert layout.check(tmp_path / "toy" / "01_RES") == []
    assert str(site) in (tmp_path / "toy" / "01_RES.log").read_text()
    shutil.copytree(tmp_path / "toy" / "01_RES", tmp_path / "by_infer")
    environment["DATA_ROOT"] = ""  # the working folder
    shutil.copytree(tmp_path / "toy", tmp_path / "Fluo-N2DH-SIM+")
    call("run", "Fluo-N2DH-SIM+", "01", "--views", 1, "--device", "cpu")
    for path in (tmp_path / "by_infer").iterdir():
        assert (tmp_path / "Fluo-N2DH-SIM+" / "01_RES" / path.name).read_bytes() == path.read_bytes()


def test_all_is_what_a_user_may_need():
    """Every extra, but those of people who work on the program."""
    (everything,) = map(Requirement, EXTRAS["all"])
    assert everything.name == "embedtrack"
    assert {"exchange", "report", "video"} <= everything.extras == set(EXTRAS) - {"all", "benchmarks", "linking"}


def test_versions_agree_wherever_a_package_is_named():
    program = (REPOSITORY / "requirements.txt").read_text().split()
    asked = {"program": program} | EXTRAS | PROJECT["dependency-groups"]
    versions: dict[str, set[str]] = {}
    for lines in asked.values():
        for requirement in map(Requirement, lines):
            if requirement.specifier:
                versions.setdefault(requirement.name.lower().replace("_", "-"), set()).add(str(requirement.specifier))
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
    assert all(specifier.startswith("==") for found in versions.values() for specifier in found)
