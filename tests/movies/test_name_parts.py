"""Clocks, dates and durations in names are read."""

import pytest

from embedtrack.movies.name_parts import clock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00d01h30m", 5400), ("01d00h00m", 86400), ("2h05min", 7500), ("3m20s", 200), ("1.5", 1.5), ("x", None),
        ("02.01.1900_00-05", 86700),
        ("2024-13-41", None),
    ],
)  # fmt: skip
def test_what_a_clock_says(text: str, seconds: float | None):
    assert clock(text) == seconds


def test_dates_lie_a_day_apart():
    first, second = (clock(f"2024-0{month}-{day}_10-05") for month, day in (("2", "29"), ("3", "01")))
    assert first is not None
    assert second == first + 86400
