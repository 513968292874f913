"""Movies of drawn toys: what is in the pictures, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from embedtrack.looks.colours import HUES, WHITE
from embedtrack.looks.marks import COLOURS
from embedtrack.looks.show import PictureOptions, draw, show
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import Track
from tests.drawings import Toy, dividing, moving, still

PLAIN = PictureOptions(tail=3, numbers=False, zoom=2)


def tracked(toy: Toy, units: Units | None = None) -> Tracked:
    height, width = toy.labels.shape[1:]
    return Tracked(list(toy.labels), toy.tracks, (height, width), units=units or Units())


def one(pictures: Iterator[np.ndarray]) -> np.ndarray:
    (picture,) = pictures
    return picture


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture.astype(int) - colour).max(axis=2) < 30).any())  # thin lines are mixed with their ground


def test_each_track_has_its_colour_and_a_division_is_marked_for_three_frames():
    result = tracked(dividing())
    pictures = list(draw(result, range(6), list(dividing().frames()), options=PLAIN))
    assert len(pictures) == 6
    assert pictures[0].shape == (96, 128, 3)
    assert has(pictures[0], HUES[0])
    middle = [tuple(picture[49, 65].tolist()) for picture in pictures]
    assert [colour == WHITE for colour in middle] == [False, False, False, True, True, True]
    longer = tracked(Toy(np.concatenate([dividing().labels, dividing().labels[-1:]]), [
        Track(1, 0, 2, 0), Track(2, 3, 6, 1), Track(3, 3, 6, 1)
    ]))  # fmt: skip
    last = one(draw(longer, [6], options=PLAIN))
    assert tuple(last[49, 65].tolist()) != WHITE


def test_tails_show_the_past_only():
    toy = moving()
    first, last = draw(tracked(toy), [0, 5], options=PictureOptions(tail=2, numbers=False, zoom=1))
    row = last[34, :, :].any(axis=1)
    assert row[42:46].all()  # the cell is at x = 34, its border at 41; two frames ago it was at 46
    assert not row[48:].any()
    assert not first[34, 60:68].any()


def test_a_daughter_has_her_mothers_tail():
    picture = one(draw(tracked(dividing()), [3], options=PictureOptions(tail=3, numbers=False, zoom=1)))
    assert picture[24, 25:31].any(axis=1).all()


def test_numbers_are_written_unless_they_are_not_wanted():
    plain, numbered = (
        one(draw(tracked(still()), [0], options=PictureOptions(tail=0, numbers=n, zoom=2))) for n in (False, True)
    )
    assert not plain[28:34, 28:34].any()
    assert (numbered[numbered.any(axis=2) & ~plain.any(axis=2)] == 255).all(axis=1).any()  # white, beside the cell


@pytest.mark.parametrize("kind", ["missed", "false", "merged", "wrong link", "lost link", "lost division"])
def test_errors_are_marked_in_the_colour_of_their_kind(kind: str):
    toy = dividing() if kind == "lost division" else moving()
    labels, tracks, frame = toy.labels.copy(), list(toy.tracks), 5
    if kind == "missed":
        labels[5][labels[5] == 2] = 0
        tracks[1] = Track(2, 0, 4, 0)
    elif kind == "false":
        labels[5, 30:40, 2:12] = 3
        tracks.append(Track(3, 5, 5, 0))
    elif kind == "merged":
        labels[5][labels[5] == 2] = 1
        tracks[1] = Track(2, 0, 4, 0)
    elif kind == "lost division":
        tracks[2], frame = Track(3, 3, 5, 0), 3
    else:
        labels[5] = np.array([0, 2, 1])[labels[5]]
    truth, result = tracked(toy), tracked(Toy(labels, tracks))
    picture = one(draw(result, [frame], truth=truth, options=PLAIN))
    assert has(picture, COLOURS[kind])
    assert not has(one(draw(truth, [frame], truth=truth, options=PLAIN)), COLOURS[kind])


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".MP4"])
def test_a_video_has_all_frames_at_the_wanted_rate(tmp_path: Path, suffix: str):
    toy = Toy(moving().labels[:, :47, :79], moving().tracks)  # odd sides
    seen: list[tuple[int, int]] = []
    out = tmp_path / f"movie{suffix}"
    show(
        tracked(toy),
        out,
        list(toy.frames()),
        options=PictureOptions(zoom=1, rate=5),
        on_frame=lambda *n: seen.append(n),
    )
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FPS) == 5
    pictures = []
    while True:
        good, picture = video.read()
        if not good:
            break
        pictures.append(picture)
    assert len(pictures) == 6
    assert pictures[0].shape == (46, 78, 3)
    assert seen == [(n, 6) for n in range(1, 7)]
    wanted = one(draw(tracked(toy), [5], list(toy.frames()), options=PictureOptions(zoom=1)))
    assert np.abs(pictures[5].astype(int) - wanted[:46, :78]).mean() < 12


def test_a_gif_has_grey_noise_and_coloured_outlines(tmp_path: Path):
    show(tracked(moving()), tmp_path / "movie.gif", list(moving().frames()), options=PLAIN)
    with Image.open(tmp_path / "movie.gif") as image:
        assert image.n_frames == 6
        assert image.info["duration"] == 100
        image.seek(3)
        pixels = np.array(image.convert("RGB")).astype(int)
    wanted = one(draw(tracked(moving()), [3], list(moving().frames()), options=PLAIN))[..., ::-1]
    assert np.abs(pixels - wanted).max() < 60
    grey = (np.ptp(wanted.astype(int), axis=2) == 0) & (wanted[..., 0] < 120)
    assert (np.ptp(pixels[grey], axis=1) == 0).all()


def test_a_picture_shows_some_frames_in_rows(tmp_path: Path):
    toy = Toy(np.repeat(moving().labels, 2, axis=0), [Track(1, 0, 11, 0), Track(2, 0, 11, 0)])
    show(tracked(toy), tmp_path / "all.png", options=PLAIN)
    assert cv2.imread(str(tmp_path / "all.png")).shape == (3 * 96, 2 * 160, 3)
    show(tracked(toy), tmp_path / "one.jpg", frames=range(4, 5), options=PLAIN)
    assert cv2.imread(str(tmp_path / "one.jpg")).shape == (96, 160, 3)


def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected a name that ends in .mp4, .webm"):
        show(tracked(still()), tmp_path / "movie.avi")
    with pytest.raises(ValueError, match="expected frames from 0 to 3"):
        show(tracked(still()), tmp_path / "movie.gif", frames=range(2, 5))
    with pytest.raises(ValueError, match="same frames"):
        show(tracked(still()), tmp_path / "movie.mp4", truth=tracked(moving()))
    assert list(tmp_path.iterdir()) == []


def test_empty_frames_are_drawn(tmp_path: Path):
    empty = Tracked([np.zeros((20, 30), np.int32)] * 2, [], (20, 30))
    show(empty, tmp_path / "empty.png", [np.zeros((20, 30), np.uint8)] * 2, truth=empty)
    assert (tmp_path / "empty.png").exists()
