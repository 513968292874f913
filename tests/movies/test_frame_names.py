"""Names are read: one counter is time, several are a choice."""

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.movies.frame_names import read_names
from embedtrack.movies.images import natural
from embedtrack.movies.open import open_movie
from embedtrack.movies.selection import Choice
from tests.drawings import moving

FOLDER = Path("F")


def read(*names: str, **choice: object) -> dict[tuple[int, int], list[str]]:
    files = sorted(map(Path, names), key=lambda path: natural(path.name))
    frames = read_names(FOLDER, files, Choice(**choice))
    return {key: [path.name for path in paths] for key, paths in frames.files.items()}


def count(form: str, times: int = 3) -> list[str]:
    return [form.format(t) for t in range(times)]


def names(*stems: str) -> list[Path]:
    return [Path(f"{stem}.tif") for stem in stems]


ONE = {
    "a number": count("img_{:03}.tif"),
    "in steps of its own": ["img_0.tif", "img_5.tif", "img_10.tif"],
    "a date beside it": [f"img_{t}_2024-05-01_12-0{7 * t % 10}-00.tif" for t in range(2)],
    "days and hours": count("Exp_A1_1_00d{:02}h00m.tif"),
    "over midnight": ["2024-05-01_23-30.tif", "2024-05-02_00-00.tif", "2024-05-02_00-30.tif"],
    "two words of time": [f"day{d}_hour{h}.tif" for d in (1, 2) for h in (0, 12)],
    "Windows' counter": [f"frame ({t}).png" for t in (1, 2, 3)],
    "a field beside it": count("Field 3, time {}.png"),
    "letters": ["a.png", "b.png", "c.png"],
    "large and small": ["Image1.tif", "image2.tif", "IMAGE3.tif"],
}


@pytest.mark.parametrize("kind", ONE)
def test_one_counter_is_time(kind: str):
    assert read(*reversed(ONE[kind])) == {(0, 0): ONE[kind]}


SEVERAL = {
    "wells": (count("Exp_A1_1_00d{:02}h00m.tif"), count("Exp_B1_1_00d{:02}h00m.tif"), "1 A, 2 B", "Exp_B*"),
    "rows and columns": (count("A1_t{}.tif"), count("A2_t{}.tif"), "1 A1, 2 A2", "A2_*"),
    "positions": (count("xy01_{:03}.tif"), count("xy02_{:03}.tif"), "1 xy01, 2 xy02", "xy02*"),
    "stages of MetaMorph": (count("exp_s1_t{}.tif"), count("exp_s2_t{}.tif"), "1 s1, 2 s2", "exp_s2*"),
    "conditions": (count("img_{:03}_ctrl.tif"), count("img_{:03}_drug.tif"), "1 ctrl, 2 drug", "*drug*"),
    "numbers without a word": (count("1_{}.tif"), count("2_{}.tif"), "1 nr1, 2 nr2", "2_*"),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_several_movies_are_a_choice(kind: str):
    one, other, listed, glob = SEVERAL[kind]
    with pytest.raises(ValueError, match=re.escape(f"F: expected one movie, got 2; choose with --scene: {listed} (or")):
        read(*one, *other)
    assert read(*one, *other, scene="2") == read(*one, *other, pattern=glob) == {(0, 0): other}


CHANNELS = {
    "Micro-Manager": count("img_channel000_time{:09}_z000.tif"),
    "Leica": count("Series003_t{:02}_ch00.tif"),
    "Harmony": count("r01c02f01p01-ch0sk{}fk1fl1.tiff"),
    "dyes": count("DAPI_{}.tif"),
    "MetaMorph": count("exp_w1DAPI_t{}.tif"),
    "one number for all": [f"img_{2 * t}_c0.tif" for t in range(3)],
}
OTHERS = {
    "Micro-Manager": count("img_channel001_time{:09}_z000.tif"),
    "Leica": count("Series003_t{:02}_ch01.tif"),
    "Harmony": count("r01c02f01p01-ch1sk{}fk1fl1.tiff"),
    "dyes": count("GFP_{}.tif"),
    "MetaMorph": count("exp_w2GFP_t{}.tif"),
    "one number for all": [f"img_{2 * t + 1}_c1.tif" for t in range(3)],
}


@pytest.mark.parametrize("kind", CHANNELS)
def test_channels_are_channels(kind: str):
    assert read(*CHANNELS[kind], *OTHERS[kind]) == {(0, 0): CHANNELS[kind], (1, 0): OTHERS[kind]}


def test_depth_is_depth_beside_time_and_time_alone(caplog: pytest.LogCaptureFixture):
    assert read(*count("z0_t{}.tif"), *count("z1_t{}.tif")) == {
        (0, 0): count("z0_t{}.tif"),
        (0, 1): count("z1_t{}.tif"),
    }
    assert not caplog.text
    assert read(*count("a_z{}.tif")) == {(0, 0): count("a_z{}.tif")}
    assert "the names count planes in depth" in caplog.text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["img_0.tif", "img_1.tif", "background.tif"],
            "expected names that are built alike, got 1 like background.tif",
        ),
        (["img_1.tif", "img_01.tif", "img_2.tif"], "expected one image for each frame, got img_1.tif and img_01.tif"),
        (["alpha.png", "beta.png"], "expected one movie, got 2; choose with --scene: 1 alpha, 2 beta"),
        (["pos0.tif", "pos1.tif"], "expected one movie, got 2; choose with --scene: 1 pos0, 2 pos1"),
        (["a_1.tif", "a_2.png"], "expected images of one kind, got 1 .tif and 1 .png"),
    ],
)
def test_what_is_not_clear_is_refused(names: list[str], said: str):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        read(*names)
    assert "\n" not in str(caught.value)
    assert "--pattern" in str(caught.value)


def test_each_channel_has_as_many_frames():
    whole, holed = count("t{}_ch0.tif"), ["t0_ch1.tif", "t2_ch1.tif"]
    with pytest.raises(ValueError, match="expected as many frames of each channel and plane"):
        read(*whole, *holed)
    assert read(*whole, *holed, channel="1")[0, 0] == whole


def test_channels_and_planes_in_files_of_their_own_are_one_movie(tmp_path: Path):
    movie = moving().frames()
    for t in range(3):
        for c in range(2):
            for z in range(2):
                tifffile.imwrite(tmp_path / f"a_t{t}_ch{c}_z{z}.tif", movie[t] + 10 * c + z)
    assert np.array_equal(open_movie(tmp_path, Choice(channel="2", plane="1")).frames[2], movie[2] + 10)
    assert np.array_equal(open_movie(tmp_path, Choice(channel="1", plane="max")).frames[2], movie[2] + 1)
    assert open_movie(tmp_path, Choice(plane="2"), channels=True).frames[1].shape == (*movie[0].shape, 2)
    with pytest.raises(ValueError, match="expected one channel, got 2; choose with --channel: 1 ch0, 2 ch1"):
        open_movie(tmp_path, Choice(plane="1"))


def test_a_frame_of_one_value_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    movie = moving().frames()
    movie[2] = 7
    tifffile.imwrite(tmp_path / "a.tif", movie, photometric="minisblack")
    list(open_movie(tmp_path / "a.tif").frames)
    assert caplog.text.count("nearly all pixels are 7") == 1
    assert "a.tif, frame 2: nearly all pixels are 7" in caplog.text


def test_words_that_may_count_anything_are_told(caplog: pytest.LogCaptureFixture):
    assert len(read_names(Path("f"), names("a_s1", "a_s2", "a_s3"), Choice()).files[0, 0]) == 3
    assert "may count positions or channels; they are taken for frames" in caplog.text


def test_channels_of_a_single_frame():
    frames = read_names(Path("f"), names("a_ch1", "a_ch2"), Choice())
    assert frames.channels == ("ch1", "ch2")
    assert [len(files) for files in frames.files.values()] == [1, 1]
