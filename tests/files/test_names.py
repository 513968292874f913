from pathlib import Path

import pytest

from embedtrack.files.names import Numbered, gaps, numbered, runs, spell


def test_numbered_files_come_in_the_order_of_their_numbers_and_others_are_ignored(tmp_path: Path):
    for name in ("t10.tif", "t009.tif", "t.tif", "t011.tiff", "xt012.tif", "t013.tif.bak", "t_014.tif", "t٣.tif"):
        (tmp_path / name).touch()
    assert numbered(tmp_path, "t") == [Numbered(9, 3, tmp_path / "t009.tif"), Numbered(10, 2, tmp_path / "t10.tif")]


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_folder_that_is_none_is_named(tmp_path: Path, name: str):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=f"{name}: expected a folder, got"):
        numbered(tmp_path / name, "t")


def test_numbers_longer_than_can_be_meant_are_refused(tmp_path: Path):
    (tmp_path / "t20261130073143.tif").touch()
    with pytest.raises(ValueError, match=r"t20261130073143\.tif: expected a frame number of at most 9 digits"):
        numbered(tmp_path, "t")


def test_runs():
    assert runs([7, 3, 5, 6, 6]) == [(3, 3), (5, 7)]
    assert runs([]) == []


def test_gaps_hold_what_the_numbers_do_not():
    assert gaps([2, 3, 6, 99], 0, 9) == [(0, 1), (4, 5), (7, 9)]
    assert gaps(range(10), 0, 9) == []
    assert gaps([0, 10**18], 0, 10**18) == [(1, 10**18 - 1)]


def test_runs_in_words():
    assert spell([(3, 3), (5, 7)]) == "3, 5 to 7"
    assert spell([(n, n) for n in range(0, 14, 2)]) == "0, 2, 4, 6, 8 and 2 more"
