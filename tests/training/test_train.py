import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from embedtrack import checkpoint
from embedtrack.config import ModelConfig
from embedtrack.methods.embedseg.recipes import OURS, PUBLISHED
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import EmbedTrackConfig
from embedtrack.movies.settings import FLUORESCENCE, PLAIN, Normalisation
from embedtrack.recipe import GENERAL, Recipe, Sampling
from embedtrack.training import pseudo_labels, resume
from embedtrack.training import train as training
from embedtrack.training.distributed import ProcessGroup
from embedtrack.training.fit import fit
from embedtrack.training.journal import Journal
from embedtrack.training.log import LOG, log_until, writing
from embedtrack.training.recipes import recipe_for, tuned
from embedtrack.training.resume import State
from embedtrack.training.train import train
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.sequences import sequences
from tests.challenge.test_stills import write_stills
from tests.drawings import moving, vanishing, write_movie

MODEL_FILES = ("weights.safetensors", "config.json", "README.md")
SMALL = Recipe(sampling=Sampling(crop=40, large=0.3), batch=4, epochs=1, validations=2, validation=0.3)


def test_trains_from_folders_to_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(training, "recipe_for", lambda *_: SMALL)
    write_movie(moving(), tmp_path / "data")
    write_movie(vanishing(), tmp_path / "data", name="02")
    out, records = tmp_path / "model", []
    train([tmp_path / "data"], out, device_name="cpu", on_record=records.append)
    assert [json.loads(line) for line in (out / LOG).read_text().splitlines()] == records
    assert {"total", "instance", "variance", "seed", "track", "rate"} <= records[0].keys()
    assert sum("validation_seg" in record for record in records) == SMALL.validations
    config = checkpoint.load(out).config
    assert config.scale == 2  # the toys' cells are 14 to 16 pixels wide
    assert config.method.clustering.min_cell_size == pytest.approx(149 / 2, abs=2)  # the smaller ones have 149 pixels
    assert 2 * math.sqrt(149 / math.pi) <= config.cell_diameter < 16
    card = (out / checkpoint.CARD).read_text()
    assert "data/01: 6 annotated frames" in card
    assert "for the owner of the movies to say" in card
    assert "expected 50 steps or more" in caplog.text
    assert not (out / ".resume.pt").exists()
    with pytest.raises(ValueError, match="finished"):
        train([tmp_path / "data"], out, device_name="cpu")


def test_recipes_and_bad_budgets(tmp_path: Path):
    assert recipe_for("Fluo-N2DH-SIM+").normalisation.method == "asinh"
    assert recipe_for("anything", epochs=3, seed=7).model_dump() == Recipe(epochs=3, seed=7).model_dump()
    with pytest.raises(ValueError, match="--epochs"):
        recipe_for("anything", epochs=-1)
    with pytest.raises(ValueError, match="--minutes"):
        train([tmp_path], tmp_path / "out", minutes=0)


def test_data_sets_without_annotation(tmp_path: Path):
    (tmp_path / "01").mkdir()
    with pytest.raises(ValueError, match="annotated sequences"):
        sequences(tmp_path)
    write_movie(moving(), tmp_path / "toy")
    with pytest.raises(ValueError, match=f"give the folder above, {tmp_path / 'toy'}"):
        sequences(tmp_path / "toy" / "01")


def test_the_log_goes_on_where_the_state_was_saved(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    lines = [json.dumps({"step": step, "total": 1.0}) for step in range(1, 6)]
    path.write_text("\n".join(lines) + '\n{"step": 6, "tot')
    assert log_until(path, 3) == lines[:3]
    assert log_until(path, 9) == lines
    assert log_until(path, 0) == []
    assert log_until(tmp_path / "none", 4) == []


def test_a_kill_in_calibration_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "recipe_for", lambda *_: SMALL)
    write_movie(moving(), tmp_path / "data")
    out, begun = tmp_path / "model", []

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    calibrate = training.calibrate
    monkeypatch.setattr(training, "calibrate", killed)
    with pytest.raises(KeyboardInterrupt):
        train([tmp_path / "data"], out, device_name="cpu")
    monkeypatch.setattr(training, "calibrate", calibrate)
    log = (out / LOG).read_text()
    train([tmp_path / "data"], out, device_name="cpu", on_record=begun.append)
    assert begun == []
    assert (out / LOG).read_text() == log
    assert (out / checkpoint.CARD).is_file()


def test_what_is_left_for_calibration_counts_what_an_earlier_run_has_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training, "recipe_for", lambda *_: SMALL)
    write_movie(moving(), tmp_path / "data")
    left = list[float]()

    def none_of(validation: object, seconds: float, *_: object) -> int:
        left.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "affordable", none_of)
    with pytest.raises(KeyboardInterrupt):
        train([tmp_path / "data"], tmp_path / "model", device_name="cpu", minutes=1 / 60)
    state_of = resume.state_of
    monkeypatch.setattr(resume, "state_of", lambda out: replace(state_of(out), seconds=590.0))
    with pytest.raises(KeyboardInterrupt):
        train([tmp_path / "data"], tmp_path / "model", device_name="cpu", minutes=1 / 60)
    assert left[1] < left[0] - 500


def test_a_kill_at_the_very_end_leaves_a_finished_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Only its teacher may stay, which harms nothing; before, the repeat would have trained that anew."""
    monkeypatch.setattr(training, "recipe_for", lambda *_: SMALL)
    write_movie(moving(), tmp_path / "data")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "shutil", SimpleNamespace(rmtree=killed))
    with pytest.raises(KeyboardInterrupt):
        train([tmp_path / "data"], tmp_path / "model", device_name="cpu")
    assert training.finished(tmp_path / "model")


def test_another_movie_of_the_same_name_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "recipe_for", lambda *_: SMALL)
    monkeypatch.setattr(training, "calibrate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for folder, toy in (("a", moving()), ("b", vanishing())):
        write_movie(toy, tmp_path / folder / "data")
    with pytest.raises(KeyboardInterrupt):
        train([tmp_path / "a" / "data"], tmp_path / "model", device_name="cpu")
    with pytest.raises(ValueError, match=r"expected the movies, recipe and budget, .* got others"):
        train([tmp_path / "b" / "data"], tmp_path / "model", device_name="cpu")


def test_sparse_truth_is_completed_by_the_pseudo_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Half of the moving cells' masks are missing; a teacher that sees perfectly gives them back."""
    monkeypatch.setattr(training, "recipe_for", lambda *_: SMALL.model_copy(update={"validation": 0.2}))
    toy = moving()
    write_movie(toy, tmp_path / "data")
    for t in (0, 2, 3):
        (tmp_path / "data" / "01_GT" / "SEG" / f"man_seg{t:03d}.tif").unlink()
    asked, used = [], []

    def teacher(model: object, movie: AnnotatedMovie, precision: str) -> dict[int, np.ndarray]:
        asked.append(movie.numbers)
        return {n: toy.labels[n] for n, partial in zip(movie.numbers, movie.partial, strict=True) if partial}

    def fitting(
        train_on: list[AnnotatedMovie], validate_on: list[AnnotatedMovie], *words: object, **named: object
    ) -> object:
        used.append([movie.partial for movie in (*train_on, *validate_on)])
        return fit(train_on, validate_on, *words, **named)

    monkeypatch.setattr(pseudo_labels, "pseudo_labels", teacher)
    monkeypatch.setattr(training, "fit", fitting)
    out = tmp_path / "model"
    train([tmp_path / "data"], out, device_name="cpu")
    none, both = set(), {1, 2}
    assert asked == [[0, 1, 2, 3, 4]]
    assert used == [[[both, none, both, both, none], [none]], [[none] * 5, [none]]]
    assert "cells 6 have a marker and a pseudo-label" in (out / checkpoint.CARD).read_text()
    assert not (out / training.TEACHER).exists()


def test_a_killed_log_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Between the restored lines and the first new one there is no moment without the restored lines."""
    lines = [json.dumps({"step": step, "total": 1.0}) for step in range(1, 6)]
    (tmp_path / LOG).write_text("\n".join(lines) + '\n{"step": 6, "tot')
    monkeypatch.setattr(resume, "state_of", lambda _: State(step=4))

    def killed() -> None:
        with writing(Journal(tmp_path, []), ProcessGroup(torch.device("cpu")), lambda _: None) as write:
            assert (tmp_path / LOG).read_text().splitlines() == lines[:4]
            write({"step": 5, "total": 2.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert (tmp_path / LOG).read_text().splitlines() == [*lines[:4], '{"step": 5, "total": 2.0}']


def test_fine_tuning_sees_the_grey_values_that_the_weights_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training, "recipe_for", lambda *_: SMALL)
    write_movie(moving(), tmp_path / "data")
    known = ModelConfig(
        normalisation=Normalisation(method="asinh"), method=EmbedTrackConfig(pixel_size=1 / 511), scale=0.5
    )
    checkpoint.save(tmp_path / "init", BranchedERFNet(), known)
    train([tmp_path / "data"], tmp_path / "model", device_name="cpu", init=tmp_path / "init")
    config = checkpoint.load(tmp_path / "model").config
    assert (config.normalisation, config.method.pixel_size) == (known.normalisation, known.method.pixel_size)
    assert config.scale == 2  # these cells are small, whatever cells the weights have seen
    digest = hashlib.sha256((tmp_path / "init" / checkpoint.WEIGHTS).read_bytes()).hexdigest()
    assert f"Fine-tuned from the weights of init ({digest[:12]}" in (tmp_path / "model" / checkpoint.CARD).read_text()


def test_fine_tuning_keeps_what_the_weights_know(tmp_path: Path):
    bright = write_movie(moving(), tmp_path / "toy")
    own = ModelConfig(normalisation=Normalisation(method="asinh", floor=7))
    assert tuned(Recipe(), own, [bright]).normalisation == own.normalisation
    assert tuned(recipe_for("Fluo-N2DH-SIM+"), own, []).normalisation == own.normalisation
    assert tuned(Recipe(), own, [bright]).learning_rate == Recipe().learning_rate / 2
    all_cells = ModelConfig(working_diameter=30)
    assert tuned(recipe_for("Fluo-N2DH-SIM+"), all_cells, []).normalisation.method == "asinh"  # the recipe says so
    assert tuned(Recipe(), all_cells, [bright]).normalisation.method == "asinh"  # the movie does
    assert tuned(GENERAL, all_cells, []).working_diameter == 30


def test_fine_tuning_on_images_of_another_kind_sees_them_as_their_own_kind_does(tmp_path: Path):
    bright = write_movie(moving(), tmp_path / "toy")
    phase_contrast, fluorescence = ModelConfig(), ModelConfig(normalisation=Normalisation(method="asinh"))
    assert tuned(Recipe(), phase_contrast, [bright]).normalisation == FLUORESCENCE
    assert tuned(recipe_for("PhC-C2DL-PSC"), fluorescence, []).normalisation == PLAIN
    images = write_stills(tmp_path / "images", ["a", "b"])
    assert tuned(OURS, ModelConfig(method=OURS.method), [images]).normalisation == FLUORESCENCE
    said = Recipe(normalisation=Normalisation(method="percentile", high=99.8))
    assert tuned(said, fluorescence, [bright]).normalisation == said.normalisation


def test_bandwidths_that_mean_another_thing_begin_no_training(tmp_path: Path):
    movie = write_movie(moving(), tmp_path / "toy")
    ours, published = (ModelConfig(method=recipe.method) for recipe in (OURS, PUBLISHED))
    assert tuned(OURS, ours, [movie]).method == ours.method
    with pytest.raises(ValueError, match=r"embedseg \(bounded bandwidth\), got some of embedseg \(raw bandwidth\)"):
        tuned(OURS, published, [])
    with pytest.raises(ValueError, match=r"embedseg \(raw bandwidth\), got some of embedtrack"):
        tuned(PUBLISHED, ModelConfig(), [])


def test_a_finished_training_is_replaced_where_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_movie(moving(), tmp_path / "data")
    begun = list[Path]()
    monkeypatch.setattr(training, "_train", lambda folders, out, *_: begun.append(out))
    finished, other = tmp_path / "finished", tmp_path / "other"
    for folder, names in ((finished, (*MODEL_FILES, LOG)), (other, ("README.md",))):
        folder.mkdir()
        for name in names:
            (folder / name).write_text("")
    with pytest.raises(ValueError, match="found a finished one; choose another --out, or say --overwrite"):
        train([tmp_path / "data"], finished, device_name="cpu")
    with pytest.raises(ValueError, match=r"got README.md, which no unfinished training left"):
        train([tmp_path / "data"], other, device_name="cpu")
    assert begun == []
    train([tmp_path / "data"], finished, device_name="cpu", overwrite=True)
    assert begun == [finished]


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "train.jsonl", "curves.svg"])
def test_files_of_others_are_not_overwritten(tmp_path: Path, name: str):
    write_movie(moving(), tmp_path / "data")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / name).write_text("mine")
    with pytest.raises(ValueError, match=rf"an unfinished training there, got {name}, .* say --overwrite"):
        train([tmp_path / "data"], tmp_path / "model", device_name="cpu")
    assert (tmp_path / "model" / name).read_text() == "mine"


@pytest.mark.parametrize("text", ["", "\n", "{", '{"step": "x"}', "[3]", '{"step": 99}', "\ud7ff", "[" * 100_000])
def test_damaged_lines_of_a_log_are_left_out(tmp_path: Path, text: str):
    (tmp_path / "train.jsonl").write_text(f'{{"step": 1}}\n{text}\n{{"step": 2}}\n')
    assert log_until(tmp_path / "train.jsonl", 2) == ['{"step": 1}', '{"step": 2}']
