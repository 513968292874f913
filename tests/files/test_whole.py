"""Whole or not at all."""

import os
import re
from pathlib import Path

import pytest

from embedtrack.files.whole import new_file, new_folder

KNOWN = re.compile("[ab]")


def fail(path: Path):
    path.write_text("half")
    raise RuntimeError("on the way")


def test_a_file_appears_when_it_is_complete(tmp_path: Path):
    for words in ("first", "second"):
        with new_file(tmp_path / "sub" / "x.csv") as path:
            assert path.suffix == ".csv"
            path.write_text(words)
        assert (tmp_path / "sub" / "x.csv").read_text() == words
    with pytest.raises(RuntimeError), new_file(tmp_path / "sub" / "x.csv") as path:
        fail(path)
    assert (tmp_path / "sub" / "x.csv").read_text() == "second"
    assert os.listdir(tmp_path / "sub") == ["x.csv"]


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path: Path):
    (tmp_path / "x").mkdir()
    (tmp_path / "y").touch()
    with pytest.raises(ValueError, match="expected a file or nothing there, got a folder"), new_file(tmp_path / "x"):
        pass
    with pytest.raises(ValueError, match="expected to write there"), new_file(tmp_path / "y" / "z"):
        pass


def test_a_folder_appears_when_it_is_complete(tmp_path: Path):
    for name in "ab":
        with new_folder(tmp_path / "x", KNOWN) as folder:
            (folder / name).touch()
        assert os.listdir(tmp_path / "x") == [name]
    with pytest.raises(RuntimeError), new_folder(tmp_path / "x", KNOWN) as folder:
        fail(folder / "a")
    assert os.listdir(tmp_path / "x") == ["b"]
    assert os.listdir(tmp_path) == ["x"]


def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "thesis.doc").touch()
    (tmp_path / "y").touch()
    for name, got in (("x", "got thesis.doc"), ("y", "got a file")):
        with pytest.raises(ValueError, match=got), new_folder(tmp_path / name, KNOWN):
            pass
    place = new_folder(tmp_path / "z", KNOWN)
    place.__enter__()
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "late").touch()
    with pytest.raises(ValueError, match="got late"):
        place.__exit__(None, None, None)
    assert os.listdir(tmp_path / "z") == ["late"]
