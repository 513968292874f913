"""The log beside a result names what made it."""

import hashlib
import re
from pathlib import Path

import pytest

from embedtrack import __version__, checkpoint
from embedtrack.challenge import provenance, revision
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.model_files import WEIGHTS
from embedtrack.options import Options


@pytest.fixture
def model(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "model", BranchedERFNet(), ModelConfig())
    return tmp_path / "model"


def test_log_lies_beside_the_result_and_names_weights_and_options(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("EMBEDTRACK_REVISION", "abc")
    known = provenance.gather(tmp_path / "01", model, 3.14159, Options(views=8, device="cpu", precision="float32"))
    assert (known["version"], known["commit"], known["seconds"]) == (__version__, "abc", 3.1)
    assert known["sha256"][WEIGHTS] == hashlib.sha256((model / WEIGHTS).read_bytes()).hexdigest()
    expected = {
        "views": 8,
        "precision": "float32",
        "compiling": "auto",
        "border": None,
        "max_gap": None,
        "crumbs": False,
        "tile": None,
        "memory": None,
        "diameter": None,
    }
    assert known["options"] == expected
    assert known["device"].startswith("cpu")
    log = provenance.write_log(tmp_path / "01_RES", known)
    assert log == tmp_path / "01_RES.log"
    lines = log.read_text().splitlines()
    assert {"commit: abc", "options.views: 8", "options.border: -", "seconds: 3.1"} < set(lines)
    assert "01_RES.json" in lines[0]
    provenance.write_log(tmp_path / "01_RES", known)
    log.write_text("my notes")
    provenance.write_log(tmp_path / "01_RES", known)
    assert log.read_text() == "my notes"
    assert "01_RES.log: expected nothing or a file of our own there" in caplog.text


def test_revision_is_gits_or_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("EMBEDTRACK_REVISION", raising=False)
    if (revision.REPOSITORY / ".git").exists():
        assert re.fullmatch(r"[0-9a-f]{40}\+?", revision.revision())
    monkeypatch.setattr(revision, "REPOSITORY", tmp_path)
    assert revision.revision() == "unknown"
    monkeypatch.setattr(revision, "PACKAGE", tmp_path)
    (tmp_path / "revision.txt").write_text("0123abcd\n")  # as setup.py writes it into a wheel
    assert revision.revision() == "0123abcd"
