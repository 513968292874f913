from pathlib import Path

import pytest

from embedtrack.challenge.convention import REPOSITORY, data_root, job, model_folder, models


def test_the_demo_lies_in_the_repository():
    sequence, model, out = job("demo", "01")
    assert sequence == REPOSITORY / "demo" / "01"
    assert out == REPOSITORY / "demo" / "01_RES"
    assert model.is_dir()


def test_data_sets_lie_in_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "data" / "mine" / "02").mkdir(parents=True)
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "weights.safetensors").touch()
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(tmp_path / "models"))
    root = tmp_path / "data" / "mine"
    assert job("mine", "02") == (root / "02", tmp_path / "models" / "mine", root / "02_RES")


def test_by_default_they_lie_beside_the_repository(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DATA_ROOT", raising=False)
    assert data_root() == REPOSITORY.parent


def test_a_root_without_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    with pytest.raises(ValueError, match="there are: demo"):
        job("zzz", "01")


def test_a_slash_at_the_end_is_no_part_of_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine" / "01").mkdir(parents=True)
    (tmp_path / "mine" / "01_GT").mkdir()
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "weights.safetensors").touch()
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(tmp_path / "models"))
    assert job("mine/", "01/") == job("mine", "01")
    with pytest.raises(ValueError, match="there are: 01"):
        job("mine", "01_GT")


def test_a_model_is_a_folder_or_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder with weights wins; one without, e.g. the data set of the same name, does not hide a shipped model."""
    monkeypatch.chdir(tmp_path)
    shipped = REPOSITORY / "models" / "Fluo-N2DH-SIM+"
    Path("Fluo-N2DH-SIM+", "01").mkdir(parents=True)
    assert models() == shipped.parent
    assert model_folder(Path("Fluo-N2DH-SIM+")) == shipped
    assert model_folder(shipped) == shipped
    Path("Fluo-N2DH-SIM+", "weights.safetensors").touch()
    assert model_folder(Path("Fluo-N2DH-SIM+")) == Path("Fluo-N2DH-SIM+")
    with pytest.raises(ValueError, match=r"got fluo-n2dh-sim \(did you mean Fluo-N2DH-SIM\+"):
        model_folder(Path("fluo-n2dh-sim"))
    with pytest.raises(ValueError, match="got models/nothing"):
        model_folder(Path("models/nothing"))
    Path("empty").mkdir()
    assert model_folder(Path("empty")) == Path("empty")  # what it lacks is checkpoint.load's to say
