"""Pixel sizes and intervals in other programs' words."""

from pathlib import Path
from typing import Any

import pytest

from embedtrack.exchange.formats import export, load
from embedtrack.movies.units import Units
from tests.exchange.hard import hard
from tests.exchange.test_foreign import trackmate


@pytest.mark.parametrize(("space", "time", "units"), [
    ("nm", "min", (0.0005, 3600)), ("microns", "minutes", (0.5, 3600)), ("µm", "ms", (0.5, 0.06)),
    ("pixels", "frames", (None, None)), ("", "", (None, None)),
])  # fmt: skip
def test_trackmates_words_for_units_are_understood(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, space: str, time: str, units: tuple[float | None, float | None]
):
    path = trackmate(tmp_path / "x.xml", micron=space, **{'"sec"': f'"{time}"'})
    assert load(path).units == units
    assert not caplog.text


def test_unknown_units_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert load(trackmate(tmp_path / "x.xml", micron="furlong", **{'"sec"': '"moons"'})).units == (None, None)
    assert caplog.text.count("the pixel size of 0.5 'furlong' is not understood and is left out") == 1
    assert "the interval of 60 'moons' is not understood and is left out; say it with --interval" in caplog.text


def geff(place: Path, **axes: dict[str, Any]) -> Path:
    """What we write, with other words about its axes."""
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("geff")
    export(hard(Units(0.5, 60)), "geff", place)
    group = zarr.open_group(place / "tracks.geff", mode="a")
    about = dict(group.attrs["geff"])
    for axis in about["axes"]:
        axis.update(axes.get(axis["name"], axes.get("space", {}) if axis["type"] == "space" else {}))
    group.attrs["geff"] = about
    return place


def test_geffs_words_for_units_are_understood(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    space, time = {"scale": 500, "scaled_unit": "nanometer"}, {"scale": 20, "scaled_unit": "minute"}
    assert load(geff(tmp_path / "x", space=space, t=time)).units == (0.5, 1200)
    assert load(geff(tmp_path / "y", y=space)).units == (0.5, 60)  # x in micrometres is as long
    assert not caplog.text


@pytest.mark.filterwarnings("ignore:Spatial scaled_unit")
@pytest.mark.parametrize(("axes", "said"), [
    ({"y": {"scale": 0.25}}, "pixels of 0.25 x 0.5 micrometres are not square; the pixel size is left out"),
    ({"space": {"scaled_unit": "furlong"}}, "the pixel size of 0.5 'furlong' is not understood"),
    ({"space": {"unit": "micrometer", "scaled_unit": None}}, "0.5 'micrometer without scaled_unit' is not understood"),
])  # fmt: skip
def test_geffs_pixels_that_have_no_one_size_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, axes: dict[str, dict[str, Any]], said: str
):
    assert load(geff(tmp_path / "x", **axes)).units == (None, 60)
    assert caplog.text.count(said) == 1
