import numpy as np
import pytest

from embedtrack.tracks.rules import Spans, remove_border
from embedtrack.types import Track
from tests.drawings import disc


def written(frames, parents):
    """The frames uint16[T, W] and lines that are written of a movie of rows of track labels."""
    spans = Spans()
    out = [spans.add(np.array([frame], np.int32), parents)[0] for frame in frames]
    return np.stack(out).tolist(), spans.tracks()


def assert_valid(frames, tracks):
    """The challenge's rules: labels unique and in 16 bits, in every frame of their spans, parents end before."""
    lines = {track.label: track for track in tracks}
    assert len(lines) == len(tracks)
    assert all(1 <= label <= 65535 for label in lines)
    for t, frame in enumerate(frames):
        assert frame.dtype == np.uint16
        assert set(np.unique(frame)) - {0} == {track.label for track in tracks if track.begin <= t <= track.end}
    for track in tracks:
        assert 0 <= track.begin <= track.end < len(frames)
        assert track.parent == 0 or lines[track.parent].end < track.begin


def test_border_keeps_whole_cells_that_reach_into_the_field():
    labels = np.zeros((8, 9), np.int32)
    labels[0:2, 0:9] = 1  # wholly in the border of 2
    labels[0:3, 2] = 2  # one pixel, (2, 2), in the field [2, 6) x [2, 7)
    labels[6:8, 6] = 3
    labels[5:8, 7:9] = 4
    labels[5, 6] = 5
    kept = remove_border(labels, 2)
    np.testing.assert_array_equal(kept, np.where(np.isin(labels, [2, 5]), labels, 0))
    assert kept.dtype == np.int32


def test_border_of_nothing_is_the_identity():
    labels = np.random.default_rng(0).integers(0, 9, (6, 7)).astype(np.int32)
    np.testing.assert_array_equal(remove_border(labels, 0), labels)


@pytest.mark.parametrize("border", [4, 5, 8, 9, 50])
def test_a_frame_that_is_all_border_keeps_nothing(border):
    assert (remove_border(np.ones((8, 30), np.int32), border) == 0).all()
    assert (remove_border(np.ones((30, 8), np.int32), border) == 0).all()
    assert (remove_border(np.ones((9, 9), np.int32), 4) == 1).all()


def test_a_negative_border_is_refused():
    with pytest.raises(ValueError, match="got -1"):
        remove_border(np.ones((8, 8), np.int32), -1)


def test_tracks_without_holes_are_only_renumbered():
    frames, tracks = written([[0, 9, 4], [0, 9, 4], [9, 9, 0]], {9: 0, 4: 0})
    assert frames == [[0, 2, 1], [0, 2, 1], [2, 2, 0]]
    assert tracks == [Track(1, 0, 1, 0), Track(2, 0, 2, 0)]


def test_frames_are_numbered_from_first():
    spans = Spans()
    spans.add(np.array([[0]], np.int32), {})
    spans.add(np.array([[3]], np.int32), {3: 0})
    assert spans.tracks(first=7) == [Track(1, 8, 8, 0)]
    assert spans.tracks() == [Track(1, 1, 1, 0)]


def test_a_movie_without_cells_has_no_tracks():
    assert written([[0, 0], [0, 0]], {}) == ([[0, 0], [0, 0]], [])
    assert Spans().tracks() == []


def test_a_track_that_comes_back_is_its_own_child():
    frames, tracks = written([[5], [0], [5], [5], [0], [0], [5]], {5: 0})
    assert frames == [[1], [0], [2], [2], [0], [0], [3]]
    assert tracks == [Track(1, 0, 0, 0), Track(2, 2, 3, 1), Track(3, 6, 6, 2)]


def test_daughters_hang_on_the_last_label_of_their_mother():
    frames, tracks = written([[1, 0], [0, 0], [1, 0], [2, 0], [2, 3]], {1: 0, 2: 1, 3: 1})
    assert frames == [[1, 0], [0, 0], [2, 0], [3, 0], [3, 4]]
    assert tracks == [Track(1, 0, 0, 0), Track(2, 2, 2, 1), Track(3, 3, 4, 2), Track(4, 4, 4, 2)]


def test_the_parent_of_a_hidden_mother_is_the_grandmother():
    parents = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 0, 7: 6}
    frames, tracks = written([[1, 0], [0, 0], [4, 7], [5, 0]], parents)
    assert frames == [[1, 0], [0, 0], [2, 3], [4, 0]]
    assert tracks == [Track(1, 0, 0, 0), Track(2, 2, 2, 1), Track(3, 2, 2, 0), Track(4, 3, 3, 2)]


def test_no_child_while_its_parent_is_there():
    _, tracks = written([[5, 0], [5, 2], [5, 2]], {5: 0, 2: 5})
    assert tracks == [Track(1, 0, 2, 0), Track(2, 1, 2, 0)]
    _, tracks = written([[5, 0], [0, 0], [5, 2]], {5: 0, 2: 5})  # it comes back in the child's first frame
    assert tracks == [Track(1, 0, 0, 0), Track(2, 2, 2, 1), Track(3, 2, 2, 1)]


def test_a_cell_that_crosses_the_border_again_and_again():
    spans, columns = Spans(), [3, 3, 14, 15, 3, 14, 3, 3, 15, 26]
    frames = [spans.add(remove_border(4 * disc((30, 30), (15, x), 3).astype(np.int32), 10), {4: 0}) for x in columns]
    assert [int(frame.max()) for frame in frames] == [0, 0, 1, 1, 0, 2, 0, 0, 3, 0]
    assert spans.tracks() == [Track(1, 2, 3, 0), Track(2, 5, 5, 1), Track(3, 8, 8, 2)]
    assert_valid(frames, spans.tracks())


@pytest.mark.parametrize("seed", range(30))
def test_any_stream_becomes_valid(seed):
    rng = np.random.default_rng(seed)
    parents = {label: int(rng.integers(0, label)) for label in range(1, 13)}
    stream = [rng.integers(0, 13, (5, 6)).astype(np.int32) for _ in range(12)]
    stream = [np.where(rng.random(13)[labels] < 0.5, labels, 0) for labels in stream]
    stream = [remove_border(labels, int(rng.integers(0, 2))) for labels in stream]
    spans = Spans()
    frames = [spans.add(labels, parents) for labels in stream]
    tracks = spans.tracks()
    assert_valid(frames, tracks)
    owner = {}  # written label -> track
    for frame, labels in zip(frames, stream, strict=True):
        pairs = set(zip(frame.ravel().tolist(), labels.ravel().tolist(), strict=True)) - {(0, 0)}
        for label, track in pairs:
            assert owner.setdefault(label, track) == track
        assert len(pairs) == len(dict(pairs)) == len({track for _, track in pairs})
    for line in tracks:
        ancestors, track = set(), owner[line.label]
        while track:
            ancestors.add(track)
            track = parents[track]
        assert line.parent == 0 or owner[line.parent] in ancestors
        former = [other for other in tracks if owner[other.label] == owner[line.label] and other.end < line.begin]
        assert not former or line.parent == max(former).label


def test_as_many_labels_as_16_bits_hold():
    labels = np.arange(65_536, dtype=np.int32).reshape(256, 256)
    frame = Spans().add(labels, {})
    np.testing.assert_array_equal(frame, labels)
    assert frame.dtype == np.uint16


def test_one_label_more_is_an_error():
    spans = Spans()
    spans.add(np.arange(65_536, dtype=np.int32).reshape(256, 256), {})
    with pytest.raises(ValueError, match=r"expected at most 65535 tracks.* got more;"):
        spans.add(np.array([[70_000]], np.int32), {})
