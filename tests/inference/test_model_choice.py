"""The model that fits a movie is found by the agreement of its views, and by the size of what it finds."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge import layout
from embedtrack.challenge.aogm import quality
from embedtrack.challenge.convention import job, model_names
from embedtrack.checkpoint import read_config
from embedtrack.files.lazy import Lazy
from embedtrack.inference import model_choice
from embedtrack.inference.model_choice import Assessment, choose, choose_model, judge, rank
from embedtrack.methods.embedtrack import method
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.movies.kind import DARK, skew
from embedtrack.movies.movie import Movie
from embedtrack.movies.open import open_movie
from tests.drawings import draw, moving, write_movie


def made(name: str, agreement: float, diameter: float = 30, learnt: float | None = 30, cells: int = 5) -> Assessment:
    return Assessment(Path(name), (agreement,), (diameter,) * cells if diameter else (), learnt)


def test_quality_is_the_panoptic_one():
    two = draw((40, 60), {1: ((20, 15), 8), 2: ((20, 45), 8)})
    assert quality(two, two) == 1
    one = np.where(two == 1, 7, 0).astype(np.int32)
    assert quality(two, one) == quality(one, two) == pytest.approx(2 / 3)  # one found, of two and of one
    half = two.copy()
    half[:, 45:] = 0  # of the second cell a little less than half is left: no match
    assert quality(two, half) == pytest.approx(2 * 1 / 4)
    assert quality(two, np.zeros_like(two)) == quality(two * 0, two * 0) == 0


def test_skew_tells_bright_cells_from_phase_contrast():
    bright = moving().frames()
    assert skew(list(bright)) > DARK
    assert skew(list(1200 - bright)) < -DARK
    assert abs(skew([np.random.default_rng(0).normal(100, 9, (64, 64))])) < 0.3


@pytest.mark.parametrize(
    ("fits", "said", "sure"),
    [
        ([made("a", 0.9), made("b", 0.4)], "a fits: score 0.90; the next, b: 0.40; cells of 30", True),
        ([made("a", 0.9), made("b", 0.88)], "a fits, and b nearly as well", True),
        ([made("a", 0.7), made("b", 0.3)], "a fits best, but not well", False),
        ([made("a", 0.5), made("b", 0.3)], "none fits: a is the nearest", False),
        ([made("a", 0.9, 90)], "none fits: a is the nearest", False),
        ([made("a", 0.9, 90, None)], "a fits: score 0.90; cells of 90 pixels", True),
        ([made("a", 0, 0), made("b", 0, 0)], "no model finds any cell; going on with a", False),
    ],
)
def test_what_is_said(fits: list[Assessment], said: str, sure: bool):
    text, good = judge(rank(fits), 0.9)
    assert text.startswith(said)
    assert good is sure
    assert ("train one" in text) == (said.startswith("no"))


def test_cells_of_another_size_cost_more_the_further_they_are_apart():
    assert made("a", 0.8, 30, 40).alike == made("a", 0.8, 40, 30).alike == 1
    assert made("a", 0.8, 30, 84).alike == pytest.approx(1 / 2)  # twice as far as may be
    assert made("a", 0.8, 0).alike == 0


def test_of_models_that_fit_alike_the_one_that_knows_the_size_is_taken():
    assert [one.seen.model.name for one in rank([made("a", 0.92, 37), made("b", 0.9, 31), made("c", 0.85)])] == [*"bac"]
    assert [one.seen.model.name for one in rank([made("a", 0.95, 37), made("b", 0.9, 31)])] == [*"ab"]


def test_who_misses_half_of_the_cells_has_half_the_score():
    few, many = made("few", 0.9, cells=9), made("many", 0.9, cells=20)  # half of what would be enough
    fragments = made("fragments", 0.5, cells=900)  # it does not agree with itself: nobody asks it for their number
    assert [(one.seen.model.name, one.score) for one in rank([few, many, fragments])] == [
        ("many", pytest.approx(0.9)), ("fragments", pytest.approx(0.5)), ("few", pytest.approx(0.45)),
    ]  # fmt: skip


def test_one_cell_of_ten_more_decides_nothing():
    """The one that knows the size is taken, though the other finds a cell more."""
    assert [one.seen.model.name for one in rank([made("a", 0.95, 37, cells=17), made("b", 0.95, 31, cells=16)])] == [
        *"ba"
    ]


@pytest.fixture
def toy(tmp_path: Path) -> Movie:
    return open_movie(write_movie(moving(), tmp_path / "toy"))


def test_all_look_at_a_frame_and_those_near_the_best_at_more(
    toy: Movie, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    asked: list[str] = []
    agreement = {"a": [0.3], "b": [0.9, 0.7, 0.9], "c": [0.88, 0.9, 0.9], "d": [0.6]}

    def assess(folder: Path, images: list[np.ndarray], where: object, precision: str) -> Assessment:
        asked.append(folder.name)
        return made(str(folder), agreement[folder.name].pop(0))

    monkeypatch.setattr(model_choice, "choosable", lambda: ["a", "b", "c", "d"])
    monkeypatch.setattr(model_choice, "assess", assess)
    with caplog.at_level(logging.INFO):
        fit = choose(toy, "cpu", on_model=lambda done, total: None)
    assert asked == [*"abcd", *"bc"]  # b's second frame is enough: it is no longer near
    assert (fit.model.name, fit.sure, [one.seen.model.name for one in fit.table]) == ("c", True, [*"cbda"])
    assert "c: score 0.89: finds 5 cells of 30 pixels (it was trained on cells of 30); 89% the same" in caplog.text
    assert [record.levelname for record in caplog.records if "--model auto" in record.message] == ["INFO"]


def test_time_ends_the_looking(toy: Movie, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    asked: list[str] = []

    def assess(folder: Path, *_: object) -> Assessment:
        asked.append(folder.name)
        return made(str(folder), 0.3)

    monkeypatch.setattr(model_choice, "choosable", lambda: ["a", "b"])
    monkeypatch.setattr(model_choice, "assess", assess)
    monkeypatch.setattr(model_choice, "SECONDS", 0.0)
    with caplog.at_level(logging.WARNING):
        assert choose_model(toy, "cpu").name == "a"
    assert asked == ["a", "b"]
    assert "--model auto: none fits" in caplog.records[-1].message
    assert caplog.records[-1].levelname == "WARNING"


def test_an_empty_frame_decides_nothing(toy: Movie, monkeypatch: pytest.MonkeyPatch):
    """Nothing is seen but in the last frame, and there only by the last of the models."""
    monkeypatch.setattr(model_choice, "choosable", lambda: ["a", "b", "c"])

    def assess(folder: Path, images: list[np.ndarray], *_: object) -> Assessment:
        seen = any(np.array_equal(image, toy.frames[len(toy) - 1]) for image in images)
        return made(str(folder), *((0.9, 30) if seen and folder.name == "c" else (0, 0)))

    monkeypatch.setattr(model_choice, "assess", assess)
    assert choose_model(toy, "cpu").name == "c"


def test_no_model_at_all(toy: Movie, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(tmp_path))
    with pytest.raises(ValueError, match="got none; train one, or name a folder with --model"):
        choose_model(toy, "cpu")


def test_views_are_turned_back_before_they_are_compared(monkeypatch: pytest.MonkeyPatch):
    """A predictor without memory that marks bright pixels agrees with itself however the frame is turned."""
    image = moving().frames()[3]
    _, folder, _ = job("demo", "01")

    class Bright:
        def __init__(self, *_: object, **named: object) -> None: ...

        def __call__(self, frame: np.ndarray) -> Maps:
            none = np.zeros((2, *frame.shape), np.float32)
            return Maps(none, none, (frame > 1).astype(np.float32), none)

    def components(maps: Maps, *_: object) -> np.ndarray:
        from scipy.ndimage import label

        return label(maps.seediness > 0.5)[0].astype(np.int32)

    monkeypatch.setattr(method, "Predictor", Bright)
    monkeypatch.setattr("embedtrack.methods.embedtrack.cells.cluster", components)
    found = model_choice.assess(folder, [image], model_choice.device.choose("cpu"))
    assert found.qualities == (1,)
    assert len(found.diameters) == 2
    assert found.diameter == pytest.approx(14, abs=1)


def test_the_demo_is_told_apart(caplog: pytest.LogCaptureFixture):
    sequence, folder, _ = job("demo", "01")
    paths = layout.open_frame_folder(sequence).paths
    frames: Lazy[np.ndarray] = Lazy(1, lambda i: layout.read_frame(paths[i])[:256, :256])
    with caplog.at_level(logging.INFO):
        assert choose_model(Movie(sequence, frames, (256, 256)), "cpu") == folder
    assert re.search(r"Fluo-N2DH-SIM\+ fits.*: score 0\.[89]", caplog.text)
    assert "bright on dark" in caplog.text


def test_every_shipped_model_says_how_large_its_cells_are() -> None:
    def sizes() -> Iterator[float | None]:
        for name in model_names():
            yield read_config(model_choice.models() / name / "config.json").cell_diameter

    assert all(sizes())
