import fcntl
import logging
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embedtrack.files import replace_folder
from embedtrack.files.replace_folder import Replacement

ALONE = """
import sys, time
from pathlib import Path
from embedtrack.files import replace_folder as replace

destination, moment = Path(sys.argv[1]), sys.argv[2]

def reach(name):
    if name == moment:
        print("reached", flush=True)
        time.sleep(60)

def rename(self, target, original=Path.rename):
    original(self, target)
    if target.name == "old":
        reach("set aside")

def swap(*args, original=replace._swap):
    reach("filled")
    original(*args)

def discard(*args, original=replace._discard):
    reach("published")
    original(*args)

Path.rename, replace._swap, replace._discard = rename, swap, discard
if moment == "set aside":
    replace._exchange = lambda a, b: False
with replace.Replacement(destination) as run:
    reach("entered")
    (run.new / "a").write_text("new a")
    reach("half filled")
    (run.new / "b").write_text("new b")
    run.publish()
"""


def fill(destination: Path, word: str):
    with Replacement(destination) as run:
        for name in "ab":
            (run.new / name).write_text(f"{word} {name}")
        run.publish()


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def words(word: str) -> dict[str, str]:
    return {name: f"{word} {name}" for name in "ab"}


def hidden(destination: Path) -> list[Path]:
    return list(destination.parent.glob(".*"))


@pytest.fixture(params=[True, False], ids=["exchange", "two renames"])
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setattr(replace_folder, "_exchange", lambda a, b: False)
    return bool(request.param)


@pytest.mark.usefixtures("exchange")
@pytest.mark.parametrize("older", [None, "empty", "filled"])
def test_the_new_folder_takes_the_place_as_a_whole(tmp_path: Path, older: str | None):
    destination = tmp_path / "deep" / "down" / "place"
    if older:
        destination.mkdir(parents=True)
    if older == "filled":
        (destination / "c").write_text("old c")
    fill(destination, "new")
    assert content(destination) == words("new")
    assert hidden(destination) == []


def test_this_system_exchanges_in_one_step(tmp_path: Path):
    if sys.platform != "linux":
        pytest.skip("renameat2 is Linux's")
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert replace_folder._exchange(tmp_path / "a", tmp_path / "b")
    assert [os.listdir(tmp_path / name) for name in "ab"] == [["b"], ["a"]]
    assert not replace_folder._exchange(tmp_path / "a", tmp_path / "nowhere")


def test_where_folders_can_be_exchanged_the_place_is_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if sys.platform != "linux":
        pytest.skip("renameat2 is Linux's")
    fill(tmp_path / "place", "old")
    moved = []
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda self, target: moved.append(self.name) or rename(self, target))
    fill(tmp_path / "place", "new")
    assert moved == ["new"]  # an attempt, in vain; nobody moved the place itself
    assert content(tmp_path / "place") == words("new")


def test_another_run_may_take_the_older_folder_away_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(tmp_path / "place", "old")
    monkeypatch.setattr(replace_folder, "_exchange", lambda new, place: shutil.rmtree(place))
    fill(tmp_path / "place", "new")
    assert content(tmp_path / "place") == words("new")


def test_another_run_may_fill_the_place_between_the_two_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(tmp_path / "place", "old")
    fill(tmp_path / "other", "other")
    rename = Path.rename

    def race(self: Path, target: Path):
        rename(self, target)
        if target.name == "old" and (tmp_path / "other").exists():
            rename(tmp_path / "other", tmp_path / "place")

    monkeypatch.setattr(replace_folder, "_exchange", lambda a, b: False)
    monkeypatch.setattr(Path, "rename", race)
    fill(tmp_path / "place", "new")
    assert content(tmp_path / "place") == words("new")
    assert hidden(tmp_path / "place") == []


def test_without_publish_nothing_has_happened(tmp_path: Path):
    fill(tmp_path / "place", "old")
    with Replacement(tmp_path / "place") as run:
        (run.new / "a").write_text("new a")
    assert content(tmp_path / "place") == words("old")
    with pytest.raises(KeyError), Replacement(tmp_path / "place") as run:
        raise KeyError
    assert content(tmp_path / "place") == words("old")
    assert hidden(tmp_path / "place") == []


def test_permissions_are_the_usual_ones(tmp_path: Path):
    (tmp_path / "usual").mkdir()
    fill(tmp_path / "place", "new")
    assert (tmp_path / "place").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_keeps_pointing_at_the_folder(tmp_path: Path):
    fill(tmp_path / "store" / "place", "old")
    (tmp_path / "link").symlink_to(tmp_path / "store" / "place")
    fill(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "store" / "place") == words("new")


def test_the_older_folder_comes_back_when_the_new_one_cannot_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fill(tmp_path / "place", "old")
    monkeypatch.setattr(replace_folder, "_exchange", lambda a, b: False)
    rename = Path.rename

    def fail(self: Path, target: Path):
        if self.name == "new" and not target.exists():
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no"):
        fill(tmp_path / "place", "new")
    assert content(tmp_path / "place") == words("old")
    assert hidden(tmp_path / "place") == []


def test_an_older_folder_that_cannot_come_back_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fill(tmp_path / "place", "old")
    monkeypatch.setattr(replace_folder, "_exchange", lambda a, b: False)
    rename = Path.rename

    def fail(self: Path, target: Path):
        if not target.exists() and target.name == "place":
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no"), caplog.at_level(logging.WARNING):
        fill(tmp_path / "place", "new")
    [workspace] = hidden(tmp_path / "place")
    assert content(workspace / "old") == words("old")
    assert str(workspace / "old") in caplog.text
    monkeypatch.undo()
    fill(tmp_path / "another", "new")
    assert content(workspace / "old") == words("old")  # it is not another's to clear
    with Replacement(tmp_path / "place"):
        assert content(tmp_path / "place") == words("old")
    assert hidden(tmp_path / "place") == []


@pytest.mark.parametrize("moment", ["entered", "half filled", "filled", "set aside", "published"])
def test_a_killed_run_leaves_a_whole_folder_and_the_next_one_cleans_up(tmp_path: Path, moment: str):
    destination = tmp_path / "place"
    fill(destination, "old")
    with subprocess.Popen([sys.executable, "-c", ALONE, destination, moment], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "reached\n"
        with Replacement(destination):
            assert len(hidden(destination)) == 2  # the living run's folder stays
        if moment != "set aside":
            assert content(destination) == words("new" if moment == "published" else "old")
        run.kill()
    assert len(hidden(destination)) == 1
    with Replacement(destination):
        assert content(destination) == words("new" if moment == "published" else "old")
        assert len(hidden(destination)) == 1
    assert hidden(destination) == []
    fill(destination, "newer")
    assert content(destination) == words("newer")


@pytest.mark.usefixtures("exchange")
def test_of_two_runs_the_last_to_publish_wins(tmp_path: Path):
    with Replacement(tmp_path / "place") as first, Replacement(tmp_path / "place") as second:
        assert first.new != second.new
        for run, word in ((second, "second"), (first, "first")):
            for name in "ab":
                (run.new / name).write_text(f"{word} {name}")
            run.publish()
            assert content(tmp_path / "place") == words(word)
    assert content(tmp_path / "place") == words("first")
    assert hidden(tmp_path / "place") == []


@pytest.mark.usefixtures("exchange")
def test_many_runs_at_once_do_not_harm_each_other(tmp_path: Path):
    fill(tmp_path / "place", "old")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: fill(tmp_path / "place", str(n)), range(80)))
    last = content(tmp_path / "place")["a"].split()[0]
    assert content(tmp_path / "place") == words(last)
    fill(tmp_path / "place", "last")
    assert hidden(tmp_path / "place") == []


def test_a_lock_that_was_removed_before_it_was_held_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    flock = fcntl.flock

    def late(lock: int, how: int):
        (tmp_path / "lock").unlink()
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert replace_folder._acquire(tmp_path) is None
    monkeypatch.undo()
    held = replace_folder._acquire(tmp_path)
    assert held is not None
    assert replace_folder._acquire(tmp_path) is None
    held.close()
    assert replace_folder._acquire(tmp_path / "nowhere") is None


def test_only_own_hidden_folders_are_cleared(tmp_path: Path):
    others = [
        ".place.abcdefgh.partial2",
        ".place.x.abcdefgh.partial",
        ".placeXabcdefgh.partial",
        "place.abcdefgh.partial",
    ]
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / ".place.abcdefgh.partial").mkdir()
    (tmp_path / ".place.filefile.partial").touch()
    fill(tmp_path / "place", "new")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "place", ".place.filefile.partial"])
