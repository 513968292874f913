"""Holes in a movie, numbers that are uneven and clocks that jump are told."""

from pathlib import Path

import pytest

from embedtrack.movies.frame_names import read_names
from embedtrack.movies.selection import Choice
from tests.movies.test_frame_names import names, read


def test_holes_are_told():
    with pytest.raises(ValueError, match=r"every frame from i_0.tif to i_4.tif, got none numbered 2; add .* --until"):
        read("i_0.tif", "i_1.tif", "i_3.tif", "i_4.tif")
    assert read("i_0.tif", "i_1.tif", "i_3.tif", until=1) == {(0, 0): ["i_0.tif", "i_1.tif"]}


@pytest.mark.parametrize(
    "stems",
    [
        [f"i_{hour}h" for hour in ("0.25", "0.5", "0.75", "1", "1.25", "1.5")],
        [f"i_{section}" for section in ("1.8", "1.9", "1.10", "1.11")],
        [f"hour{hour:02d}_day{day}" for day in (1, 2) for hour in (0, 8, 16)],
        [f"i_min{minute:02d}_hour{hour}" for hour in (1, 2) for minute in (0, 20, 40)],
        [f"{date}_10h" for date in ("30.01.2024", "31.01.2024", "01.02.2024", "01.01.2025")],
        ["i_31.01.2024_10-05", "i_31.01.2024_23-05", "i_01.02.2024_10-05"],
    ],
)
def test_times_in_words_of_people(stems: list[str]):
    found = read_names(Path("f"), sorted(names(*stems)), Choice()).files[0, 0]
    assert [path.stem for path in found] == stems


def test_uneven_numbers_keep_their_order_and_are_told(caplog: pytest.LogCaptureFixture):
    assert read("i_3.tif", "i_17.tif", "i_40.tif", "i_41.tif") == {
        (0, 0): ["i_3.tif", "i_17.tif", "i_40.tif", "i_41.tif"]
    }
    assert "do not count evenly" in caplog.text


@pytest.mark.parametrize(
    "stems",
    [
        [f"a_A1_1_00d{hour:02d}h00m" for hour in (0, 2, 4, 8, 10)],
        [f"2024-01-01_10-{minute:02d}" for minute in (0, 5, 10, 20, 25)],
    ],
)
def test_a_clock_that_jumps_is_told(stems: list[str], caplog: pytest.LogCaptureFixture):
    whole = read_names(Path("f"), names(*stems[:3]), Choice())
    assert len(whole.files[0, 0]) == 3
    assert not caplog.text
    assert len(read_names(Path("f"), names(*stems), Choice()).files[0, 0]) == 5
    assert f"after {stems[2]}.tif" in caplog.text
    assert "a frame may be missing" in caplog.text
