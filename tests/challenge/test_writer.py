import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.layout import FrameFolder, check, open_frame_folder, read_labels, read_tracks
from embedtrack.challenge.provenance import write_log
from embedtrack.challenge.record import known_of
from embedtrack.challenge.writer import ResultWriter
from embedtrack.types import Track
from tests.drawings import ALL, Toy, dividing, still, write_movie


def write(destination: Path, sequence: FrameFolder, toy: Toy):
    with ResultWriter(destination, sequence) as out:
        for index, labels in enumerate(toy.labels):
            out.write(index, labels)
        out.commit(toy.tracks)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def sequence(tmp_path: Path) -> FrameFolder:
    return open_frame_folder(write_movie(dividing(), tmp_path))


@pytest.mark.parametrize("digits", [3, 4])
@pytest.mark.parametrize("draw", ALL)
def test_what_is_written_is_read(tmp_path: Path, draw: type[Toy], digits: int):
    toy = draw()
    sequence = open_frame_folder(write_movie(toy, tmp_path, digits=digits))
    write(tmp_path / "01_RES", sequence, toy)
    masks = [f"mask{t:0{digits}d}.tif" for t in range(len(toy.labels))]
    assert sorted(os.listdir(tmp_path / "01_RES")) == [*masks, "res_track.txt"]
    for name, labels in zip(masks, toy.labels, strict=True):
        np.testing.assert_array_equal(read_labels(tmp_path / "01_RES" / name), labels)
        with tifffile.TiffFile(tmp_path / "01_RES" / name) as file:
            assert file.pages.first.dtype == np.uint16
            assert file.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    assert read_tracks(tmp_path / "01_RES" / "res_track.txt") == toy.tracks
    assert check(tmp_path / "01_RES", sequence) == []


def test_a_first_frame_that_is_not_0_is_kept_in_names_and_tracks(tmp_path: Path):
    toy = dividing()
    folder = write_movie(toy, tmp_path)
    for t in reversed(range(6)):
        (folder / f"t{t:03d}.tif").rename(folder / f"t{t + 7:03d}.tif")
    sequence = open_frame_folder(folder)
    write(tmp_path / "01_RES", sequence, toy)
    assert sorted(os.listdir(tmp_path / "01_RES"))[::6] == ["mask007.tif", "res_track.txt"]
    assert read_tracks(tmp_path / "01_RES" / "res_track.txt") == [(1, 7, 9, 0), (2, 10, 12, 1), (3, 10, 12, 1)]
    assert check(tmp_path / "01_RES", sequence) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64, ">i4"])
def test_labels_of_any_integer_type(tmp_path: Path, sequence: FrameFolder, dtype: type):
    toy = dividing()
    write(tmp_path / "01_RES", sequence, Toy(toy.labels.astype(dtype), toy.tracks))
    np.testing.assert_array_equal(read_labels(tmp_path / "01_RES" / "mask005.tif"), toy.labels[5])


def test_the_largest_label_is_not_wrapped(tmp_path: Path, sequence: FrameFolder):
    labels = np.where(dividing().labels > 0, 65535, 0)
    write(tmp_path / "01_RES", sequence, Toy(labels, [Track(65535, 0, 5, 0)]))
    assert read_labels(tmp_path / "01_RES" / "mask000.tif").max() == 65535


@pytest.mark.parametrize(
    ("index", "labels", "message"),
    [
        (
            0,
            np.full((48, 64), 65536),
            r"mask000\.tif: expected labels from 0 to 65535, got 65536 to 65536; a movie with",
        ),
        (0, np.full((48, 64), -1), r"mask000\.tif: expected labels from 0 to 65535, got -1 to -1"),
        (1, np.zeros((64, 48), int), r"mask001\.tif: expected integers \(48, 64\), got int64 \(64, 48\)"),
        (1, np.zeros((48, 64)), r"mask001\.tif: expected integers \(48, 64\), got float64 \(48, 64\)"),
        (6, np.zeros((48, 64), int), "expected a frame index from 0 to 5, got 6"),
        (-1, np.zeros((48, 64), int), "expected a frame index from 0 to 5, got -1"),
    ],
)
def test_wrong_masks_are_refused(tmp_path: Path, sequence: FrameFolder, index: int, labels: np.ndarray, message: str):
    with ResultWriter(tmp_path / "01_RES", sequence) as out, pytest.raises(ValueError, match=message):
        out.write(index, labels)
    assert not (tmp_path / "01_RES").exists()


def test_more_tracks_than_16_bits_hold_are_a_clear_error(tmp_path: Path, sequence: FrameFolder):
    tracks = [Track(label, 0, 0, 0) for label in range(1, 70001)]
    with (
        ResultWriter(tmp_path / "01_RES", sequence) as out,
        pytest.raises(ValueError, match=r"expected labels from 1 to 65535, got 65536 \(70000 tracks\)"),
    ):
        out.commit(tracks)


def test_an_invalid_result_is_refused_with_all_its_faults_and_the_older_one_stays(
    tmp_path: Path, sequence: FrameFolder
):
    destination, toy = tmp_path / "01_RES", dividing()
    write(destination, sequence, toy)
    before = content(destination)
    with ResultWriter(destination, sequence) as out:
        for index in range(5):
            out.write(index, toy.labels[0])
        with pytest.raises(ValueError) as error:
            out.commit(toy.tracks)
    assert content(destination) == before
    assert sorted(os.listdir(tmp_path)) == ["01", "01_GT", "01_RES"]
    lines = str(error.value).split("\n")
    assert f"{destination}: expected mask005.tif, got nothing there" in lines
    assert f"{destination}: expected label 1 within its span only, got label 1 in frame 3 to 4" in lines
    assert len(lines) == 4


def test_a_shorter_result_leaves_nothing_of_the_older_one(tmp_path: Path, sequence: FrameFolder):
    write(tmp_path / "01_RES", sequence, dividing())
    (tmp_path / "01_RES" / "SEG_log.txt").write_text("SEG measure: 1\n")
    write(tmp_path / "01_RES", open_frame_folder(write_movie(still(), tmp_path / "other")), still())
    assert sorted(os.listdir(tmp_path / "01_RES")) == [f"mask00{t}.tif" for t in range(4)] + ["res_track.txt"]


def test_a_run_that_breaks_off_leaves_nothing(tmp_path: Path, sequence: FrameFolder):
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ValueError, match="a frame index"), ResultWriter(tmp_path / "01_RES", sequence) as out:
        out.write(99, dividing().labels[0])
    with ResultWriter(tmp_path / "01_RES", sequence) as out:
        out.write(0, dividing().labels[0])
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", ["01_RES", "01_RES/", "deep/down/01_RES", "../elsewhere/01_RES", "./01_RES"])
def test_destinations_of_every_spelling(
    tmp_path: Path, sequence: FrameFolder, name: str, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    write(Path(name), sequence, dividing())
    assert check(Path(name), sequence) == []


def forbid(destination: Path):
    raise AssertionError("not to be reached")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d.write_text("a file"), "01_RES: expected a folder or nothing there, got a file; choose another"),
        (lambda d: (d.mkdir(), (d / "thesis.txt").touch()), "got thesis.txt; choose another destination"),
        (lambda d: (d.mkdir(), (d / "t000.tif").touch(), (d / "t001.tif").touch()), "got t000.tif and 1 more; choose"),
        (lambda d: (d / "mask000.tif" / "x").mkdir(parents=True) or (d / "sub").mkdir(), "got sub; choose"),
    ],
)
def test_what_is_no_result_is_not_replaced(tmp_path: Path, sequence: FrameFolder, spoil, message: str):
    destination = tmp_path / "01_RES"
    spoil(destination)
    with pytest.raises(ValueError, match=message), ResultWriter(destination, sequence):
        forbid(destination)
    assert destination.exists()


def test_the_movie_itself_is_not_replaced(sequence: FrameFolder):
    with (
        pytest.raises(ValueError, match="expected nothing but an older result there"),
        ResultWriter(sequence.folder, sequence),
    ):
        forbid(sequence.folder)


def test_a_file_of_the_user_that_came_during_the_run_is_not_lost(tmp_path: Path, sequence: FrameFolder):
    destination, toy = tmp_path / "01_RES", dividing()
    with ResultWriter(destination, sequence) as out:
        for index, labels in enumerate(toy.labels):
            out.write(index, labels)
        destination.mkdir()
        (destination / "notes.txt").touch()
        with pytest.raises(ValueError, match=r"got notes\.txt"):
            out.commit(toy.tracks)
    assert os.listdir(destination) == ["notes.txt"]


def test_corrections_of_a_person_that_came_during_the_run_are_not_lost(tmp_path: Path, sequence: FrameFolder):
    destination, toy = tmp_path / "01_RES", dividing()

    def write(known: dict[str, str] | None, *, corrections: bool = False) -> None:
        with ResultWriter(destination, sequence, corrections=corrections) as out:
            for index, labels in enumerate(toy.labels):
                out.write(index, labels)
            if known is None:
                write({"corrected": "today"}, corrections=True)
            out.commit(toy.tracks, known or {})

    with pytest.raises(ValueError, match="expected a result that nobody has corrected there, got corrections of today"):
        write(None)
    assert known_of(destination) == {"corrected": "today"}
    write({"corrected": "tomorrow"}, corrections=True)


def test_without_a_record_the_older_ones_go(tmp_path: Path, sequence: FrameFolder):
    destination, toy = tmp_path / "01_RES", dividing()
    for known in ({"model": "OLD"}, None):
        with ResultWriter(destination, sequence) as out:
            for index, labels in enumerate(toy.labels):
                out.write(index, labels)
            out.commit(toy.tracks, known)
        if known:
            write_log(destination, known)
        assert destination.with_name("01_RES.log").exists() == bool(known)
        assert destination.with_name("01_RES.json").exists() == bool(known)


def test_a_parent_that_is_a_file(tmp_path: Path, sequence: FrameFolder):
    (tmp_path / "parent").touch()
    with (
        pytest.raises(ValueError, match=r"01_RES: expected a place to write to, got the file .*parent where a folder"),
        ResultWriter(tmp_path / "parent" / "01_RES", sequence),
    ):
        forbid(tmp_path)


@pytest.mark.parametrize("locked", ["", "01_RES"])
def test_a_destination_without_permission(tmp_path: Path, sequence: FrameFolder, locked: str):
    (tmp_path / "01_RES").mkdir()
    (tmp_path / locked).chmod(0o555)
    if os.access(tmp_path / locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    with (
        pytest.raises(ValueError, match="01_RES: expected to write a result there, got 'Permission denied'"),
        ResultWriter(tmp_path / "01_RES", sequence),
    ):
        forbid(tmp_path)
    (tmp_path / locked).chmod(0o755)
    assert os.listdir(tmp_path / "01_RES") == []


def test_a_refusal_of_the_system_comes_before_the_work(
    tmp_path: Path, sequence: FrameFolder, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "01_RES").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ValueError, match="got 'Permission denied'"), ResultWriter(tmp_path / "01_RES", sequence):
        forbid(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(Path, "is_mount", lambda path: True)
    with (
        pytest.raises(ValueError, match="a mount point; mount its parent"),
        ResultWriter(tmp_path / "01_RES", sequence),
    ):
        forbid(tmp_path)


def test_a_full_disk_is_a_clear_error(tmp_path: Path, sequence: FrameFolder, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "01_RES", sequence, dividing())
    before = content(tmp_path / "01_RES")

    def full(*args: object, **kwargs: object):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tifffile, "imwrite", full)
    with (
        pytest.raises(
            ValueError, match="01_RES: expected to write a result there, got 'No space left on device'; free"
        ),
        ResultWriter(tmp_path / "01_RES", sequence) as out,
    ):
        out.write(0, dividing().labels[0])
    monkeypatch.undo()
    assert content(tmp_path / "01_RES") == before
    assert sorted(os.listdir(tmp_path)) == ["01", "01_GT", "01_RES"]


def test_two_writers_at_one_destination(tmp_path: Path, sequence: FrameFolder):
    toy, destination = dividing(), tmp_path / "01_RES"
    with ResultWriter(destination, sequence) as first, ResultWriter(destination, sequence) as second:
        for index, labels in enumerate(toy.labels):
            first.write(index, labels)
            second.write(index, np.where(labels == 0, 0, 9))
        first.commit(toy.tracks)
        np.testing.assert_array_equal(read_labels(destination / "mask004.tif"), toy.labels[4])
        second.commit([Track(9, 0, 5, 0)])
    assert read_tracks(destination / "res_track.txt") == [Track(9, 0, 5, 0)]
    assert check(destination, sequence) == []
    assert sorted(os.listdir(tmp_path)) == ["01", "01_GT", "01_RES"]


ENDLESS = """
import sys
from pathlib import Path
import numpy as np
from embedtrack.challenge.layout import open_frame_folder
from embedtrack.challenge.writer import ResultWriter
from embedtrack.types import Track

sequence = open_frame_folder(Path(sys.argv[1]))
while True:
    with ResultWriter(Path(sys.argv[2]), sequence) as out:
        for index in range(len(sequence)):
            out.write(index, np.full(sequence.shape, 5))
            print("written", flush=True)
        if sys.argv[3] == "commit":
            out.commit([Track(5, 0, len(sequence) - 1, 0)])
"""


@pytest.mark.parametrize("delay", [0.0, 0.003, 0.01])
def test_kill_9_while_writing_leaves_the_older_result_byte_by_byte(tmp_path: Path, sequence: FrameFolder, delay: float):
    destination = tmp_path / "01_RES"
    write(destination, sequence, dividing())
    before = content(destination)
    killed(sequence.folder, destination, "never", delay)
    assert content(destination) == before
    assert len(list(tmp_path.glob(".01_RES.*.partial"))) <= 1
    write(destination, sequence, dividing())
    assert sorted(os.listdir(tmp_path)) == ["01", "01_GT", "01_RES"]
    assert content(destination) == before


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.04])
def test_kill_9_while_committing_leaves_a_whole_result(tmp_path: Path, sequence: FrameFolder, delay: float):
    destination = tmp_path / "01_RES"
    write(destination, sequence, dividing())
    killed(sequence.folder, destination, "commit", delay)
    assert check(destination, sequence) == []
    write(destination, sequence, dividing())
    assert sorted(os.listdir(tmp_path)) == ["01", "01_GT", "01_RES"]


def killed(movie: Path, destination: Path, how: str, delay: float):
    """Kill a run that writes again and again, ``delay`` seconds after its fifth mask."""
    with subprocess.Popen([sys.executable, "-c", ENDLESS, movie, destination, how], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        for _ in range(5):
            assert run.stdout.readline() == b"written\n"
        time.sleep(delay)
        run.send_signal(signal.SIGKILL)
