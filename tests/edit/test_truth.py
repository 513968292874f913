from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.layout import open_truth
from embedtrack.challenge.pair import open_raw
from embedtrack.challenge.tracked import open_tracked
from embedtrack.edit.truth import check_place, clip, corrected_before, write_truth
from embedtrack.files.replace_folder import Replacement
from embedtrack.movies.settings import Normalisation
from embedtrack.tracked import Tracked
from embedtrack.truth.reading import read_annotated
from embedtrack.types import Track
from tests.drawings import dividing, write_movie
from tests.exchange.hard import hard


@pytest.fixture
def toy(tmp_path) -> tuple[Tracked, Path]:
    movie = write_movie(dividing(), tmp_path / "mine")
    return open_tracked(tmp_path / "mine" / "01_GT"), movie


def write(toy: tuple[Tracked, Path], frames: list[int], dataset: Path) -> Path:
    tracked, movie = toy
    return write_truth(tracked, frames, movie, open_raw(movie, tracked).frames, dataset)


def test_training_reads_the_frames_that_are_right(toy, tmp_path):
    """Frames 1 to 3 of a movie in which 1 divides into 2 and 3 at frame 3."""
    write(toy, [3, 1, 2], tmp_path / "new")
    movie = read_annotated(tmp_path / "new" / "01", Normalisation())
    assert movie.numbers == [1, 2, 3]
    assert movie.divisions == [(2, 2), (2, 3)]
    assert all(np.array_equal(movie.labels[t], toy[0].masks[t + 1]) for t in range(3))
    assert not any(movie.partial)
    frames = [tifffile.imread(tmp_path / folder / "01" / "t002.tif") for folder in ("mine", "new")]
    assert np.array_equal(*frames)


def test_tracks_are_cut_where_frames_are_left_out(toy, tmp_path):
    """The parts are one cell, lost in between; a division in a frame that is left out is still the mother's."""
    truth = write(toy, [0, 2, 4, 5], tmp_path / "new")
    assert open_truth(truth.with_name("01")).tracks == [
        Track(1, 0, 0, 0), Track(2, 4, 5, 4), Track(3, 4, 5, 4), Track(4, 2, 2, 1),
    ]  # fmt: skip


def test_numbers_of_frames_stay(tmp_path):
    tracked = hard(first=7, digits=4)
    images = [np.zeros(tracked.shape, np.uint8)] * len(tracked)
    write_truth(tracked, [4, 5], Path("elsewhere/movie.tif"), images, tmp_path)
    assert sorted(path.name for path in (tmp_path / "01_GT" / "SEG").iterdir()) == [
        "man_seg0011.tif",
        "man_seg0012.tif",
    ]
    assert corrected_before(Path("elsewhere/movie.tif"), tmp_path, tracked) == [4, 5]
    lines = (tmp_path / "01_GT" / "TRA" / "man_track.txt").read_text().splitlines()
    assert lines[:2] == ["2 12 12 4", "4 11 11 0"]


def test_a_movie_without_truth_gets_it_where_it_is(toy, tmp_path):
    tracked, movie = toy
    (tmp_path / "mine" / "01_GT").rename(tmp_path / "away")
    kept = sorted(movie.iterdir())
    tracked = open_tracked(tmp_path / "away")
    write_truth(tracked, [0], movie, open_raw(movie, tracked).frames, tmp_path / "mine")
    assert sorted(movie.iterdir()) == kept
    assert read_annotated(movie, Normalisation()).numbers == [0]


def test_older_corrections_are_replaced_and_nothing_else(toy, tmp_path):
    write(toy, [0, 1], tmp_path / "new")
    write(toy, [1, 2], tmp_path / "new")
    assert corrected_before(toy[1], tmp_path / "new", toy[0]) == [1, 2]
    assert sorted(path.name for path in (tmp_path / "new" / "01").glob("*.tif")) == ["t001.tif", "t002.tif"]
    with pytest.raises(ValueError, match="got other truth"):
        write(toy, [0], tmp_path / "mine")
    with pytest.raises(ValueError, match="expected corrections of"):
        check_place(tmp_path / "other" / "01", tmp_path / "new")
    (tmp_path / "third" / "01").mkdir(parents=True)
    with pytest.raises(ValueError, match="got another movie"):
        check_place(toy[1], tmp_path / "third")


def test_the_movie_is_never_replaced_by_its_frames(toy, tmp_path):
    """Not even with --overwrite: a stack that lies where the frames would go."""
    stack = tmp_path / "new" / "01" / "rec.tif"
    stack.parent.mkdir(parents=True)
    tifffile.imwrite(stack, np.zeros((6, 48, 64), np.uint16), photometric="minisblack")
    with pytest.raises(ValueError, match="expected a place apart from the input"):
        check_place(stack, tmp_path / "new", overwrite=True)
    check_place(stack.with_name("gone.tif"), tmp_path / "new", overwrite=True)


def test_no_frame_is_no_truth(toy, tmp_path):
    with pytest.raises(ValueError, match="got none; tick them"):
        write(toy, [], tmp_path / "new")


def test_all_frames_are_the_movie_itself():
    whole = clip(hard(), range(len(hard())))
    assert sorted(whole.tracks) == sorted(hard().tracks)


def test_a_full_disk_leaves_older_corrections_as_they_were(toy, tmp_path, monkeypatch):
    write(toy, [0, 1], tmp_path / "new")
    before = tree(tmp_path / "new")

    def full(path, image):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("embedtrack.edit.truth._write_frame", full)
    with pytest.raises(ValueError, match="No space left on device"):
        write(toy, [1, 2], tmp_path / "new")
    assert tree(tmp_path / "new") == before


def test_a_kill_between_frames_and_truth_leaves_a_frame_for_each_mask(toy, tmp_path, monkeypatch):
    write(toy, [0, 1], tmp_path / "new")
    publish, done = Replacement.publish, []

    def once(self):
        if done:
            raise KeyboardInterrupt
        done.append(self.destination.name)
        publish(self)

    monkeypatch.setattr(Replacement, "publish", once)
    with pytest.raises(KeyboardInterrupt):
        write(toy, [1, 2], tmp_path / "new")
    assert done == ["01"]
    assert corrected_before(toy[1], tmp_path / "new", toy[0]) == [0, 1]
    assert read_annotated(tmp_path / "new" / "01", Normalisation()).numbers == [0, 1]
    monkeypatch.undo()
    write(toy, [1, 2], tmp_path / "new")
    assert read_annotated(tmp_path / "new" / "01", Normalisation()).numbers == [1, 2]


@pytest.mark.parametrize("note", ["{", '{"frames": 3, "movie": "x"}', '{"frames": [1]}', '{"movie": 3, "frames": []}'])
def test_a_damaged_note_is_one_line(toy, tmp_path, note):
    write(toy, [0], tmp_path / "new")
    (tmp_path / "new" / "01_GT" / "corrected.json").write_text(note)
    with pytest.raises(
        ValueError, match=r"corrected\.json: expected the frames of corrections, got .*; move the folder"
    ):
        check_place(toy[1], tmp_path / "new")


def test_corrections_that_a_person_has_changed_stay(toy, tmp_path):
    write(toy, [0], tmp_path / "new")
    (tmp_path / "new" / "01" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"got notes\.txt; .*--overwrite"):
        write(toy, [1], tmp_path / "new")
    assert (tmp_path / "new" / "01" / "notes.txt").read_text() == "mine"


def tree(place):
    return {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}
