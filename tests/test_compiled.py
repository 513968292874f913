"""Machine code beside a read-only package is used; what it lacks is compiled."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numba
import pytest

SOURCE = """
from embedtrack.compiled import compiled

@compiled
def add(a, b):
    return a + b
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("loops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module whose function was compiled for integers, in a folder that nobody may write."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    path = tmp_path / "loops.py"
    path.write_text(SOURCE)
    assert load(path).add(1, 2) == 3
    assert len(list((tmp_path / "__pycache__").glob("loops.add-*.nbi"))) == 1
    real = os.access
    monkeypatch.setattr(os, "access", lambda where, mode: mode != os.W_OK and real(where, mode))  # root may all
    return path


def test_shipped_code_is_used(package: Path):
    add = load(package).add
    assert add(1, 2) == 3
    assert sum(add.stats.cache_hits.values()) == 1
    assert not add.stats.cache_misses


def test_what_is_not_shipped_is_compiled_and_nothing_is_written(package: Path):
    before = sorted(package.parent.rglob("*"))
    add = load(package).add
    assert add(1.5, 2.5) == 4.0
    assert sorted(package.parent.rglob("*")) == before


def test_changed_source_does_not_take_the_older_code(package: Path):
    package.write_text(SOURCE.replace("a + b", "a - b"))
    assert load(package).add(1, 2) == -1
