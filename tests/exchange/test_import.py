"""What other programs leave: the challenge's files that break its rules, bare masks, tables that Excel has saved."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from embedtrack.exchange.formats import export, load
from embedtrack.types import Track
from tests.drawings import dividing, draw, moving
from tests.exchange.hard import hard, pixels, same

TOY = dividing()


def write(
    folder: Path, labels: np.ndarray, lines: list[Track], prefix: str = "mask", table: str = "res_track.txt"
) -> Path:
    folder.mkdir(parents=True)
    for t, image in enumerate(labels):
        tifffile.imwrite(folder / f"{prefix}{t:04d}.tif", image)
    (folder / table).write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))
    return folder


def test_tracking_truth_in_a_bare_folder_is_recognised(tmp_path: Path):
    folder = write(tmp_path / "x", TOY.labels.astype(np.uint16), TOY.tracks, "man_track", "man_track.txt")
    result = load(folder)
    assert sorted(result.tracks) == TOY.tracks
    assert np.array_equal(pixels(result), TOY.labels)


def test_labels_above_16_bits_are_renumbered(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    large = np.where(TOY.labels > 0, TOY.labels.astype(np.uint32) + 70000, 0).astype(np.uint32)
    tracks = [Track(t.label + 70000, t.begin, t.end, t.parent and t.parent + 70000) for t in TOY.tracks]
    result = load(write(tmp_path / "x", large, tracks))
    assert sorted(result.tracks) == TOY.tracks
    assert np.array_equal(pixels(result), TOY.labels)
    assert "x: mended, for it is not valid by the challenge's rules" in caplog.text


def test_a_track_with_a_gap_is_cut(tmp_path: Path):
    labels = moving().labels.astype(np.uint16).copy()
    labels[3][labels[3] == 2] = 0
    result = load(write(tmp_path / "x", labels, moving().tracks))
    assert sorted(result.tracks) == [Track(1, 0, 5, 0), Track(2, 0, 2, 0), Track(3, 4, 5, 2)]
    assert np.array_equal(pixels(result) > 0, labels > 0)


def test_what_would_lose_cells_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected one line .*, got none for label 3 of mask0003\.tif; correct it"):
        load(write(tmp_path / "stray", TOY.labels.astype(np.uint16), TOY.tracks[:2]))
    with pytest.raises(ValueError, match=r"expected one line .*, got 2 for label 3 of mask0003\.tif"):
        load(write(tmp_path / "twice", TOY.labels.astype(np.uint16), [*TOY.tracks, TOY.tracks[2]]))
    with pytest.raises(ValueError, match=r"mask0000\.tif: expected whole numbers from 0 on, .*, got the label -1"):
        load(write(tmp_path / "negative", (TOY.labels - 1).astype(np.int16), TOY.tracks))
    folder = write(tmp_path / "hole", TOY.labels.astype(np.uint16), TOY.tracks)
    (folder / "mask0002.tif").unlink()
    with pytest.raises(ValueError, match=r"mask0002.tif"):
        load(folder)


def scrambled() -> np.ndarray:
    """The toy with other numbers in each frame."""
    return np.stack([np.where(image > 0, 5 * image + t, 0) for t, image in enumerate(TOY.labels)]).astype(np.uint16)


@pytest.mark.parametrize("kind", ["stack", "folder", "pictures beside images"])
def test_bare_masks_are_linked_by_overlap(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    place = tmp_path / "x"
    if kind == "stack":
        place = tmp_path / "x.tif"
        tifffile.imwrite(place, scrambled(), photometric="minisblack")
    else:
        place.mkdir()
        for t, image in enumerate(scrambled()):
            if kind == "folder":
                tifffile.imwrite(place / f"labels_{t}.tif", image)
            else:
                tifffile.imwrite(place / f"img_{t}.tif", image)
                cv2.imwrite(str(place / f"img_{t}_cp_masks.png"), image)
    result = load(place)
    assert sorted(result.tracks) == TOY.tracks
    assert np.array_equal(pixels(result), TOY.labels)
    assert "masks without tracks; 9 cells were linked by overlap" in caplog.text


def test_a_cell_that_overlaps_nothing_is_new(tmp_path: Path):
    frames = [draw((40, 40), {1: ((10, 10), 5)}), draw((40, 40), {1: ((30, 30), 5)})]
    tifffile.imwrite(tmp_path / "x.tif", np.stack(frames).astype(np.uint16), photometric="minisblack")
    assert sorted(load(tmp_path / "x.tif").tracks) == [Track(1, 0, 0, 0), Track(2, 1, 1, 0)]


def test_grey_images_are_no_masks(tmp_path: Path):
    tifffile.imwrite(tmp_path / "x.tif", moving().frames(), photometric="minisblack")
    with pytest.raises(ValueError, match="expected masks, got neighbours that differ as in a grey image"):
        load(tmp_path / "x.tif")
    bare = np.where(moving().frames() > 200, moving().frames(), 0)
    tifffile.imwrite(tmp_path / "x.tif", bare, photometric="minisblack")
    with pytest.raises(ValueError, match="expected masks, got neighbours that differ as in a grey image"):
        load(tmp_path / "x.tif")


def test_one_value_for_all_cells_is_no_label_image(tmp_path: Path):
    frames = np.stack([draw((40, 40), {1: ((10, 10), 5)}) + draw((40, 40), {1: ((30, 30), 5)})] * 2)
    tifffile.imwrite(tmp_path / "x.tif", (255 * frames).astype(np.uint8), photometric="minisblack")
    with pytest.raises(ValueError, match="expected a number for each cell, got one value for all of them"):
        load(tmp_path / "x.tif")


@pytest.mark.parametrize("kind", ["mark", "semicolons", "commas in numbers", "tabs in UTF-16"])
def test_tables_that_excel_has_saved(kind: str, tmp_path: Path):
    export(hard(), "napari", tmp_path / "x")
    table = tmp_path / "x" / "tracks.csv"
    text = table.read_text()
    changed = {
        "mark": ("\ufeff" + text).encode(),
        "semicolons": text.replace(",", ";").encode(),
        "commas in numbers": ("\ufeff" + text.replace(",", ";").replace(".", ",")).replace("\n", "\r\n").encode(),
        "tabs in UTF-16": text.replace(",", "\t").encode("utf-16"),
    }
    table.write_bytes(changed[kind])
    assert same(load(tmp_path / "x"), hard())
