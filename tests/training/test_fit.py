import errno
import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtrack import checkpoint
from embedtrack.challenge.scores import jaccards
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack import method
from embedtrack.methods.embedtrack.cluster import cluster
from embedtrack.methods.embedtrack.config import Clustering
from embedtrack.methods.embedtrack.loss import embedtrack_loss
from embedtrack.methods.embedtrack.predict import Predictor, Prepared, plan_tiles
from embedtrack.methods.embedtrack.samples import collate, draw
from embedtrack.methods.embedtrack.start import start
from embedtrack.recipe import Augmentation, Recipe, Sampling
from embedtrack.training import fit as fitting
from embedtrack.training import resume
from embedtrack.training.distributed import ProcessGroup
from embedtrack.training.fit import fit
from embedtrack.training.resume import State
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.holdout import split
from embedtrack.truth.reading import read_annotated
from tests.drawings import dividing, moving, touching, write_movie

ALONE = ProcessGroup(torch.device("cpu"))
SMALL = Recipe(sampling=Sampling(crop=40, large=0.3), batch=4, epochs=1, validations=2, validation=0.3)


def movies(folder: Path) -> list[AnnotatedMovie]:
    toys = {"moving": moving(), "dividing": dividing()}
    return [read_annotated(write_movie(toy, folder / name), SMALL.normalisation) for name, toy in toys.items()]


def losses(records: list[dict]) -> list[float]:
    return [record["total"] for record in records if "total" in record]


def test_one_pair_overfits_without_holes(tmp_path: Path):
    """A short training of one pair fills its masks: SEG > .95, and every cell is one piece without holes."""
    movie = read_annotated(write_movie(touching(), tmp_path / "toy"), SMALL.normalisation)
    still = Augmentation(affine=0, moving=0, contrast=0, brightness=0, blur=0, noise=0, clahe=0)
    network, config = start([movie], SMALL)
    sample = draw([movie], Sampling(crop=64), still, np.random.default_rng(3))
    batch = collate([sample], SMALL.pixel_size)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.p = 0.0
    network.train()
    for _ in range(150):
        now, before = network(batch.now, batch.before)
        total = embedtrack_loss(now, before, batch.cells_now, batch.cells_before, batch.links, SMALL.pixel_size).total
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    for module in network.modules():  # the statistics of this one batch
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        network(batch.now, batch.before)
    predictor = Predictor(Prepared(network.eval()), plan_tiles(sample.now.frame.shape, 2048), views=1)
    labels = cluster(predictor(sample.now.frame), Clustering(), config.method.pixel_size)
    truth = np.where(sample.now.labels > 0, sample.now.labels, 0)
    assert np.mean(jaccards(truth, labels)) > 0.95
    filled = labels[sample.now.labels > 0]
    assert (filled == 0).mean() < 0.03


def test_resume_equals_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "SAVE_SECONDS", 0.0)
    data = movies(tmp_path)
    whole = list(fit(*split(data, 0.3), tmp_path / "whole", SMALL, ALONE))
    broken = []
    for record in fit(*split(data, 0.3), tmp_path / "broken", SMALL, ALONE):
        broken.append(record)
        if record["step"] == 3:
            break  # as a kill would
    assert (tmp_path / "broken" / resume.FILE).is_file()
    again = list(fit(*split(data, 0.3), tmp_path / "broken", SMALL, ALONE))
    assert again[0]["step"] > 1
    merged = {r["step"]: r["total"] for r in [*broken, *again] if "total" in r}
    assert list(merged.values()) == losses(whole)
    weights = [(tmp_path / name / checkpoint.WEIGHTS).read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


def test_another_recipe_does_not_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "SAVE_SECONDS", 0.0)
    data = movies(tmp_path)
    for record in fit(*split(data, 0.3), tmp_path / "out", SMALL, ALONE):
        if record["step"] == 2:
            break
    with pytest.raises(ValueError, match="movies, recipe and budget"):
        next(fit(*split(data, 0.3), tmp_path / "out", SMALL.model_copy(update={"seed": 1}), ALONE))


def test_other_first_weights_do_not_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "SAVE_SECONDS", 0.0)
    data, (one, other) = movies(tmp_path), (SMALL.method.implementation().build(ModelConfig()) for _ in range(2))
    for record in fit(*split(data, 0.3), tmp_path / "out", SMALL, ALONE, init=one):
        if record["step"] == 2:
            break
    with pytest.raises(ValueError, match="first weights"):
        next(fit(*split(data, 0.3), tmp_path / "out", SMALL, ALONE, init=other))
    assert next(fit(*split(data, 0.3), tmp_path / "out", SMALL, ALONE, init=one))["step"] > 1


def test_a_budget_in_minutes_ends(tmp_path: Path):
    records = list(fit(*split(movies(tmp_path), 0.3), tmp_path / "out", SMALL, ALONE, minutes=0.02))
    assert 0 <= losses(records)[0] < 100
    assert records[-1]["validation_seg"] >= 0


def test_a_loss_that_is_not_finite_keeps_the_last_good_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = movies(tmp_path)
    monkeypatch.setitem(fitting.SCHEDULES, SMALL.schedule, lambda progress, peak: math.inf if progress else peak)
    with pytest.raises(ValueError, match="finite loss"):
        list(fit(*split(data, 0.3), tmp_path / "out", SMALL, ALONE))
    saved = torch.load(tmp_path / "out" / resume.FILE, weights_only=True)
    assert all(value.isfinite().all() for value in saved["network"].values())


def test_a_full_disk_keeps_what_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "SAVE_SECONDS", 0.0)
    data, out = split(movies(tmp_path), 0.3), tmp_path / "out"
    records = fit(*data, out, SMALL, ALONE)
    while next(records)["step"] < 3:
        pass
    before = (out / resume.FILE).read_bytes()

    def full(path: Path, data: bytes) -> int:
        with open("/dev/full", "wb") as file:
            return file.write(data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="kept") as raised:
        list(records)
    assert raised.value.errno == errno.ENOSPC
    assert (out / resume.FILE).read_bytes() == before
    assert not list(out.glob(".*.partial"))


def test_one_folder_one_training(tmp_path: Path):
    out = tmp_path / "out"
    with resume.lock(out):
        with pytest.raises(ValueError, match="at work"), resume.lock(out):
            pass
        assert out.is_dir()  # the first one's, though still empty
        with pytest.raises(ValueError, match="at work"), resume.lock(out):
            pass
    assert not out.exists()
    with resume.lock(out):
        assert list(out.iterdir()) == []


def test_validations_take_a_small_share_of_a_budget_in_minutes():
    late = State(seconds=100, validated=1, validating=10, last_validation=4)
    assert fitting._due(late, 2.5, bounded=True)
    assert not fitting._due(late, 1.9, bounded=True)
    slow = State(seconds=100, validated=1, validating=10, last_validation=6)
    assert not fitting._due(slow, 2.5, bounded=True)
    assert fitting._due(slow, 2.5, bounded=False)


def test_waiting_for_batches_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Batches take a second each, steps next to nothing: a budget of 1.2 seconds ends after two of them."""
    data = split(movies(tmp_path), 0.3)
    draw_one = method.draw

    def slow(*words: object) -> object:
        time.sleep(1)
        return draw_one(*words)

    monkeypatch.setattr(method, "draw", slow)
    recipe = SMALL.model_copy(update={"batch": 1, "sampling": Sampling(crop=32, large=0)})
    assert len(losses(list(fit(*data, tmp_path / "out", recipe, ALONE, minutes=1.2 / 60)))) <= 2


def test_other_movies_do_not_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "SAVE_SECONDS", 0.0)
    data = movies(tmp_path)
    for record in fit(*split(data, 0.3), tmp_path / "out", SMALL, ALONE):
        if record["step"] == 2:
            break
    with pytest.raises(ValueError, match="movies, recipe and budget"):
        next(fit(*split(data[:1], 0.3), tmp_path / "out", SMALL, ALONE))
    (tmp_path / "out" / resume.FILE).write_bytes(b"cut")
    with pytest.raises(ValueError, match="damaged"):
        next(fit(*split(data, 0.3), tmp_path / "out", SMALL, ALONE))
