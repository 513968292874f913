from pathlib import Path

import pytest

from embedtrack.challenge.lbep import parse_tracks, read_tracks, write_tracks
from embedtrack.types import Track

TRACKS = [Track(1, 0, 2, 0), Track(2, 3, 5, 1), Track(65535, 3, 5, 1)]


@pytest.mark.parametrize("tracks", [TRACKS, []])
def test_what_is_written_is_read(tmp_path: Path, tracks: list[Track]):
    write_tracks(tmp_path / "tracks.txt", reversed(tracks))
    assert read_tracks(tmp_path / "tracks.txt") == tracks


def test_the_file_is_sorted_and_ends_with_a_newline(tmp_path: Path):
    write_tracks(tmp_path / "tracks.txt", reversed(TRACKS))
    assert (tmp_path / "tracks.txt").read_bytes() == b"1 0 2 0\n2 3 5 1\n65535 3 5 1\n"


@pytest.mark.parametrize(
    "text",
    ["1 0 2 0\n2 3 5 1", "1 0 2 0  \r\n2 3 5 1\r\n", "\n1\t0  2 0\n\n2 3 5 1\n \n", "\ufeff1 0 2 0\n2 3 5 1\n"],
    ids=["no newline", "windows", "blank lines", "byte order mark"],
)
def test_other_peoples_habits_are_read(tmp_path: Path, text: str):
    (tmp_path / "tracks.txt").write_bytes(text.encode())
    assert read_tracks(tmp_path / "tracks.txt") == TRACKS[:2]


@pytest.mark.parametrize(
    "line", ["2 3 5", "2 3 5 1 0", "2 3 5.0 1", "2,3,5,1", "-2 3 5 1", "2 3 5 x", "2 3 1_0 1", "\0"]
)
def test_a_bad_line_is_named(tmp_path: Path, line: str):
    path = tmp_path / "tracks.txt"
    path.write_text(f"1 0 2 0\n{line}\n3 0 0 0\n")
    with pytest.raises(
        ValueError, match=r"tracks\.txt, line 2: expected 4 whole numbers 'label begin end parent', got"
    ):
        read_tracks(path)
    tracks, faults = parse_tracks(path)
    assert tracks == [Track(1, 0, 2, 0), Track(3, 0, 0, 0)]
    assert len(faults) == 1


def test_a_binary_file_is_a_bad_line_not_a_crash(tmp_path: Path):
    (tmp_path / "tracks.txt").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="line 1"):
        read_tracks(tmp_path / "tracks.txt")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match=r"tracks\.txt: expected a track file, got 'No such file"):
        read_tracks(tmp_path / "tracks.txt")


@pytest.mark.parametrize("label", [0, 65536, -1])
def test_labels_that_no_mask_can_hold_are_not_written(tmp_path: Path, label: int):
    with pytest.raises(ValueError, match=f"expected labels from 1 to 65535, got {label}"):
        write_tracks(tmp_path / "tracks.txt", [Track(label, 0, 0, 0)])
    assert not (tmp_path / "tracks.txt").exists()
