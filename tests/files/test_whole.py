"""Whole or not at all."""

import os
from pathlib import Path

import pytest

from embedtrack.files.whole import check_apart, check_file, check_folder, new_file, new_folder


def fail(path: Path):
    path.write_text("half")
    raise RuntimeError("on the way")


def test_a_file_appears_when_it_is_complete(tmp_path: Path):
    for words in ("first", "second"):
        with new_file(tmp_path / "sub" / "x.html") as path:
            assert path.suffix == ".html"
            path.write_text(words)
        assert (tmp_path / "sub" / "x.html").read_text().startswith(words)
    with pytest.raises(RuntimeError), new_file(tmp_path / "sub" / "x.html") as path:
        fail(path)
    assert (tmp_path / "sub" / "x.html").read_text().startswith("second<!--")
    assert os.listdir(tmp_path / "sub") == ["x.html"]


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path: Path):
    (tmp_path / "x").mkdir()
    (tmp_path / "y").touch()
    with pytest.raises(ValueError, match="expected a file or nothing there, got a folder"), new_file(tmp_path / "x"):
        pass
    with pytest.raises(ValueError, match=r"got the file .*/y where a folder belongs"), new_file(tmp_path / "y" / "z"):
        pass


def test_links_in_a_circle_are_no_place_and_no_input(tmp_path: Path):
    loop = tmp_path / "x"
    loop.symlink_to(loop)
    with pytest.raises(ValueError, match="expected a place to write to, got 'links that lead in a circle'"):
        check_file(loop)
    with pytest.raises(ValueError, match="expected an input, got 'links that lead in a circle'"):
        check_apart(tmp_path / "y", loop)


def test_a_folder_appears_when_it_is_complete(tmp_path: Path):
    for name in "ab":
        with new_folder(tmp_path / "x", "kind") as folder:
            (folder / name).touch()
        assert sorted(os.listdir(tmp_path / "x")) == [".embedtrack", name]
    with pytest.raises(RuntimeError), new_folder(tmp_path / "x", "kind") as folder:
        fail(folder / "a")
    assert sorted(os.listdir(tmp_path / "x")) == [".embedtrack", "b"]
    assert os.listdir(tmp_path) == ["x"]


def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "thesis.doc").touch()
    (tmp_path / "y").touch()
    for name, got in (("x", "got thesis.doc"), ("y", "got a file")):
        with pytest.raises(ValueError, match=got), new_folder(tmp_path / name, "kind"):
            pass
    place = new_folder(tmp_path / "z", "kind")
    place.__enter__()
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "late").touch()
    with pytest.raises(ValueError, match="got late"):
        place.__exit__(None, None, None)
    assert os.listdir(tmp_path / "z") == ["late"]


def test_a_place_where_nothing_can_be_made_is_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda where, mode: False)  # root may all
    said = "expected to write there, got 'Permission denied'; free space, change permissions or choose another name"
    with pytest.raises(ValueError, match=said):
        check_file(tmp_path / "new" / "place")
    with pytest.raises(ValueError, match=said):
        check_folder(tmp_path / "new" / "place", "masks")
