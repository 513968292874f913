"""export and import on the command line."""

import os
from pathlib import Path

import pytest

from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.exchange.formats import FORMATS
from tests.cli.test_look import Run, data  # noqa: F401
from tests.exchange.hard import hard, same


@pytest.mark.parametrize("kind", FORMATS)
def test_there_and_back(run: Run, tmp_path: Path, kind: str):
    for package in {"geff": ["geff", "zarr"], "ome-zarr": ["zarr"]}.get(kind, []):
        pytest.importorskip(package)
    write_tracked(hard(), tmp_path / "01_RES")
    code, _ = run("export", tmp_path / "01_RES", "--to", kind, "--out", tmp_path / "out", "--pixel-size", 0.5)
    assert code == 0
    code, said = run("import", tmp_path / "out", "--out", tmp_path / "02_RES")
    assert code == 0
    assert "8 frames, 12 tracks" in said
    assert same(open_tracked(tmp_path / "02_RES"), hard())


def test_masks_get_the_numbers_of_the_movie(run: Run, data: Path):  # noqa: F811
    for t in range(6):
        (data / "01" / f"t{t:03d}.tif").rename(data / "01" / f"t{t + 7:04d}.tif")
    assert run("export", data / "01_GT", "--to", "napari", "--out", data / "out")[0] == 0
    words = ("import", data / "out", "--from", "napari", "--raw", data / "01", "--out", data / "01_RES")
    assert run(*words)[0] == 0
    assert sorted(os.listdir(data / "01_RES"))[0] == "mask0007.tif"
    assert run("check", data / "01_RES")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "{}/01_GT", "--to", "xls", "--out", "{}/x"), "expected --to geff"),
        (("export", "{}/02", "--to", "napari", "--out", "{}/x"), "expected a result"),
        (("export", "{}/01_GT", "--to", "napari", "--out", "{}/01"), "expected nothing or an older output"),
        (("export", "{}/01_GT", "--to", "isbi", "--out", "{}/01"), "expected nothing but an older result"),
        (("import", "{}/01", "--out", "{}/x"), "expected masks, got neighbours that differ as in a grey image"),
        (("import", "{}/01_GT", "--from", "napari", "--out", "{}/x"), "expected a stack of masks"),
        (("import", "{}/none", "--out", "{}/x"), "got nothing of this name"),
    ],
)
def test_bad_input_is_one_clear_line(run: Run, data: Path, words: tuple[str, ...], said: str):  # noqa: F811
    before = sorted(os.listdir(data))
    code, err = run(*(word.format(data) for word in words))
    assert code == 2
    assert err.startswith("error: ")
    assert said in err
    assert len(err.splitlines()) == 1
    assert sorted(os.listdir(data)) == before
