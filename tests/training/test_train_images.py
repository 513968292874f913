"""EmbedSeg learns from folders of images, or from movies frame by frame."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from embedtrack import checkpoint
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.challenge.stills import open_stills, shuffled
from embedtrack.methods.embedseg import recipes
from embedtrack.methods.embedseg.config import EmbedSegConfig
from embedtrack.recipe import Sampling
from embedtrack.training.recipes import OTHERS, recipe_of
from embedtrack.training.train import _read, train
from embedtrack.truth.derive import derive
from tests.challenge.test_stills import write_stills
from tests.drawings import draw, moving, write_movie

SMALL = recipes.OURS.model_copy(
    update={"sampling": Sampling(crop=64, large=0), "epochs": 0.3, "validations": 1, "batch": 2, "scale": 1.0}
)
Run = Callable[..., tuple[int, str]]


def add(dataset: Path, name: str, shape: tuple[int, int]) -> None:
    """An image of another size, without any cell."""
    grey = np.random.default_rng(1).normal(200, 9, shape).astype(np.uint16)
    tifffile.imwrite(dataset / "images" / f"{name}.tif", grey)
    tifffile.imwrite(dataset / "masks" / f"{name}.tif", np.zeros(shape, np.uint16))


def test_images_become_a_model_that_segments(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(OTHERS, "embedseg", SMALL)
    images, model = write_stills(tmp_path / "mine", ["a", "b", "c"]), tmp_path / "model"
    add(images, "empty", (40, 110))
    code, error = run("train", images, "--method", "embedseg", "--out", model, "--device", "cpu")
    assert code == 0, error
    loaded = checkpoint.load(model)
    assert isinstance(loaded.config.method, EmbedSegConfig)
    assert loaded.config.normalisation.method == "asinh"  # bright on dark
    assert not any(name.startswith("tracking") for name in loaded.network.state_dict())
    first = json.loads((model / "train.jsonl").read_text().splitlines()[0])
    assert {"total", "instance", "variance", "seed"} <= first.keys()
    assert "track" not in first
    card = (model / checkpoint.CARD).read_text()
    assert "EmbedSeg's branched ERFNet" in card
    assert "mine/images: 4 annotated frames" in card
    assert "tracking decoder" not in card
    code, error = run("segment", images, "--model", model, "--out", tmp_path / "masks", "--device", "cpu", "--views", 1)
    assert code == 0, error
    assert "4 images" in error


def test_movies_train_frame_by_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(OTHERS, "embedseg", SMALL)
    write_movie(moving(), tmp_path / "film")
    train([tmp_path / "film"], tmp_path / "model", method="embedseg", device_name="cpu")
    assert checkpoint.load(tmp_path / "model").config.method.name == "embedseg"


def test_embedseg_and_embedtrack_begin_with_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """All but the tracking decoder is taken over; a rate of next to nothing leaves it as it was."""
    monkeypatch.setitem(OTHERS, "embedseg", SMALL.model_copy(update={"average": 0.0}))
    write_movie(moving(), tmp_path / "film")
    nuclei, film, still = REPOSITORY / "models/Fluo-N2DH-SIM+", tmp_path / "film", {"learning_rate": 1e-12}
    train([film], tmp_path / "images", method="embedseg", init=nuclei, changes=still, device_name="cpu")
    train([film], tmp_path / "movies", init=tmp_path / "images", epochs=0.05, changes=still, device_name="cpu")
    weights = {name: dict(checkpoint.load(tmp_path / name).network.named_parameters()) for name in ("images", "movies")}
    known = dict(checkpoint.load(nuclei).network.named_parameters())
    assert weights["images"].keys() == {name for name in known if not name.startswith("tracking")}
    assert weights["movies"].keys() == known.keys()
    for found in weights.values():
        for name in weights["images"]:
            torch.testing.assert_close(found[name], known[name], rtol=2e-3, atol=1e-6)


def test_what_images_leave_open(tmp_path: Path):
    """The cells are 16 pixels across, and bright on dark."""
    images = write_stills(tmp_path / "mine", ["a", "b"])
    recipe = derive(recipes.OURS, [images])
    assert recipe.scale == 2
    assert recipe.normalisation.method == "asinh"
    published = derive(recipes.PUBLISHED, [images])
    assert (published.scale, published.normalisation.high, published.sampling.crop) == (1, 99.8, 256)


def test_truth_keeps_its_own_pixels(tmp_path: Path):
    """Frames and labels are at the working scale; images that hold nothing stay."""
    images = write_stills(tmp_path / "mine", ["a", "b"])
    add(images, "empty", (40, 110))
    [movie] = _read([images], recipes.OURS.model_copy(update={"scale": 2.0}))
    shapes = {"a": (70, 90), "b": (70, 90), "empty": (40, 110)}
    order = [still.image.stem for still in shuffled(open_stills(images))]
    assert [one.labels.shape for one in movie.truth] == [shapes[name] for name in order]
    assert [frame.shape for frame in movie.frames] == [tuple(2 * n for n in shapes[name]) for name in order]
    assert movie.scale == 2


def test_the_order_depends_on_the_names_alone(tmp_path: Path):
    few = open_stills(write_stills(tmp_path / "mine", [f"n{number}" for number in range(8)]))
    names = [still.name for still in shuffled(few)]
    assert names == [still.name for still in shuffled(few[::-1])]
    assert names != sorted(names)


def test_bad_words(tmp_path: Path, run: Run):
    images = write_stills(tmp_path / "mine", ["a", "b"])
    out = ("--out", tmp_path / "model")
    for words, expected in (
        ((), "--method embedseg"),
        (("--method", "embedsec"), "got embedsec"),
        (("--method", "embedseg", "--all-cells"), "--all-cells"),
        (("--method", "embedseg-published", "--init", "Fluo-N2DH-SIM+"), "of embedtrack"),
    ):
        code, error = run("train", images, *out, *words)
        assert (code, error.count("\n")) == (2, 1), error
        assert expected in error
    assert not (tmp_path / "model").exists()
    tifffile.imwrite(images / "masks/a.tif", draw((70, 90), {}).astype(np.uint16))
    tifffile.imwrite(images / "masks/b.tif", draw((70, 90), {}).astype(np.uint16))
    code, error = run("train", images, "--method", "embedseg", "--device", "cpu", *out)
    assert (code, error.count("\n")) == (2, 1), error
    assert "images with cells" in error


def test_known_data_sets_keep_their_normalisation():
    known = recipe_of("embedseg", "Fluo-N2DH-SIM+", all_cells=False)
    assert known is not None
    assert known.normalisation.method == "asinh"
    assert recipe_of("embedseg-published", "Fluo-N2DH-SIM+", all_cells=False) == recipes.PUBLISHED
    assert recipe_of("embedtrack", "anything", all_cells=False) is None


def test_the_movie_that_validates_is_the_one_that_was_named(tmp_path: Path):
    """In whatever order movies and images are given."""
    write_stills(tmp_path / "images", ["a", "b", "c", "d"])
    for name in ("01", "02"):
        write_movie(moving(), tmp_path / "movies", name)
    recipe = SMALL.model_copy(update={"epochs": 0.01})
    for out, folders in enumerate([("images", "movies"), ("movies", "images")]):
        train(
            [tmp_path / folder for folder in folders], tmp_path / f"out{out}", device_name="cpu", recipe=recipe,
            held=[tmp_path / "movies" / "01"], method="embedseg",
        )  # fmt: skip
        card = (tmp_path / f"out{out}" / "README.md").read_text()
        assert "- movies/01: 6 annotated frames, all of which validate" in card
        assert "all of which train" in card.split("- movies/02")[1].splitlines()[0]
