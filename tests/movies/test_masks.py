"""Masks in whatever files: the same labels from each, and one clear line where there are none."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from embedtrack.movies.masks import as_labels, checked, open_masks
from tests.drawings import dividing, write_movie

LABELS = dividing().labels * 300
"""int32[6, 48, 64]: labels 300, 600, 900."""


def challenge(folder: Path) -> Path:
    for t, frame in enumerate(LABELS):
        tifffile.imwrite(folder / f"mask{t + 4:04d}.tif", frame.astype(np.uint16))
    return folder


def truth(folder: Path) -> Path:
    (folder / "01_GT" / "TRA").mkdir(parents=True)
    for t, frame in enumerate(LABELS):
        tifffile.imwrite(folder / "01_GT" / "TRA" / f"man_track{t:03d}.tif", frame.astype(np.uint16))
    return folder / "01_GT"


def pictures(folder: Path) -> Path:
    for t, frame in enumerate(LABELS):
        cv2.imwrite(str(folder / f"field {t + 8} cp_masks.png"), frame.astype(np.uint16))  # 8, 9, 10, ... naturally
    return folder


def wide(folder: Path) -> Path:
    for t, frame in enumerate(LABELS):
        tifffile.imwrite(folder / f"seg_{t}.tif", frame.astype(np.uint32))
    return folder


def stack(folder: Path) -> Path:
    tifffile.imwrite(folder / "labels.tif", LABELS.astype(np.uint16), imagej=True, metadata={"axes": "TYX"})
    return folder / "labels.tif"


def floating(folder: Path) -> Path:
    tifffile.imwrite(folder / "labels.tif", LABELS.astype(np.float32))
    return folder / "labels.tif"


@pytest.mark.parametrize("write", [challenge, truth, pictures, wide, stack, floating])
def test_every_kind_gives_the_same_labels(write: Callable[[Path], Path], tmp_path: Path):
    masks = open_masks(write(tmp_path))
    assert (len(masks), masks.shape) == (6, (48, 64))
    np.testing.assert_array_equal([as_labels(frame, "masks") for frame in masks.frames], LABELS)
    checked(masks.frames, "masks")
    assert (masks.first, masks.digits) == ((4, 4) if write is challenge else (0, 3))


@pytest.mark.parametrize("frames", [3, 4])
def test_a_short_stack_that_its_writer_took_for_colours_is_frames(frames: int, tmp_path: Path):
    labels = (np.arange(frames)[:, None, None] + np.eye(8)[None] * 9).astype(np.uint16)
    tifffile.imwrite(tmp_path / "masks.tif", labels, photometric="rgb", planarconfig="separate")
    assert np.array_equal(list(open_masks(tmp_path / "masks.tif").frames), labels)


def test_high_numbers_stay_what_they_are(tmp_path: Path):
    high = np.zeros((2, 8, 8), np.uint32)
    high[:, 2:4, 2:4], high[:, 5:7, 5:7] = 2**31 - 2, 2**31 - 1
    tifffile.imwrite(tmp_path / "labels.tif", high)
    frame = as_labels(open_masks(tmp_path / "labels.tif").frames[1], "masks")
    assert np.unique(frame).tolist() == [0, 2**31 - 2, 2**31 - 1]
    for t in range(2):
        (tmp_path / "folder").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "folder" / f"seg_{t}.tif", high[t])
    frame = as_labels(open_masks(tmp_path / "folder").frames[1], "masks")
    assert np.unique(frame).tolist() == [0, 2**31 - 2, 2**31 - 1]


def movie(folder: Path) -> Path:
    return write_movie(dividing(), folder)


def hole(folder: Path) -> Path:
    (challenge(folder) / "mask0006.tif").unlink()
    return folder


def another_shape(folder: Path) -> Path:
    tifffile.imwrite(challenge(folder) / "mask0006.tif", np.zeros((9, 9), np.uint16))
    return folder


def colours(folder: Path) -> Path:
    cv2.imwrite(str(folder / "a.png"), np.zeros((8, 8, 3), np.uint8))
    return folder


def text(folder: Path) -> Path:
    (folder / "masks.txt").write_text("1 2 3")
    return folder / "masks.txt"


def lossy(folder: Path) -> Path:
    cv2.imwrite(str(folder / "a.jpg"), np.zeros((8, 8), np.uint8))
    return folder


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lossy, "a.jpg: expected masks as TIFF or PNG, got JPEG, which changes labels"),
        (lambda folder: lossy(folder) / "a.jpg", "got JPEG, which changes labels"),
        (lambda folder: folder / "nowhere", "expected masks, got nothing of this name"),
        (lambda folder: folder, r"expected masks mask000.tif, \.\.\. or other images, got none"),
        (movie, "expected masks, got the frames of a movie"),
        (hole, "expected a mask for every frame, got none numbered 6"),
        (another_shape, r"mask0006.tif: expected \(48, 64\) pixels as in mask0004.tif, got \(9, 9\)"),
        (colours, "expected a label image, got 3 channels"),
        (text, "expected masks as TIFF or PNG"),
    ],
)
def test_what_is_no_masks_is_one_clear_line(write: Callable[[Path], Path], said: str, tmp_path: Path):
    with pytest.raises(ValueError, match=said):
        open_masks(write(tmp_path))


def one_value() -> np.ndarray:
    frame = np.zeros((2, 16, 16), np.uint8)
    frame[:, 2:5, 2:5] = frame[:, 9:12, 9:12] = 255
    return frame


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        (np.full((2, 4, 4), 0.5), "frame 0: expected whole numbers, got fractions"),
        (np.full((2, 4, 4), np.nan), "got fractions"),
        (np.full((2, 4, 4), -1), "expected labels from 0 to 2147483647, got -1 to -1"),
        (np.full((2, 4, 4), 2**40), "renumber them"),
        (np.zeros((2, 4, 4, 3), int), "got 3 axes"),
        (one_value(), "got one value for all of them"),
        (np.random.default_rng(0).integers(90, 120, (2, 16, 16)), "frame 0: expected labels, got grey values: hardly"),
    ],
)
def test_values_that_are_no_labels_are_refused(masks: np.ndarray, said: str):
    with pytest.raises(ValueError, match=said):
        checked(masks, "masks")


def test_a_single_cell_a_frame_and_empty_frames_are_labels():
    checked(LABELS[:2], "masks")
    checked(np.zeros((2, 4, 4), np.uint8), "masks")
