from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack import checkpoint
from embedtrack.challenge.stills import part_of
from embedtrack.methods.embedtrack.samples import shares
from embedtrack.movies.scale import typical_diameter
from embedtrack.recipe import GENERAL, Sampling
from embedtrack.training.calibrate import Score
from embedtrack.training.train import train
from embedtrack.truth.collection import read_collection
from tests.challenge.test_stills import write_stills
from tests.drawings import moving, write_movie

NAMES = [f"n{number}" for number in range(14)]
SMALL = GENERAL.model_copy(
    update={
        "sampling": Sampling(crop=64, large=0, balance="roots"),
        "epochs": 0.01,
        "validation": 0.3,
        "validations": 1,
    }
)


def folders(root: Path) -> list[Path]:
    write_movie(moving(), root / "film")
    return [root / "film", write_stills(root / "still", NAMES)]


def test_every_cell_gets_the_working_diameter(tmp_path: Path):
    training, validation = read_collection(folders(tmp_path), SMALL)
    assert [movie.name for movie in training] == [movie.name for movie in validation] == ["film/01", "still/images"]
    counts = [sum(part_of(f"still/{name}") == part for name in NAMES) for part in ("training", "validation")]
    assert [len(training[1].frames), len(validation[1].frames)] == counts  # what is held back is in neither
    for movie in (*training, *validation):
        assert movie.scale == 1
        found = typical_diameter(movie.labels)
        assert found == pytest.approx(30, abs=1)
        assert movie.frames[0].shape == movie.labels[0].shape == movie.truth[0].labels.shape
    assert all(training[0].tracked)
    assert not any(training[1].tracked)
    assert training[1].truth[0].labels is training[1].labels[0]


def test_few_images_train_and_one_validates(tmp_path: Path):
    """By their names none of these validates."""
    names = [name for name in NAMES if part_of(f"few/{name}") == "training"][:3]
    training, validation = read_collection([write_stills(tmp_path / "few", names)], SMALL)
    assert [len(training[0].frames), len(validation[0].frames)] == [2, 1]
    with pytest.raises(ValueError, match=r"expected images that train beside one that validates .* got 1 in all"):
        read_collection([write_stills(tmp_path / "one", ["a"])], SMALL)


def test_movies_without_cells_are_refused(tmp_path: Path):
    movie = write_movie(moving(), tmp_path / "film")
    for path in (tmp_path / "film" / "01_GT").rglob("man_*.tif"):
        tifffile.imwrite(path, np.zeros_like(tifffile.imread(path)))
    (tmp_path / "film" / "01_GT" / "TRA" / "man_track.txt").write_text("")
    with pytest.raises(ValueError, match=f"{movie}: expected cells in its masks, got none"):
        read_collection([tmp_path / "film"], SMALL)


def test_data_sets_are_drawn_by_the_root_of_their_size(tmp_path: Path):
    """Film has 4 frames in training, stills n: their shares are as 2 to the root of n."""
    training, _ = read_collection(folders(tmp_path), SMALL)
    stills = len(training[1].frames)
    film, still = shares(training, SMALL.sampling)
    assert film / still == pytest.approx(2 / stills**0.5)
    assert shares(training, Sampling())[0] == pytest.approx(4 / (4 + stills))


def test_a_model_of_all_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("embedtrack.training.recipes.GENERAL", SMALL)
    monkeypatch.setattr("embedtrack.training.train.calibrate", lambda network, config, *_: (config, {1: Score(0, 0)}))
    train(folders(tmp_path), tmp_path / "model", device_name="cpu", all_cells=True)
    config = checkpoint.load(tmp_path / "model").config
    assert (config.working_diameter, config.scale, config.cell_diameter) == (30, 1, None)
    card = (tmp_path / "model" / checkpoint.CARD).read_text()
    assert "film/01: 6 annotated frames" in card
    assert "still/images" in card


def test_what_is_for_measuring_does_not_train(tmp_path: Path):
    with pytest.raises(ValueError, match="BBBC010, which is for measuring"):
        read_collection([write_stills(tmp_path / "BBBC010", ["a"])], SMALL)
