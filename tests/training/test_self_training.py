"""Self-training in small: lessons that are a toy's truth, a step or two."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtrack import checkpoint
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.methods.hourglass.config import HourglassConfig
from embedtrack.model_files import noted_data
from embedtrack.movies.settings import FLUORESCENCE, Normalisation
from embedtrack.recipe import Sampling
from embedtrack.training import resume, self_training
from embedtrack.training.train import finished
from embedtrack.training.unannotated import Lessons
from embedtrack.truth.reading import read_annotated
from tests.drawings import moving, write_movie

RANGES = {"encoder.2": (1.0, 1.0, 1.0, 1.0)}
CONFIG = ModelConfig(
    method=EmbedTrackConfig(clustering=Clustering(seed_threshold=0.6)), normalisation=Normalisation(), ranges=RANGES
)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    write_movie(moving(), tmp_path / "toy")
    return tmp_path / "toy" / "01"


@pytest.fixture
def model(tmp_path: Path, network: BranchedERFNet) -> Path:
    checkpoint.save(tmp_path / "model", network, CONFIG)
    return tmp_path / "model"


@pytest.fixture
def taught(movie: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = read_annotated(movie, Normalisation())
    found = Lessons([truth.part([0, 1]), truth.part([2, 3])], 40, 50, 0.8)
    monkeypatch.setattr(self_training, "lessons", lambda segmenter, frames: found)
    monkeypatch.setattr(self_training, "agreement", lambda segmenter, frames: 0.7)
    usual = self_training.recipe_of_model

    def small(*words: object) -> object:
        return usual(*words).model_copy(update={"sampling": Sampling(crop=64), "batch": 1})

    monkeypatch.setattr(self_training, "recipe_of_model", small)


def test_bright_cells_are_taught_by_frames_that_are_harder_to_see():
    for normalisation, looks in ((FLUORESCENCE, self_training.LOOKS), (Normalisation(), 0.0)):
        config = CONFIG.model_copy(update={"normalisation": normalisation})
        assert self_training.recipe_of_model("mine", config, 0).augmentation.appearance == looks


@pytest.mark.usefixtures("taught")
def test_new_weights_with_the_old_thresholds(movie: Path, model: Path, tmp_path: Path, run_whole: Callable):
    new = tmp_path / "new"
    code, printed, said = run_whole(
        "adapt", movie, "--model", model, "--out", new, "--minutes", 0.02, "--device", "cpu", "--json"
    )
    assert (code, finished(new)) == (0, True)
    told = json.loads(printed)
    assert (told["trusted"], told["found"], told["before"], told["after"]) == (40, 50, 0.8, 0.7)
    assert "agree less than before" in said
    before, after = checkpoint.load(model), checkpoint.load(new)
    assert after.config == CONFIG.model_copy(update={"ranges": {}})
    changed = [
        not torch.equal(old, now)
        for old, now in zip(before.network.parameters(), after.network.parameters(), strict=True)
    ]
    assert any(changed)
    card = (new / checkpoint.CARD).read_text()
    assert "40 of the 50 masks" in card
    assert "None, for there is no truth" in card
    code, _, said = run_whole("adapt", movie, "--model", model, "--out", new)
    assert code == 2
    assert "expected a new or an unfinished training" in said


@pytest.mark.usefixtures("taught")
def test_a_model_may_be_brought_to_the_cells_first(movie: Path, network: BranchedERFNet, tmp_path: Path, run: Callable):
    checkpoint.save(tmp_path / "model", network, CONFIG.model_copy(update={"cell_diameter": 20.0}))
    new = tmp_path / "new"
    words = ("adapt", movie, "--model", tmp_path / "model", "--out", new, "--minutes", 0.02, "--device", "cpu")
    code, said = run(*words, "--diameter", 28)
    assert (code, finished(new)) == (0, True), said
    config = checkpoint.load(new).config
    assert (config.scale, config.cell_diameter) == (20 / 28, 28)


@pytest.mark.usefixtures("taught")
def test_a_place_that_is_not_free_is_refused_before_any_work(
    movie: Path, model: Path, tmp_path: Path, run: Callable, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(self_training, "lessons", lambda segmenter, frames: pytest.fail("at work"))
    (tmp_path / "file").write_text("a person's")
    code, said = run("adapt", movie, "--model", model, "--out", tmp_path / "file", "--device", "cpu")
    assert (code, (tmp_path / "file").read_text()) == (2, "a person's")
    with resume.lock(tmp_path / "new"):
        code, said = run("adapt", movie, "--model", model, "--out", tmp_path / "new", "--device", "cpu")
    assert code == 2
    assert "found one at work" in said


@pytest.mark.usefixtures("taught")
def test_no_other_training_enters_before_the_card_names_the_movie(
    movie: Path, model: Path, tmp_path: Path, run: Callable, monkeypatch: pytest.MonkeyPatch
):
    def locked(segmenter: object, frames: object) -> float:
        with pytest.raises(ValueError, match="at work"), resume.lock(tmp_path / "new"):
            pass
        return 0.9

    monkeypatch.setattr(self_training, "agreement", locked)
    monkeypatch.chdir(movie)
    words = ("--out", tmp_path / "new", "--minutes", 0.01, "--device", "cpu")
    code, _ = run("adapt", ".", "--model", model, *words)
    assert code == 0
    assert noted_data(tmp_path / "new" / checkpoint.CARD) == [movie.name]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--minutes", "0"], "expected --minutes above 0"),
        (["--until", "0"], "expected a movie of two frames or more, got 1"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    movie: Path, model: Path, tmp_path: Path, run: Callable, words: list[str], message: str
):
    code, said = run("adapt", movie, "--model", model, "--out", tmp_path / "new", "--device", "cpu", *words)
    assert code == 2
    assert message in said
    assert not (tmp_path / "new").exists()


def test_a_method_without_views_is_refused(movie: Path, tmp_path: Path, run: Callable):
    method = HourglassConfig(channels=4, levels=2, dimensions=4, length=2, squared=False)
    checkpoint.save(
        tmp_path / "hours", method.implementation().build(ModelConfig(method=method)), ModelConfig(method=method)
    )
    code, said = run("adapt", movie, "--model", tmp_path / "hours", "--out", tmp_path / "new")
    assert code == 2
    assert "expected a model of embedtrack or embedseg, got one of hourglass" in said


def test_a_model_that_finds_nothing_alike_is_refused(movie: Path, model: Path, tmp_path: Path, run: Callable):
    code, said = run("adapt", movie, "--model", model, "--out", tmp_path / "new", "--device", "cpu")
    assert code == 2
    assert "expected 10 masks or more that model finds alike in two views" in said
    assert not (tmp_path / "new").exists()


def test_the_recipe_is_the_models():
    recipe = self_training.recipe_of_model("Fluo-N2DH-SIM+", ModelConfig(scale=0.5), 3)
    assert (recipe.scale, recipe.seed, recipe.learning_rate, recipe.validations) == (0.5, 3, self_training.RATE, 1)
    assert recipe.sampling == self_training.recipe_for("Fluo-N2DH-SIM+").sampling
    assert np.isclose(recipe.pixel_size, 1 / 255)
