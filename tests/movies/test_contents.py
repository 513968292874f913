"""A folder or file of another kind says what is in it, and what to do; videos are read."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import zarr

from embedtrack.movies.open import open_movie
from embedtrack.movies.selection import Choice
from tests.drawings import moving

GREY = (moving().frames() // 5).astype(np.uint8)  # [6, 48, 80]


def video(path: Path, frames: np.ndarray) -> Path:
    """A lossless one."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 10, frames.shape[2:0:-1])
    for image in frames:
        writer.write(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image)
    writer.release()
    return path


def test_a_grey_video_is_a_movie_and_said_to_be_lossy(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    movie = open_movie(video(tmp_path / "a.avi", GREY))
    assert len(movie) == 6
    for t in (0, 1, 4, 2, 5):  # in any order
        assert np.abs(movie.frames[t].astype(int) - GREY[t]).max() <= 2
    assert "a video, whose compression changes grey values" in caplog.text


def test_colours_of_a_video_are_channels_red_first(tmp_path: Path):
    coloured = np.stack([GREY // 4, GREY // 2, GREY], axis=-1)  # blue, green, red
    path = video(tmp_path / "a.avi", coloured)
    with pytest.raises(ValueError, match="expected one channel, got 3"):
        open_movie(path)
    assert np.abs(open_movie(path, Choice(channel="1")).frames[3].astype(int) - GREY[3]).mean() < 8


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a0.gif", "a1.gif", "x.txt"], "got 2 .gif and 1 .txt, which are not read; save them as .tif or .png"),
        (["movie.avi", "x.txt"], "got 1 .avi and 1 .txt; name one of the files: movie.avi"),
        (["a.nd2", "b.nd2"], "got 2 .nd2; name one of the files: a.nd2, b.nd2"),
        (["a.ims"], "got 1 .ims; name one of the files, if bioio has a reader for it, or save the movie as OME-TIFF"),
        (["x.txt"], "got 1 .txt; check the path"),
        ([], "got none; check the path"),
    ],
)
def test_a_folder_without_images_says_what_is_in_it(names: list[str], said: str, tmp_path: Path):
    for name in names:
        (tmp_path / name).write_text("x")
    with pytest.raises(ValueError, match=re.escape(said)):
        open_movie(tmp_path)


def test_a_damaged_video_is_named(tmp_path: Path):
    (tmp_path / "a.mp4").write_text("x")
    with pytest.raises(
        ValueError, match=r"a.mp4: expected a video that OpenCV reads, got none; save the movie as TIFF"
    ):
        open_movie(tmp_path / "a.mp4")


def test_zarr_without_metadata_says_what_it_holds(tmp_path: Path):
    zarr.create_array(tmp_path / "a.zarr", shape=(3, 9, 9), dtype="u2")
    with pytest.raises(
        ValueError, match=r"zarr without OME's metadata, arrays of the shape \(3, 9, 9\); write it with"
    ):
        open_movie(tmp_path / "a.zarr")
    zarr.open_group(tmp_path / "b.zarr", mode="w").create_array("raw", shape=(3, 9, 9), dtype="u2")
    with pytest.raises(ValueError, match=r"arrays of the shape raw \(3, 9, 9\)"):
        open_movie(tmp_path / "b.zarr")
