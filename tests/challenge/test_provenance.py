"""The log beside a result names what made it."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from embedtrack import __version__, checkpoint
from embedtrack.challenge import provenance
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.model_files import WEIGHTS


@pytest.fixture
def model(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "model", BranchedERFNet(), ModelConfig())
    return tmp_path / "model"


def test_log_lies_beside_the_result_and_names_weights_and_options(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EMBEDTRACK_REVISION", "abc")
    (tmp_path / "01_RES").mkdir()
    log = provenance.note(tmp_path / "01_RES", tmp_path / "01", model, 3.14159, device_name="cpu", views=8, border=None)
    assert log == tmp_path / "01_RES.log"
    assert list((tmp_path / "01_RES").iterdir()) == []
    known = json.loads(log.read_text())
    assert (known["version"], known["commit"], known["seconds"]) == (__version__, "abc", 3.1)
    assert known["sha256"][WEIGHTS] == hashlib.sha256((model / WEIGHTS).read_bytes()).hexdigest()
    assert known["options"] == {"views": 8, "border": None}
    assert known["device"].startswith("cpu")


def test_revision_is_gits_or_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("EMBEDTRACK_REVISION", raising=False)
    if (provenance.REPOSITORY / ".git").exists():
        assert re.fullmatch(r"[0-9a-f]{40}\+?", provenance.revision())
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    assert provenance.revision() == "unknown"
