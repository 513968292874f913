"""Our mark: what carries it can still be read, and what a person has added or changed is no longer ours."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedtrack.exchange.formats import export, load
from embedtrack.files.mark import FILE, carries_mark, foreign, mark_file, mark_folder
from embedtrack.files.whole import new_file, new_folder
from embedtrack.looks.measure import measure
from embedtrack.looks.movie import write_pictures
from tests.exchange.hard import hard

PICTURES = [np.full((32, 48, 3), value, np.uint8) for value in (0, 80, 160, 240)]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".png", ".jpg"])
def test_pictures_carry_the_mark_and_can_be_read(tmp_path: Path, suffix: str):
    out = tmp_path / f"m{suffix}"
    for _ in range(2):  # the second one replaces the first one
        write_pictures(out, [picture.copy() for picture in PICTURES], 10)
    assert carries_mark(out)
    if suffix in (".mp4", ".webm"):
        video = cv2.VideoCapture(str(out))
        shown = [frame for _ in PICTURES if (frame := video.read()[1]) is not None]
        assert [abs(frame.mean() - picture.mean()) < 8 for frame, picture in zip(shown, PICTURES, strict=True)] == [
            True
        ] * 4
    else:
        with Image.open(out) as image:
            image.load()
            assert getattr(image, "n_frames", 1) == (4 if suffix == ".gif" else 1)
    out.write_bytes(b"mine")
    with pytest.raises(ValueError, match="got another's; choose another name, or say --overwrite"):
        write_pictures(out, PICTURES, 10)
    assert out.read_bytes() == b"mine"
    write_pictures(out, [picture.copy() for picture in PICTURES], 10, overwrite=True)
    assert carries_mark(out)


def test_pages_of_text_carry_the_mark(tmp_path: Path):
    for name in ("a.md", "a.html"):
        with new_file(tmp_path / name) as path:
            path.write_text("scores\n")
        assert carries_mark(tmp_path / name)
        assert (tmp_path / name).read_text().startswith("scores\n<!-- ")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_carry_the_mark(tmp_path: Path, suffix: str):
    out = tmp_path / f"t{suffix}"
    for _ in range(2):
        measure(hard(), out)
    assert carries_mark(out)
    assert carries_mark(tmp_path / f"t_tracks{suffix}")
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    assert list(read(out).columns[:3]) == ["frame", "label", "track"]
    (tmp_path / f"t_tracks{suffix}").write_text("frame;label\n")
    before = out.read_bytes()
    with pytest.raises(ValueError, match="--overwrite"):
        measure(hard(), out)
    assert out.read_bytes() == before


@pytest.mark.parametrize("kind", ["geff", "trackmate", "napari", "ome-zarr"])
def test_a_folder_that_a_person_has_touched_is_no_longer_ours(tmp_path: Path, kind: str):
    out = tmp_path / "out"
    export(hard(), kind, out)
    assert foreign(out, kind) == ""
    assert foreign(out, "other") != ""
    load(out)
    deep = max((path for path in out.rglob("*") if path.is_dir()), default=out, key=lambda path: len(path.parts))
    (deep / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"as we wrote it, got (notes.txt|files that were changed).*--overwrite"):
        export(hard(), kind, out)
    assert (deep / "notes.txt").read_text() == "mine"
    export(hard(), kind, out, overwrite=True)
    assert foreign(out, kind) == ""
    assert not (deep / "notes.txt").exists()


def test_a_number_that_a_person_has_changed_is_seen(tmp_path: Path):
    """A text of the same length."""
    export(hard(), "napari", out := tmp_path / "out")
    table = out / "tracks.csv"
    edited = table.read_text().replace("1,0,10.0,10.0", "1,0,10.0,11.0")
    assert edited != table.read_text()
    table.write_text(edited)
    with pytest.raises(ValueError, match="files that were changed"):
        export(hard(), "napari", out)
    assert table.read_text() == edited


def test_folders_of_older_versions_are_still_ours(tmp_path: Path):
    export(hard(), "napari", out := tmp_path / "out")
    about = json.loads((out / FILE).read_text())
    del about["texts"]
    (out / FILE).write_text(json.dumps(about))
    export(hard(), "napari", out)
    assert "texts" in json.loads((out / FILE).read_text())


@pytest.mark.parametrize("names", [["01/t000.tif", "02/t000.tif"], ["labels.tif"], ["movie.tif"], ["segmentation/a"]])
@pytest.mark.parametrize("kind", ["geff", "trackmate", "napari", "ome-zarr", "isbi"])
def test_names_alone_do_not_make_a_folder_ours(tmp_path: Path, kind: str, names: list[str]):
    for name in names:
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(ValueError, match="--overwrite"):
        export(hard(), kind, tmp_path / "out")
    assert all((tmp_path / "out" / name).read_text() == "mine" for name in names)


def test_masks_of_others_are_no_result_of_ours(tmp_path: Path):
    export(hard(), "isbi", tmp_path / "out")
    export(hard(), "isbi", tmp_path / "out")
    mask = tmp_path / "out" / "mask001.tif"
    mask.write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"got mask001\.tif; .*--overwrite"):
        export(hard(), "isbi", tmp_path / "out")
    assert mask.read_bytes() == b"mine"
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "res_track.txt").write_text("1 0 0 0\n")
    with pytest.raises(ValueError, match=r"got res_track\.txt; "):
        export(hard(), "isbi", tmp_path / "out")


def test_a_file_of_another_format_gets_no_mark(tmp_path: Path):
    with new_file(tmp_path / "x.safetensors") as path:
        path.write_bytes(b"1234")
    assert (tmp_path / "x.safetensors").read_bytes() == b"1234"
    mark_file(tmp_path / "x.safetensors")
    assert not carries_mark(tmp_path / "x.safetensors")
    assert not carries_mark(tmp_path)


def test_a_damaged_mark_is_none(tmp_path: Path):
    with new_folder(tmp_path / "x", "kind") as folder:
        (folder / "a").touch()
    for text in ("", "[]", '{"kind": "kind"}', '{"kind": "kind", "names": 3, "files": 3}'):
        (tmp_path / "x" / ".embedtrack").write_text(text)
        assert foreign(tmp_path / "x", "kind") != ""
    mark_folder(tmp_path / "x", "kind")
    assert foreign(tmp_path / "x", "kind") == ""
