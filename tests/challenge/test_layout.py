import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.layout import open_frame_folder, open_truth, read_frame, read_labels
from embedtrack.files.names import gaps, numbered
from tests.drawings import dividing, still, write_movie


def fault_of(folder: Path) -> str:
    with pytest.raises(ValueError) as error:
        open_frame_folder(folder)
    return str(error.value)


@pytest.mark.parametrize("digits", [1, 3, 4, 6])
def test_a_sequence_tells_its_frames_digits_and_shape(tmp_path: Path, digits: int):
    folder = write_movie(dividing(), tmp_path, digits=digits)
    sequence = open_frame_folder(folder)
    assert sequence.folder == folder
    assert [path.name for path in sequence.paths] == [f"t{t:0{digits}d}.tif" for t in range(6)]
    assert (sequence.first, sequence.last, len(sequence)) == (0, 5, 6)
    assert (sequence.digits, sequence.shape) == (digits, (48, 64))
    assert sequence.mask_name(2) == f"mask{2:0{digits}d}.tif"
    for path, frame in zip(sequence.paths, dividing().frames(), strict=True):
        np.testing.assert_array_equal(read_frame(path), frame)


def test_the_first_frame_need_not_be_0(tmp_path: Path):
    folder = write_movie(dividing(), tmp_path)
    for t in (0, 1):
        (folder / f"t00{t}.tif").unlink()
    sequence = open_frame_folder(folder)
    assert (sequence.first, sequence.last, sequence.mask_name(0)) == (2, 5, "mask002.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_relative_folder_with_frames_of_any_kind(
    tmp_path: Path, dtype: type, compression: str | None, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "01").mkdir()
    for t in range(3):
        tifffile.imwrite(tmp_path / "01" / f"t{t:03d}.tif", np.full((1, 5, 7), t, dtype), compression=compression)
    monkeypatch.chdir(tmp_path)
    assert open_frame_folder(Path("01/")).shape == (5, 7)


def test_unrelated_files_are_ignored(tmp_path: Path):
    folder = write_movie(still(), tmp_path)
    for name in ("notes.txt", "Thumbs.db", "mask000.tif", "t000.tif.md5", "tracks.tif", "._t000.tif"):
        (folder / name).write_text("something else")
    (folder / "sub").mkdir()
    assert len(open_frame_folder(folder)) == 4


def test_a_missing_folder_and_one_without_frames(tmp_path: Path):
    assert "01: expected a folder, got 'No such file or directory'" in fault_of(tmp_path / "01")
    assert "expected frames t000.tif, t001.tif, ..., got none" in fault_of(tmp_path)


def cut(folder: Path):
    path = folder / "t001.tif"
    path.write_bytes(path.read_bytes()[:-1])


FAULTS = {
    "hole": (lambda f: (f / "t001.tif").unlink(), "expected every frame from 0 to 3, got none numbered 1;"),
    "digits": (lambda f: (f / "t003.tif").rename(f / "t0003.tif"), "of one width, got t0003.tif and t002.tif; rename"),
    "truncated": (cut, r"t001.tif: expected \d+ bytes, got \d+: the file is truncated"),
    "no TIFF": (
        lambda f: (f / "t001.tif").write_text("text"),
        "expected a whole TIFF file, got 'a file of another kind",
    ),
    "shape": (
        lambda f: tifffile.imwrite(f / "t000.tif", np.zeros((48, 65), np.uint16)),
        "t000.tif: expected 48 x 64 uint16 as most frames have, got 48 x 65 uint16;",
    ),
    "mixed dtype": (
        lambda f: tifffile.imwrite(f / "t000.tif", np.zeros((48, 64), np.uint8)),
        "t000.tif: expected 48 x 64 uint16 as most frames have, got 48 x 64 uint8;",
    ),
    "RGB": (
        lambda f: tifffile.imwrite(f / "t001.tif", np.zeros((48, 64, 3), np.uint8), photometric="rgb"),
        "t001.tif: expected a grey image, got 3 channels",
    ),
    "stack": (
        lambda f: tifffile.imwrite(f / "t001.tif", np.zeros((2, 48, 64), np.uint16)),
        r"t001.tif: expected one 2D image, got a stack of shape \(2, 48, 64\)",
    ),
    "dtype": (
        lambda f: tifffile.imwrite(f / "t001.tif", np.zeros((48, 64), np.float64)),
        "t001.tif: expected 48 x 64 uint16 as most frames have, got 48 x 64 float64; convert",
    ),
    "NaN": (
        lambda f: tifffile.imwrite(f / "t001.tif", np.full((48, 64), np.nan, np.float32)),
        "t001.tif: expected finite grey values, got NaN",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_one_line(tmp_path: Path, name: str):
    folder = write_movie(still(), tmp_path)
    spoil, message = FAULTS[name]
    spoil(folder)
    with pytest.raises(ValueError, match=message) as error:
        open_frame_folder(folder)
    assert "\n" not in str(error.value)


def test_all_faults_are_reported_at_once(tmp_path: Path):
    folder = write_movie(dividing(), tmp_path)
    (folder / "t002.tif").unlink()
    (folder / "t000.tif").rename(folder / "t00.tif")
    cut(folder)
    (folder / "t003.tif").write_text("text")
    tifffile.imwrite(folder / "t004.tif", np.zeros((3, 3), np.float64))
    lines = fault_of(folder).split("\n")
    assert len(lines) == 5
    assert all("expected" in line and "got" in line for line in lines)


def test_a_long_list_of_faults_is_capped(tmp_path: Path):
    folder = write_movie(still(), tmp_path)
    for t in range(20):
        (folder / f"t{t:03d}.tif").write_text("text")
    lines = fault_of(folder).split("\n")
    assert len(lines) == 11
    assert lines[-1] == "and 10 more"


def test_a_hole_of_any_size_is_reported_in_few_words(tmp_path: Path):
    folder = write_movie(still(), tmp_path)
    (folder / "t003.tif").rename(folder / "t999999999.tif")
    assert "got none numbered 3 to 999999998;" in fault_of(folder)
    (folder / "t999999999.tif").rename(folder / "t999999999999999.tif")
    assert "expected a frame number of at most 9 digits" in fault_of(folder)


@pytest.mark.parametrize("digits", [3, 4, 6])
def test_truth_is_found_by_frame_number(tmp_path: Path, digits: int):
    toy = dividing()
    truth = open_truth(write_movie(toy, tmp_path, digits=digits))
    assert list(truth.markers) == list(truth.gold) == list(range(6))
    assert truth.silver == {}
    assert truth.tracks == toy.tracks
    np.testing.assert_array_equal(read_labels(truth.markers[4]), toy.labels[4])


def test_truth_of_some_frames_only_and_silver_truth(tmp_path: Path):
    folder = write_movie(dividing(), tmp_path)
    gold, silver = tmp_path / "01_GT" / "SEG", tmp_path / "01_ST" / "SEG"
    silver.mkdir(parents=True)
    for t in (1, 2, 3):
        (gold / f"man_seg00{t}.tif").rename(silver / f"man_seg00{t}.tif")
    truth = open_truth(folder)
    assert (list(truth.gold), list(truth.silver)) == ([0, 4, 5], [1, 2, 3])
    assert truth.silver[2] == silver / "man_seg002.tif"


@pytest.mark.parametrize("part", ["TRA", "SEG"])
def test_half_of_the_truth_may_be_missing(tmp_path: Path, part: str):
    folder = write_movie(dividing(), tmp_path)
    (tmp_path / "01_GT" / part).rename(tmp_path / "elsewhere")
    truth = open_truth(folder)
    assert [len(truth.markers), len(truth.tracks), len(truth.gold)] == ([0, 0, 6] if part == "TRA" else [6, 3, 0])


@pytest.mark.parametrize("empty", [False, True])
def test_no_truth_at_all_is_an_error(tmp_path: Path, empty: bool):
    folder = write_movie(still(), tmp_path)
    (tmp_path / "01_GT").rename(tmp_path / "elsewhere")
    if empty:
        (tmp_path / "01_GT" / "SEG").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"expected annotations 01_GT/TRA/man_track000\.tif.* beside it, got none"):
        open_truth(folder)


def test_truth_is_found_beside_the_working_folder_and_beside_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_movie(still(), tmp_path)
    monkeypatch.chdir(folder)
    assert len(open_truth(Path()).gold) == 4
    (tmp_path / "store").mkdir()
    os.rename(folder, tmp_path / "store" / "frames")
    folder.symlink_to(tmp_path / "store" / "frames")
    assert len(open_truth(folder).gold) == 4


def test_slices_of_3d_truth_are_ignored(tmp_path: Path):
    folder = write_movie(still(), tmp_path)
    (tmp_path / "01_GT" / "SEG" / "man_seg_000_001.tif").touch()
    assert len(open_truth(folder).gold) == 4


def test_markers_and_track_file_come_together(tmp_path: Path):
    folder = write_movie(still(), tmp_path)
    markers = tmp_path / "01_GT" / "TRA"
    (markers / "man_track.txt").rename(tmp_path / "tracks")
    with pytest.raises(ValueError, match=r"man_track\.txt: expected the tracks of the 4 images beside it, got no file"):
        open_truth(folder)
    for path in markers.iterdir():
        path.unlink()
    (tmp_path / "tracks").rename(markers / "man_track.txt")
    with pytest.raises(ValueError, match=r"man_track\.txt: expected man_track000\.tif, \.\.\. beside it, got none"):
        open_truth(folder)


def test_two_files_for_one_frame_are_an_error(tmp_path: Path):
    folder = write_movie(still(), tmp_path)
    (tmp_path / "01_GT" / "SEG" / "man_seg0002.tif").touch()
    with pytest.raises(ValueError, match=r"man_seg0002\.tif: expected one file for frame 2, got man_seg002\.tif too"):
        open_truth(folder)


def real() -> list[Path]:
    root = Path(os.environ.get("DATA_ROOT", "nowhere"))
    return sorted(path for path in root.glob("*/0[12]") if path.is_dir())


@pytest.mark.skipif(not real(), reason="DATA_ROOT names no folder of data sets")
def test_the_challenge_s_own_movies_open():
    for folder in real():
        truth = open_truth(folder)
        assert truth.gold
        numbers = [number for number, _, _ in numbered(folder, "t")]
        if gaps(numbers, numbers[0], numbers[-1]):  # a copy of the annotated frames alone
            with pytest.raises(ValueError, match="expected every frame from"):
                open_frame_folder(folder)
        else:
            sequence = open_frame_folder(folder)
            assert set(truth.gold) <= set(range(sequence.first, sequence.last + 1))
