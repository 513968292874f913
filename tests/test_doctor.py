"""What it finds in an installation that works, and in broken ones."""

import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from embedtrack.__main__ import main
from embedtrack.challenge import layout
from embedtrack.challenge.convention import DEMO_MODEL, REPOSITORY
from embedtrack.challenge.layout import read_labels
from embedtrack.doctor import installed, machine, works
from embedtrack.doctor.examine import examine
from embedtrack.doctor.finding import Finding
from embedtrack.model_files import CARD, WEIGHTS, digest, noted_digest

MODELS = sorted(path.parent for path in (REPOSITORY / "models").glob(f"*/{WEIGHTS}"))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only model there is, ours to spoil."""
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(tmp_path))
    return Path(shutil.copytree(REPOSITORY / "models" / DEMO_MODEL, tmp_path / DEMO_MODEL))


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["embedtrack", "doctor", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_a_whole_installation(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    assert call(monkeypatch, "--device", "cpu", "--seconds", "0.1") == 0
    text = capsys.readouterr().out
    assert text.endswith("nothing broken\n")
    topics = [line.partition(":")[0] for line in text.splitlines()]
    assert {"program", "python", "packages", "device", "memory", "working folder", "run", "speed"} <= set(topics)
    assert [f"model {folder.name}" for folder in MODELS] == [topic for topic in topics if topic.startswith("model ")]
    assert str(Path.home()) not in text


def test_as_json_what_is_broken_is_counted(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Damaged weights break the simulated run too, and the speed test: each says so, none hides another."""
    (model / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes()[:-1])
    assert call(monkeypatch, "--json", "--device", "cpu") == 1
    found = json.loads(capsys.readouterr().out)
    broken = {finding["topic"]: finding["fault"] for finding in found["findings"] if finding["fault"]}
    assert found["broken"] == len(broken) == 3
    assert "damaged" in broken[f"model {model.name}"]


def faults(check: Callable[[], Iterable[Finding]]) -> list[str]:
    return [finding.fault for finding in check() if finding.fault]


def test_weights_must_be_those_of_their_card(model: Path):
    assert faults(works.weights) == []
    card = (model / CARD).read_text()
    (model / CARD).write_text(card.replace(digest(model / WEIGHTS), "0" * 64))
    assert "its card notes 0000" in faults(works.weights)[0]
    (model / CARD).unlink()
    assert faults(works.weights) == []
    shutil.rmtree(model)
    assert "EMBEDTRACK_MODELS" in faults(works.weights)[0]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_shipped_cards_note_their_weights(model: Path):
    assert noted_digest(model / CARD) == digest(model / WEIGHTS)


def test_missing_packages(monkeypatch: pytest.MonkeyPatch):
    version = importlib.metadata.version

    def other(name: str) -> str:
        if name == "scipy":
            raise importlib.metadata.PackageNotFoundError
        return "0.1" if name == "rich" else version(name)

    monkeypatch.setattr(importlib.metadata, "version", other)
    found = {finding.topic: finding for finding in installed.packages()}
    assert "scipy" in found["packages"].fault
    assert "rich 0.1 instead of ==" in found["versions"].text


def test_requirements_are_the_same_from_a_checkout_and_from_metadata(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    about = importlib.metadata.PathDistribution(tmp_path)
    lines = ["rich==15.0.0", 'zarr==3.1.6; extra == "exchange"', 'embedtrack[exchange]; extra == "all"']
    text = "Name: embedtrack\nVersion: 1\nProvides-Extra: exchange\nProvides-Extra: all\n"
    (tmp_path / "METADATA").write_text(text + "".join(f"Requires-Dist: {line}\n" for line in lines))
    monkeypatch.setattr(installed, "REPOSITORY", tmp_path)
    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: about.metadata)
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: about.requires)
    found = {extra: [r.name for r in requirements] for extra, requirements in installed._requirements().items()}
    assert found == {"": ["rich"], "exchange": ["zarr"]}


def test_a_folder_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine.os, "access", lambda path, mode: False)
    assert "another folder" in faults(machine.places)[0]


def test_wrong_results_are_told(monkeypatch: pytest.MonkeyPatch):
    """As if the device computed nonsense: every mask is empty."""
    monkeypatch.setattr(layout, "read_labels", lambda path: read_labels(path) * ("man_track" in path.name))
    (finding,) = works.run("cpu")
    assert finding.text.startswith("0 of ")
    assert "results are wrong" in finding.fault


def test_a_check_that_fails_hides_no_other(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "memory", lambda: 1 / 0)
    monkeypatch.setattr(works, "run", lambda name: [Finding("run", "not here")])
    found = {finding.topic: finding for finding in examine("cpu", seconds=0)}
    assert found["memory"].fault == "ZeroDivisionError: division by zero"
    assert {"program", "device", "working folder", "run"} <= found.keys()


def test_without_the_model_of_the_demo_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(works, "models", lambda: tmp_path)
    [finding] = works.run("cpu")
    assert finding.fault == ""
    assert "which is not among the models" in finding.text
    assert list(works.speed("cpu", 1.0)) == []
