"""The long benchmarks in small, with trainings that only note what they were asked for."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import ablation, crossvalidate, errors, links, truth
from benchmarks import training as steps
from benchmarks import views as which
from benchmarks.parts import take
from benchmarks.scoring import score
from benchmarks.validation import held_back
from embedtrack import checkpoint
from embedtrack.challenge.layout import open_truth
from embedtrack.challenge.tracked import open_tracked
from embedtrack.config import ModelConfig
from embedtrack.inference.symmetry import AVERAGED, SYMMETRIES, Symmetry
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.model import Model
from embedtrack.movies.settings import Normalisation
from embedtrack.recipe import Recipe, Sampling
from embedtrack.training.distributed import ProcessGroup
from embedtrack.truth.reading import read_annotated
from embedtrack.types import Frame
from tests.drawings import moving, perfect_maps, still, write_movie


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    write_movie(moving(), tmp_path / "toy")
    write_movie(still(), tmp_path / "toy", name="02")
    return tmp_path / "toy"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Model's name -> the arguments of its training."""
    seen: dict[str, dict[str, Any]] = {}

    def train(datasets: list[Path], out: Path, **named: object) -> None:
        assert out.name not in seen
        seen[out.name] = named
        checkpoint.save(out, BranchedERFNet(), ModelConfig())
        (out / checkpoint.CARD).write_text("finished")

    monkeypatch.setattr("embedtrack.training.train.train", train)
    return seen


def test_two_folds(dataset: Path, asked: dict[str, dict[str, Any]], tmp_path: Path):
    budget, out = crossvalidate.Budget(minutes=3, device="cpu", changes={"average": 0.9}), tmp_path / "out"
    table = crossvalidate.crossvalidate([dataset], out, budget, seeds=2)
    assert asked.keys() == {"01-seed0", "01-seed1", "02-seed0", "02-seed1"}
    assert asked["01-seed1"]["folders"] == [dataset / "02"]
    assert (asked["01-seed1"]["minutes"], asked["01-seed1"]["seed"]) == (3, 1)
    assert asked["01-seed1"]["recipe"].average == 0.9
    text = (out / "table.md").read_text()
    assert text.count("\n") == 2 + 2 * 2 * 2 + 2
    again = crossvalidate.crossvalidate([dataset], out, budget, seeds=2)  # trains nothing
    assert list(again.columns[5].cells) == list(table.columns[5].cells) == ["0.000"] * 10
    alone = crossvalidate.crossvalidate([dataset], out, budget, seeds=2, only=["02"])
    assert list(alone.columns[1].cells) == [*["02"] * 4, *["mean"] * 2]
    with pytest.raises(ValueError, match=r"expected --only to name folds, e\.g\. 01, got 2"):
        crossvalidate.crossvalidate([dataset], out, budget, seeds=2, only=["2"])
    assert (out / "table.md").read_text().count("| 02 |") == 4  # that of the run before


def test_halves_in_time_of_a_single_movie(dataset: Path, asked: dict[str, dict[str, Any]], tmp_path: Path):
    """Of six frames two train, two lie between."""
    shutil.rmtree(dataset / "02_GT")
    early, late = crossvalidate.folds(dataset, tmp_path)
    assert (early.frames, late.frames) == (range(4, 6), range(2))
    assert sorted(path.name for path in early.trains[0].iterdir()) == ["t000.tif", "t001.tif"]
    assert sorted(path.name for path in late.trains[0].iterdir()) == ["t004.tif", "t005.tif"]
    assert open_truth(late.trains[0]).tracks[0][:3] == (1, 4, 5)
    assert crossvalidate.halves(range(10, 30)) == (range(10, 19), range(21, 30))
    with pytest.raises(ValueError, match="five annotated frames"):
        crossvalidate.halves(range(4))
    table = crossvalidate.crossvalidate([dataset], tmp_path / "out", crossvalidate.Budget(epochs=1, device="cpu"))
    assert asked.keys() == {"01-late-seed0", "01-early-seed0"}
    assert next(iter(table.columns[1].cells)) == "01: 4 to 5"


def test_one_data_set_left_out(dataset: Path, asked: dict[str, dict[str, Any]], tmp_path: Path):
    """One model of the others scores both movies."""
    others = [dataset, tmp_path / "a", tmp_path / "b"]
    budget = crossvalidate.Budget(minutes=3, device="cpu")
    crossvalidate.crossvalidate([dataset], tmp_path / "out", budget, others=others)
    assert asked.keys() == {"left-out-seed0"}
    assert asked["left-out-seed0"]["all_cells"]
    assert asked["left-out-seed0"]["recipe"] is None


def test_means_need_all_folds():
    means = crossvalidate.means([{"SEG": 0.5, "DET": 1.0, "LNK": 1}, {"SEG": 0.7, "DET": None, "LNK": 0}])
    assert means == {"SEG": pytest.approx(0.6), "DET": None, "TRA": None, "LNK": 0.5, "BIO": None}


def test_variants_share_weights_where_only_inference_differs(
    dataset: Path, asked: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = []

    def scored(folder: Path, model: Model, views: int, frames: range, *, offsets: bool) -> dict[str, float]:
        calls.append(
            (folder.name, model.config.method.clustering.smoothing, model.config.linking.max_gap, views, offsets)
        )
        return {"SEG": 0.5 + 0.1 * len(calls), "DET": 1.0, "TRA": 0.9}

    monkeypatch.setattr(ablation, "score", scored)
    bench = ablation.prepare(dataset, tmp_path / "out", ablation.Budget(4, None), "cpu", last=3)
    assert bench.frames == range(1, 4)
    assert (bench.scored, bench.folders) == (dataset / "02", [dataset / "01"])
    table = ablation.ablate(bench, [0, 1])
    trained = {name for name, variant in ablation.VARIANTS.items() if variant.trains}
    assert len(asked) == 2 * (1 + len(trained)) + 2  # and the weights of the simulated movies
    assert asked["centroid-for-medoid-1"]["recipe"].centre == "centroid"
    assert asked["as-it-is-0"]["minutes"] == 4
    assert asked["pretrained-on-simulated-movies-0"]["minutes"] == asked["simulated-weights-0"]["minutes"] == 2
    assert asked["pretrained-on-simulated-movies-0"]["init"].name == "simulated-weights-0"
    assert len(calls) == 2 * len(ablation.VARIANTS)
    assert {call[1:] for call in calls} == {
        (3, 2, 8, True), (3, 2, 8, False), (1, 2, 8, True), (3, 0, 8, True), (3, 2, 1, True),
    }  # fmt: skip
    assert list(table.columns[1].cells)[:2] == ["0.650 ± 0.050", "0.850 ± 0.050"]
    assert list(table.columns[4].cells)[:2] == ["", "+0.200 ± 0.000"]
    ablation.ablate(bench, [0, 1])
    assert len(calls) == 2 * len(ablation.VARIANTS)  # all is known
    given = ablation.prepare(
        dataset, tmp_path / "given", ablation.Budget(None, None), "cpu", given=tmp_path / "out" / "as-it-is-0"
    )
    ablation.ablate(given, [0], ["one view"])
    assert calls[-1][-2:] == (1, True)
    assert len(asked) == 2 * (1 + len(trained)) + 2  # nothing trains


def test_a_part_is_scored_as_a_movie_of_its_own(dataset: Path):
    model = Model(BranchedERFNet().eval(), ModelConfig())
    scores = score(dataset / "01", model, 1, range(2, 5), precision="float32")
    assert scores["TRA"] == scores["SEG"] == 0
    shutil.rmtree(dataset / "01_GT" / "TRA")
    (dataset / "01" / "t003.tif").unlink()
    single = score(dataset / "01", model, 1, range(2, 5), precision="float32")
    assert single["SEG"] == 0
    assert "TRA" not in single


def test_validation_looks_at_the_frames_that_training_leaves_out(dataset: Path):
    assert held_back(dataset / "01", 0.3) == range(4, 6)
    for t in (4, 5):
        (dataset / "01_GT" / "SEG" / f"man_seg{t:03d}.tif").unlink()
    assert held_back(dataset / "01", 0.3) == range(2, 4)  # masks end with frame 3


@pytest.mark.parametrize(("every", "by_overlap"), [(1, 5), (2, 0)])
def test_cells_that_leave_their_own_place_are_found_by_offsets_alone(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, every: int, by_overlap: int
):
    """Of two cells with a radius of 7 pixels one moves 5 pixels a frame, half upon its own place, and one 6."""
    truth = list(moving().labels)[::-every][::-1]
    perfect = iter([perfect_maps(now, before, {}) for before, now in zip([truth[0], *truth], truth, strict=False)])

    def views(self: links.Views, frame: Frame) -> dict[Symmetry, Maps[Frame]]:
        maps = next(perfect)
        return {s: maps if s in links.WAYS["one view"] else maps._replace(shift=0 * maps.shift) for s in SYMMETRIES}

    monkeypatch.setattr(links.Views, "__call__", views)
    model = Model(BranchedERFNet().eval(), ModelConfig())
    found = links.measure(model, dataset / "01", every, 20, "float32")
    assert {way["all"] for way in found.values()} == {2 * (len(truth) - 1)}
    assert found["one view"]["right"] == 2 * (len(truth) - 1)
    assert found["overlap"]["right"] == by_overlap


def test_views_are_scored_by_their_means(dataset: Path, monkeypatch: pytest.MonkeyPatch):
    """The frame as it is and the half turn see all cells, the others none: four views find no seed above .5."""
    movie = read_annotated(dataset / "01", Normalisation())
    truth = iter(movie.labels)

    def views(self: links.Views, frame: Frame) -> dict[Symmetry, Maps[Frame]]:
        maps = perfect_maps(labels := next(truth), labels, {})
        return {s: maps if s in AVERAGED[2] else maps._replace(seediness=0 * maps.seediness) for s in SYMMETRIES}

    monkeypatch.setattr(links.Views, "__call__", views)
    found = which.measure(Model(BranchedERFNet().eval(), ModelConfig()), movie, range(3), 3)
    good = {"1 as taken", "2 as taken", "2: half turn"}
    assert {name: tally.scores() for name, tally in found.items()} == {
        name: ["1.0000", "1.0000"] if name in good else ["0.0000", "0.0000"] for name in which.SETS
    }


def test_predecessors_of_daughters_and_of_missed_cells():
    links_found, parents = {1: 7, 2: 7, 3: 8}, {20: 10, 30: 10}
    now, before = {20: 1, 30: 2, 40: 3, 50: 4}, {10: 7, 50: 9}
    assert links.right(links_found, now, before, parents) == {"all": 3, "right": 2}  # 40 is new, 50 has no link


def test_the_ratio_of_a_step():
    recipe = Recipe(sampling=Sampling(crop=32, large=0.5))
    job = steps.prepare(steps.drawn(60, side=96), recipe, ProcessGroup(torch.device("cpu")))
    assert len(job.movie.centres[0]) == 9
    found = steps.measure(job, 2, rounds=1)
    assert found["ratio"] == pytest.approx(found["step_seconds"] / found["network_seconds"])
    assert all(value > 0 and np.isfinite(value) for value in found.values())
    assert {"sampling_seconds", "loss_seconds", "optimiser_seconds", "pairs_per_second"} <= found.keys()


def test_what_becomes_of_a_cell():
    gold = np.zeros((20, 30), np.int32)
    for cell in range(5):  # five cells of 4 x 5 pixels
        gold[2:6, 6 * cell : 6 * cell + 5] = cell + 1
    labels = np.zeros_like(gold)
    labels[2:6, 0:4] = 1  # 16 of 20 pixels
    labels[2:4, 6:11], labels[4:6, 6:11] = 2, 3  # two halves: none is more than half
    labels[2:6, 12:23] = 4  # over two cells
    found = list(errors.seg_losses(gold, labels))
    assert found == [
        ("outline", pytest.approx(0.2)),
        ("split", 1.0),
        ("merged", pytest.approx(1 - 20 / 44)),
        ("merged", pytest.approx(1 - 20 / 44)),
        ("missed", 1.0),
    ]
    labels[2:6, 0:4], labels[2, 24:29] = 0, 5
    assert [kind for kind, _ in errors.seg_losses(gold, labels)] == [
        "missed",
        "split",
        "merged",
        "merged",
        "seen in part",
    ]


def test_losses_add_up_to_the_scores(dataset: Path):
    movie = moving()
    reference = errors.part(open_tracked(dataset / "01_GT"), range(1, 4))
    assert (reference.first, len(reference)) == (1, 3)
    assert errors.compare([movie.labels[t] for t in (1, 2, 3)], reference, reference).frames == [0.0] * 3
    empty = replace(reference, masks=[np.zeros(reference.shape, np.int32)] * 3, tracks=[])
    lost = errors.compare([movie.labels[1], None, None], reference, empty)
    assert sum(map(sum, lost.tra.values())) == lost.empty > 0
    assert set(lost.seg) == {"missed"}
    assert lost.frames[0] > lost.frames[1] > 0
    assert list(errors.seg_table("", [lost, lost]).columns[2].cells)[-1] == "1.000"
    assert list(errors.tra_table("", [lost, lost]).columns[2].cells)[-1] == "1.0000"


def test_worst_frames_are_drawn(dataset: Path, tmp_path: Path):
    model = Model(BranchedERFNet().eval(), ModelConfig())
    losses = errors.of_movie(dataset / "01", model, 1, range(2, 5), tmp_path, 2)
    assert len(losses.frames) == 3
    assert len(list(tmp_path.glob("01-00*.png"))) == 2


def test_single_frames_are_looked_at_by_themselves(dataset: Path, tmp_path: Path):
    (dataset / "01_GT" / "TRA").rename(tmp_path / "TRA")
    model = Model(BranchedERFNet().eval(), ModelConfig())
    losses = errors.of_stills(dataset / "01", model, 1, range(2, 5), tmp_path, 1)
    assert len(losses.frames) == 3
    assert sum(map(len, losses.seg.values())) == 6  # two cells in each
    assert losses.empty == 0
    assert len(list(tmp_path.glob("01-00*.png"))) == 1


def test_a_part_of_the_truth(dataset: Path, tmp_path: Path):
    few = take(dataset / "01", range(3), tmp_path / "few", silver=False)
    assert sorted(path.name for path in few.iterdir()) == ["t000.tif", "t001.tif", "t002.tif"]
    found = open_truth(few)
    assert found.markers.keys() == found.gold.keys() == {0, 1, 2}
    assert not found.silver
    assert [(track.begin, track.end) for track in found.tracks] == [(0, 2), (0, 2)]
    open_tracked(tmp_path / "few" / "01_GT")  # valid


def test_each_part_trains_once_and_the_last_movie_is_scored(
    dataset: Path, asked: dict[str, dict[str, Any]], tmp_path: Path
):
    for _ in range(2):
        for name in truth.PARTS:
            found = truth.run(name, dataset, tmp_path / "out", tmp_path / "init", 4, "cpu")
            assert found[1]["TRA"] == found[8]["TRA"] == 0
    assert len(asked) == len(truth.PARTS)
    assert asked["ten-frames"]["init"] is None
    assert asked["ten-frames-fine-tuned-half-the-time"] == {
        "minutes": 2, "device_name": "cpu", "init": tmp_path / "init",
    }  # fmt: skip
