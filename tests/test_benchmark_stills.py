"""The benchmark of single images in small, with trainings that only note what they were asked for."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import stills
from embedtrack import checkpoint
from embedtrack.challenge.average_precision import THRESHOLDS
from embedtrack.challenge.stills import part_of
from embedtrack.config import ModelConfig
from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from tests.challenge.test_stills import write_stills

NAMES = [f"n{number}" for number in range(12)]
HELD = {name for name in NAMES if part_of(f"DSB2018/{name}") == "held back"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of each training; its network finds nothing."""
    seen: list[dict[str, Any]] = []

    def train(datasets: list[Path], out: Path, **named: object) -> None:
        seen.append({"datasets": datasets, "out": out, **named})
        checkpoint.save(out, BranchedERFNet(tracking=False), ModelConfig(method=EmbedSegConfig()))
        (out / checkpoint.CARD).write_text("finished")

    monkeypatch.setattr("embedtrack.training.train.train", train)
    return seen


def test_what_is_held_back_trains_nothing(tmp_path: Path):
    assert 0 < len(HELD) < 6
    train, test = stills.divide(write_stills(tmp_path / "DSB2018", NAMES), tmp_path / "out")
    assert (train.name, test.name) == ("DSB2018", "DSB2018")
    for folder in ("images", "masks"):
        assert {path.stem for path in (test / folder).iterdir()} == HELD
        assert {path.stem for path in (train / folder).iterdir()} == set(NAMES) - HELD
    stills.divide(tmp_path / "DSB2018", tmp_path / "out")  # again
    assert (test / "images" / f"{min(HELD)}.tif").read_bytes()


def test_the_table(tmp_path: Path, asked: list[dict[str, Any]]):
    """Of each training two rows of means and two of pooled counts, below the paper's; done once."""
    dataset, out = write_stills(tmp_path / "DSB2018", NAMES), tmp_path / "out"
    words = {"minutes": 3, "device": "cpu", "centres": ["medoid", "centroid"], "changes": {"average": 0.9}}
    table = stills.bench(dataset, out, **words)
    assert [one["recipe"].centre for one in asked] == ["medoid", "centroid"]
    assert [one["minutes"] for one in asked] == [3, 3]
    assert table.title == f"DSB2018: {12 - len(HELD)} images train, {len(HELD)} are scored"
    rows = list(table.columns[0].cells)
    assert rows[3] == "paper: EmbedSeg, medoid, 8 views"
    assert rows[4] == "here: EmbedSeg, medoid, 1 view"
    assert rows[-1] == "here: EmbedSeg, centroid, 8 views, pooled"
    assert list(table.columns[1].cells)[3:] == ["0.871", *["0.000"] * 8]
    assert (out / "table.md").read_text().count("\n") == 2 + 4 + 8
    assert [one["changes"] for one in asked] == [{"average": 0.9}] * 2
    stills.bench(dataset, out, **words)
    assert len(asked) == 2


def test_the_papers_table_is_whole():
    for rows in stills.PAPER.values():
        for row in rows.values():
            assert len(row) == len(THRESHOLDS)
            assert list(row) == sorted(row, reverse=True)


def test_published_recipes_of_data_sets():
    assert stills.recipe_of("embedseg-published", "Usiigaci", "medoid").sampling.crop == 512
    assert stills.recipe_of("embedseg-published", "BBBC010", "medoid").batch == 1
    assert stills.recipe_of("embedseg-published", "DSB2018", "centroid").centre == "centroid"
    assert stills.recipe_of("embedseg", "Usiigaci", "medoid").sampling.crop == 256
