"""What a person sets of a training: fields of the recipe, whole movies that validate, folds, and the clock."""

import math
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.movies.settings import PLAIN, Normalisation
from embedtrack.recipe import GENERAL, Recipe
from embedtrack.training.calibrate import PASSES, affordable
from embedtrack.training.controls import changed
from embedtrack.training.folds import divide, markdown
from embedtrack.training.train import train
from embedtrack.truth.derive import derive
from embedtrack.truth.reading import read_annotated_movies
from tests.drawings import moving, write_movie


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("01", "02", "03"):
        write_movie(moving(), tmp_path / "toy", name)
    return tmp_path / "toy"


def test_fields_that_are_set_and_those_that_cannot_be():
    recipe = changed(Recipe(), {"learning_rate": 1e-4, "batch": 2, "normalisation": Normalisation(method="asinh")})
    assert (recipe.learning_rate, recipe.batch, recipe.normalisation.method) == (1e-4, 2, "asinh")
    assert changed(Recipe(), {}) == Recipe()
    with pytest.raises(ValueError, match=r"expected --learning-rate as in .*got 2"):
        changed(Recipe(), {"learning_rate": 2.0})
    with pytest.raises(ValueError, match="without --all-cells"):
        changed(GENERAL, {"normalisation": PLAIN})


def test_the_normalisation_follows_from_the_images(data: Path):
    folders = [data / "01"]
    assert derive(Recipe(), folders).normalisation.method == "asinh"  # bright cells on a dark ground
    assert derive(Recipe(normalisation=PLAIN), folders).normalisation.method == "percentile"
    for path in (data / "01").iterdir():
        tifffile.imwrite(path, (2000 - tifffile.imread(path).astype(np.int32)).astype(np.uint16))
    assert derive(Recipe(), folders).normalisation.method == "percentile"


def test_folds_validate_every_movie_once(data: Path, tmp_path: Path):
    held = divide([data], 2)
    assert [[movie.name for movie in one] for one in held] == [["01", "03"], ["02"]]
    with pytest.raises(ValueError, match="expected --folds 3 at most"):
        divide([data], 4)
    parts = dict(zip((tmp_path / "fold1", tmp_path / "fold2"), held, strict=True))
    scores = {str(tmp_path / "fold1"): {"SEG": 0.5}, str(tmp_path / "fold2"): {"SEG": 0.7, "DET": 0.9}}
    assert markdown(parts, scores).splitlines()[2:] == [
        "| fold1 | toy/01, toy/03 | 0.500 | - |", "| fold2 | toy/02 | 0.700 | 0.900 |", "| mean |  | 0.600 | 0.900 |",
    ]  # fmt: skip


def test_whole_movies_validate(data: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="expected --validation to be one of the annotated movies"):
        train([data], tmp_path / "out", epochs=0.01, device_name="cpu", held=[data / "04"])
    with pytest.raises(ValueError, match="expected a movie that trains"):
        train([data], tmp_path / "out", epochs=0.01, device_name="cpu", held=[data / n for n in ("01", "02", "03")])
    train([data], tmp_path / "out", epochs=0.01, device_name="cpu", held=[data / "02"], changes={"batch": 1})
    card = (tmp_path / "out" / "README.md").read_text()
    assert "toy/02" in card
    assert '"batch": 1' in card
    for path in [*(data / "03_GT").rglob("man_seg*.tif"), *(data / "03_GT").rglob("man_track*.tif")]:
        tifffile.imwrite(path, np.zeros_like(tifffile.imread(path)))
    for path in (data / "03_GT").rglob("man_track.txt"):
        path.write_text("")
    for held, what in ((["03"], "validation"), (["01", "02"], "training")):
        with pytest.raises(ValueError, match=f"expected annotated cells in the {what} frames, found none"):
            train([data], tmp_path / what, epochs=0.01, device_name="cpu", held=[data / n for n in held])


def test_a_calibration_looks_at_as_many_frames_as_there_is_time_for(data: Path):
    movies = read_annotated_movies([data / "01"], PLAIN, 1.0)
    usual = affordable(movies, math.inf, 1.0)
    assert affordable(movies, PASSES * 1.0, 1.0) == usual
    assert affordable(movies, PASSES * 0.5, 1.0) == usual // 2
    assert affordable(movies, -3.0, 1.0) == 1
