"""All models look at a movie, and those that may fit it again."""

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
from embedtrack.inference.model_choice import choose
from embedtrack.inference.model_ranks import Assessment
from embedtrack.methods.embedtrack import method
from embedtrack.methods.embedtrack.maps import Maps
from embedtrack.movies.kind import DARK, skew
from embedtrack.movies.movie import Movie
from embedtrack.movies.open import open_movie
from embedtrack.options import Options
from tests.drawings import draw, moving, write_movie
from tests.inference.test_model_ranks import made


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


@pytest.fixture
def toy(tmp_path: Path) -> Movie:
    return open_movie(write_movie(moving(), tmp_path / "toy"))


def test_all_look_at_a_frame_and_those_near_the_best_at_more(
    toy: Movie, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    asked: list[str] = []
    agreement = {"a": [0.3], "b": [0.9, 0.7, 0.9], "c": [0.88, 0.9, 0.9], "d": [0.6]}

    def assess(folder: Path, *_: object) -> Assessment:
        asked.append(folder.name)
        return made(str(folder), agreement[folder.name].pop(0))

    monkeypatch.setattr(model_choice, "choosable", lambda diameter=None: ["a", "b", "c", "d"])
    monkeypatch.setattr(model_choice, "assess", assess)
    with caplog.at_level(logging.INFO):
        fit = choose(toy, "cpu", on_model=lambda done, total: None)
    assert asked == [*"abcd", *"bc"]  # b's second frame is enough: it is no longer near
    assert (fit.model.name, fit.sure, [one.seen.model.name for one in fit.table]) == ("c", True, [*"cbda"])
    assert (fit.diameter, fit.run_by(Options())) == (None, Options())
    assert "c: score 0.89: finds 5 cells of 30 pixels (it was trained on cells of 30); 89% the same" in caplog.text
    assert [record.levelname for record in caplog.records if "--model auto" in record.message] == ["INFO"]


def test_where_none_fits_all_are_brought_to_the_cells(
    toy: Movie, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    asked: list[tuple[str, object]] = []

    def assess(folder: Path, images: object, where: object, precision: str, diameter: object) -> Assessment:
        asked.append((folder.name, diameter))
        if diameter is None:
            return made(str(folder), 0.7 if folder.name == "a" else 0.5)
        return made(str(folder), 0.9 if folder.name == "b" else 0.6, 61)._replace(brought_to=60)

    monkeypatch.setattr(model_choice, "choosable", lambda diameter=None: ["a", "b"])
    monkeypatch.setattr(model_choice, "assess", assess)
    with caplog.at_level(logging.INFO):
        fit = choose(toy, "cpu")
    assert asked == [("a", None), ("b", None), ("a", "auto"), ("b", "auto")]
    assert (fit.model.name, fit.diameter, fit.sure) == ("b", 60, True)
    assert fit.run_by(Options(views=1)) == Options(views=1, diameter=60)
    assert fit.verdict.startswith("b fits, brought from cells of 30 pixels to 60: score 0.90, a has 0.70")
    assert "b: score 0.90: finds 5 cells of 61 pixels (it was trained on cells of 30, brought to 60)" in caplog.text
    asked.clear()
    assert choose(toy, "cpu", diameter=60).diameter == 60
    assert asked == [("a", 60), ("b", 60)]


def test_where_none_fits_even_so_there_is_a_warning(
    toy: Movie, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(model_choice, "choosable", lambda diameter=None: ["a", "b"])
    monkeypatch.setattr(
        model_choice, "assess", lambda folder, *_: made(str(folder), 0.3 if folder.name == "a" else 0.2)
    )
    with caplog.at_level(logging.WARNING):
        assert choose(toy, "cpu").model.name == "a"
    assert "--model auto: none fits" in caplog.records[-1].message
    assert caplog.records[-1].levelname == "WARNING"


def test_an_empty_frame_decides_nothing(toy: Movie, monkeypatch: pytest.MonkeyPatch):
    """Nothing is seen but in the last frame, and there only by the last of the models."""
    monkeypatch.setattr(model_choice, "choosable", lambda diameter=None: ["a", "b", "c"])

    def assess(folder: Path, images: list[np.ndarray], *_: object) -> Assessment:
        seen = any(np.array_equal(image, toy.frames[len(toy) - 1]) for image in images)
        return made(str(folder), *((0.9, 30) if seen and folder.name == "c" else (0, 0)))

    monkeypatch.setattr(model_choice, "assess", assess)
    assert choose(toy, "cpu").model.name == "c"


def test_no_model_at_all(toy: Movie, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(tmp_path))
    with pytest.raises(ValueError, match="got none; train one, or name a folder with --model"):
        choose(toy, "cpu")


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
    assert (found.share, found.brought_to, found.other_kind) == (1, None, False)
    negative = model_choice.assess(folder, [image.max() - image], model_choice.device.choose("cpu"))
    assert negative.other_kind
    monkeypatch.setattr("embedtrack.methods.embedtrack.cells.cluster", lambda maps, *_: np.ones_like(components(maps)))
    field = model_choice.assess(folder, [image], model_choice.device.choose("cpu"))
    assert (field.qualities, field.diameters) == ((0,), ())  # a mask of the whole field is no cell
    monkeypatch.setattr("embedtrack.methods.embedtrack.cells.cluster", components)
    monkeypatch.setattr(model_choice, "LARGEST", 32)
    assert model_choice.assess(folder, [image], model_choice.device.choose("cpu")).share == 32**2 / image.size


def test_the_demo_is_told_apart(caplog: pytest.LogCaptureFixture):
    sequence, folder, _ = job("demo", "01")
    paths = layout.open_frame_folder(sequence).paths
    frames: Lazy[np.ndarray] = Lazy(1, lambda i: layout.read_frame(paths[i])[:256, :256])
    with caplog.at_level(logging.INFO):
        assert choose(Movie(sequence, frames, (256, 256)), "cpu").model == folder
    assert re.search(r"Fluo-N2DH-SIM\+ fits.*: score 0\.[89]", caplog.text)
    assert "bright on dark" in caplog.text


def test_every_shipped_model_says_how_large_its_cells_are() -> None:
    def sizes() -> Iterator[float | None]:
        for name in model_names():
            yield read_config(model_choice.models() / name / "config.json").cell_diameter

    assert all(sizes())


def test_models_that_cannot_be_brought_to_the_cells_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name, learnt in (("small", 10.0), ("large", 100.0), ("unknown", None)):
        config = read_config(model_choice.models() / "Fluo-N2DL-HeLa" / "config.json")
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").touch()
        (tmp_path / name / "config.json").write_text(
            config.model_copy(update={"cell_diameter": learnt}).model_dump_json()
        )
    monkeypatch.setenv("EMBEDTRACK_MODELS", str(tmp_path))
    assert model_choice.choosable() == ["large", "small", "unknown"]
    assert model_choice.choosable("auto") == ["large", "small"]
    assert model_choice.choosable(2.0) == ["small"]
    assert model_choice.choosable(1000.0) == ["large"]
