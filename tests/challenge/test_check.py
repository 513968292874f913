from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.check import track_faults
from embedtrack.challenge.layout import FrameFolder, check, open_frame_folder, write_tracks
from embedtrack.types import Track
from tests.drawings import dividing, write_movie

TOY = dividing()  # 1 in frames 0 to 2, its daughters 2 and 3 in frames 3 to 5


@pytest.fixture
def sequence(tmp_path: Path) -> FrameFolder:
    return open_frame_folder(write_movie(TOY, tmp_path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "01_RES"
    folder.mkdir()
    for t in range(6):
        save(folder, t)
    write_tracks(folder / "res_track.txt", TOY.tracks)
    return folder


def save(folder: Path, t: int, change: dict[int, int] | None = None, dtype: type = np.uint16):
    labels = TOY.labels[t].astype(dtype)
    for old, new in (change or {}).items():
        labels[TOY.labels[t] == old] = new
    tifffile.imwrite(folder / f"mask{t:03d}.tif", labels)


def table(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "res_track.txt").write_text(text) and None


def truncate(folder: Path):
    path = folder / "mask004.tif"
    path.write_bytes(path.read_bytes()[:-1])


VIOLATIONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda f: (f / "mask004.tif").unlink(), "01_RES: expected mask004.tif, got nothing there"),
    "extra": (
        lambda f: tifffile.imwrite(f / "mask006.tif", TOY.labels[5].astype(np.uint16) % 3),
        "mask006.tif: expected masks of the movie's frames 0 to 5, got an extra one",
    ),
    "misnamed": (
        lambda f: (f / "mask_004.tif").touch(),
        "mask_004.tif: expected masks named like mask000.tif, got another name",
    ),
    "misnamed too": (lambda f: (f / "mask4.TIFF").touch(), "mask4.TIFF: expected masks named like mask000.tif"),
    "digits": (
        lambda f: (f / "mask004.tif").rename(f / "mask0004.tif"),
        "mask0004.tif: expected 3 digits as in mask004.tif, got 4",
    ),
    "dtype": (lambda f: save(f, 4, dtype=np.uint8), "mask004.tif: expected 48 x 64 uint16, got 48 x 64 uint8"),
    "signed": (lambda f: save(f, 4, dtype=np.int16), "mask004.tif: expected 48 x 64 uint16, got 48 x 64 int16"),
    "float": (lambda f: save(f, 4, dtype=np.float32), "mask004.tif: expected 48 x 64 uint16, got 48 x 64 float32"),
    "shape": (
        lambda f: tifffile.imwrite(f / "mask004.tif", TOY.labels[4, 1:].astype(np.uint16)),
        "mask004.tif: expected 48 x 64 uint16, got 47 x 64 uint16",
    ),
    "not 2D": (
        lambda f: tifffile.imwrite(f / "mask004.tif", np.zeros((2, 48, 64), np.uint16)),
        "mask004.tif: expected one 2D image, got a stack of shape (2, 48, 64)",
    ),
    "unreadable": (lambda f: (f / "mask004.tif").write_text("text"), "mask004.tif: expected a whole TIFF file"),
    "truncated": (truncate, "the file is truncated"),
    "no tracks": (
        lambda f: (f / "res_track.txt").unlink(),
        "res_track.txt: expected a track file, got 'No such file",
    ),
    "bad line": (
        table("1 0 2 0\n2 3 5 1\n3 3 5 1\n4 x 5 0\n"),
        "res_track.txt, line 4: expected 4 whole numbers 'label begin end parent', got '4 x 5 0'",
    ),
    "twice": (table("1 0 2 0\n2 3 5 1\n3 3 5 1\n3 0 1 0\n"), "res_track.txt: expected label 3 once, got it 2 times"),
    "label 0": (table("1 0 2 0\n2 3 5 1\n3 3 5 1\n0 3 5 0\n"), "expected labels from 1 to 65535, got 0"),
    "17 bits": (table("1 0 2 0\n2 3 5 1\n3 3 5 1\n65536 3 5 0\n"), "expected labels from 1 to 65535, got 65536"),
    "inverted": (table("1 0 2 0\n2 5 3 1\n3 3 5 1\n"), "expected label 2 to begin before it ends, got 5 to 3"),
    "outside": (
        table("1 0 2 0\n2 3 6 1\n3 3 5 1\n"),
        "expected label 2 within the movie's frames 0 to 5, got 3 to 6",
    ),
    "unknown parent": (
        table("1 0 2 9\n2 3 5 1\n3 3 5 1\n"),
        "expected a listed label or 0 as parent of label 1, got 9",
    ),
    "own parent": (
        table("1 0 2 1\n2 3 5 1\n3 3 5 1\n"),
        "expected another label or 0 as parent of label 1, got itself",
    ),
    "late parent": (
        table("1 0 2 0\n2 3 5 1\n3 3 5 2\n"),
        "expected parent 2 of label 3 to end before 3, got an end at 5",
    ),
    "absent": (
        lambda f: save(f, 4, {2: 0}),
        "expected label 2 in every frame of its span, got none in frame 4",
    ),
    "stray": (
        lambda f: save(f, 1, {0: 3}),
        "expected label 3 within its span only, got label 3 in frame 1",
    ),
    "unlisted": (
        lambda f: [save(f, t, {0: 65535}) for t in (0, 1, 2, 4)],
        "expected labels listed in res_track.txt only, got label 65535 in frame 0 to 2, 4",
    ),
}


def test_a_valid_result_has_no_fault(folder: Path, sequence: FrameFolder):
    assert check(folder, sequence) == []
    assert check(folder) == []


@pytest.mark.parametrize("known", [True, False], ids=["with the movie", "alone"])
@pytest.mark.parametrize("name", VIOLATIONS)
def test_each_violation_is_one_line(folder: Path, sequence: FrameFolder, name: str, known: bool):
    spoil, message = VIOLATIONS[name]
    spoil(folder)
    if name == "extra" and not known:
        pytest.skip("for all that is known the movie has a frame more")
    [fault] = check(folder, sequence if known else None)
    assert message in fault
    assert fault.startswith(str(folder))
    assert "\n" not in fault


def test_all_violations_are_reported_at_once(folder: Path, sequence: FrameFolder):
    (folder / "mask000.tif").unlink()
    (folder / "mask001.tif").write_text("text")
    save(folder, 2, {1: 7})
    save(folder, 3, dtype=np.uint8)
    tifffile.imwrite(folder / "mask005.tif", np.zeros((5, 5), np.uint16))
    (folder / "mask_9.tif").touch()
    (folder / "res_track.txt").write_text("1 0 2 1\n2 3 6 8\n3 3 5 2\n4 5 4 0\n70000 0 0 0\n5 0\n")
    expected = [
        "01_RES: expected mask000.tif, got nothing",
        "mask_9.tif: expected masks named like",
        "line 6: expected 4 whole numbers",
        "as parent of label 1, got itself",
        "expected label 2 within the movie's frames 0 to 5, got 3 to 6",
        "as parent of label 2, got 8",
        "expected parent 2 of label 3 to end before 3",
        "expected label 4 to begin before it ends",
        "expected labels from 1 to 65535, got 70000",
        "mask001.tif: expected a whole TIFF",
        "mask003.tif: expected 48 x 64 uint16, got 48 x 64 uint8",
        "mask005.tif: expected 48 x 64 uint16, got 5 x 5 uint16",
        "expected label 1 in every frame of its span, got none in frame 2",
        "expected label 2 in every frame of its span, got none in frame 5",
        "expected label 3 in every frame of its span, got none in frame 5",
        "expected labels listed in res_track.txt only, got label 7 in frame 2",
    ]
    faults = check(folder, sequence)
    assert len(faults) == len(expected)
    for part in expected:
        assert [fault for fault in faults if part in fault], part


@pytest.mark.parametrize(("end", "valid"), [(1, True), (2, True), (3, False), (9, False)])
def test_a_parent_ends_before_its_child_begins(end: int, valid: bool):
    assert (list(track_faults([Track(1, 0, end, 0), Track(2, 3, 9, 1)], 0, 9)) == []) == valid


def test_of_two_masks_of_one_frame_the_one_with_the_right_digits_counts(folder: Path, sequence: FrameFolder):
    for name in ("mask4.tif", "mask0004.tif"):
        (folder / name).write_text("text")
    faults = check(folder, sequence)
    assert sorted(fault.split(":")[0] for fault in faults) == [f"{folder}/mask0004.tif", f"{folder}/mask4.tif"]
    assert all("expected 3 digits" in fault for fault in faults)


def test_a_folder_that_is_missing_or_empty(tmp_path: Path, sequence: FrameFolder):
    [fault] = check(tmp_path / "nowhere", sequence)
    assert "nowhere: expected a folder, got 'No such file" in fault
    (tmp_path / "empty").mkdir()
    for movie in (sequence, None):
        faults = check(tmp_path / "empty", movie)
        assert ["got none" in faults[0], "got 'No such file" in faults[1], len(faults)] == [True, True, 2]


def test_a_gap_between_parent_and_child_is_allowed(folder: Path):
    for t in (2, 3):
        tifffile.imwrite(folder / f"mask{t:03d}.tif", np.zeros((48, 64), np.uint16))
    write_tracks(folder / "res_track.txt", [Track(1, 0, 1, 0), Track(2, 4, 5, 1), Track(3, 4, 5, 1)])
    assert check(folder) == []


def test_a_movie_without_cells_is_valid(folder: Path, sequence: FrameFolder):
    for t in range(6):
        tifffile.imwrite(folder / f"mask{t:03d}.tif", np.zeros((48, 64), np.uint16))
    write_tracks(folder / "res_track.txt", [])
    assert check(folder, sequence) == []


def test_the_movie_s_first_frame_need_not_be_0(tmp_path: Path, folder: Path):
    frames = tmp_path / "01x"
    frames.mkdir()
    for t in (4, 5):
        tifffile.imwrite(frames / f"t{t:03d}.tif", TOY.frames()[t])
    for t in range(4):
        (folder / f"mask{t:03d}.tif").unlink()
    write_tracks(folder / "res_track.txt", [Track(2, 4, 5, 0), Track(3, 4, 5, 0)])
    assert check(folder, open_frame_folder(frames)) == []
    assert check(folder) == []  # without the movie too
    write_tracks(folder / "res_track.txt", [Track(2, 3, 5, 0), Track(3, 4, 5, 0)])
    assert any("label 2" in fault for fault in check(folder))  # a mask is missing


@pytest.mark.parametrize("digits", [1, 4])
def test_digits_are_those_of_the_movie(tmp_path: Path, folder: Path, digits: int):
    sequence = open_frame_folder(write_movie(TOY, tmp_path / "other", digits=digits))
    faults = check(folder, sequence)
    assert len(faults) == 6
    assert all(f"expected {digits} digits as in mask{t:0{digits}d}.tif, got 3" in faults[t] for t in range(6))
    for t in range(6):
        (folder / f"mask{t:03d}.tif").rename(folder / f"mask{t:0{digits}d}.tif")
    assert check(folder, sequence) == check(folder) == []


def test_a_number_beyond_the_movie_is_not_counted_out(folder: Path):
    (folder / "mask005.tif").rename(folder / "mask999999999.tif")
    faults = check(folder)
    assert any("expected mask005.tif to mask999999998.tif, got nothing there" in fault for fault in faults)


def test_logs_of_the_official_measures_may_lie_beside(folder: Path, sequence: FrameFolder):
    (folder / "SEG_log.txt").write_text("SEG measure: 1\n")
    assert check(folder, sequence) == []
