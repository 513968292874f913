from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge.datasets import DATASETS, DataSet
from embedtrack.movies.settings import Normalisation
from embedtrack.truth.merge import UNKNOWN
from embedtrack.truth.reading import read_annotated, read_annotated_movies
from tests.drawings import disc, dividing, moving, still, write_movie


def test_reads_a_movie(tmp_path: Path):
    toy = dividing()
    movie = read_annotated(write_movie(toy, tmp_path / "toy"), Normalisation())
    assert movie.name == "toy/01"
    assert all(movie.tracked)
    assert all(np.array_equal(a, b) for a, b in zip(movie.labels, toy.labels, strict=True))
    assert movie.parents == {1: 0, 2: 1, 3: 1}
    assert movie.centres[0] == {1: (24, 32)}
    assert movie.sizes[0] == {1: int(disc((48, 64), (24, 32), 8).sum())}
    assert movie.before(3) == 2
    assert movie.part(range(2, 5)).numbers == [2, 3, 4]
    assert movie.whole == []


def test_a_parent_before_a_gap_has_no_centre_at_t_minus_1(tmp_path: Path):
    toy = dividing()
    toy.labels[2] = 0
    gap = toy._replace(tracks=[toy.tracks[0]._replace(end=1), *toy.tracks[1:]])
    movie = read_annotated(write_movie(gap, tmp_path / "toy"), Normalisation())
    assert movie.parents == {1: 0, 2: UNKNOWN, 3: UNKNOWN}


def test_frames_without_a_past_stand_alone(tmp_path: Path):
    """Frames may be missing: 2 of 0 to 5 here."""
    folder = write_movie(moving(), tmp_path / "toy")
    (folder / "t002.tif").unlink()
    movie = read_annotated(folder, Normalisation())
    assert movie.numbers == [0, 1, 3, 4, 5]
    assert [movie.before(t) for t in range(5)] == [0, 0, 2, 2, 3]
    assert movie.paired == [1, 3, 4]


def test_truth_of_other_frames(tmp_path: Path):
    folder = write_movie(still(), tmp_path / "toy")
    for path in sorted((tmp_path / "toy" / "01").iterdir()):
        path.rename(path.with_name(f"t{int(path.stem[1:]) + 50:03d}.tif"))
    with pytest.raises(ValueError, match="expected truth of some of its frames, got none"):
        read_annotated(folder, Normalisation())


def test_tracks_of_images_that_are_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The truth of a part of a movie, with the table of the whole."""
    folder = write_movie(moving(), tmp_path / "toy")
    for number in (4, 5):
        (tmp_path / "toy" / "01_GT" / "TRA" / f"man_track{number:03d}.tif").unlink()
    read_annotated(folder, Normalisation())
    assert "man_track.txt goes on to frame 5, the images end with 3" in caplog.text


def test_single_frames_with_masks_alone(tmp_path: Path):
    folder = write_movie(still(), tmp_path / "toy")
    for path in (tmp_path / "toy" / "01_GT" / "TRA").iterdir():
        path.unlink()
    (folder / "t001.tif").unlink()
    movie = read_annotated(folder, Normalisation())
    assert not any(movie.tracked)
    assert [movie.before(t) for t in range(3)] == movie.paired == [0, 1, 2]
    assert movie.divisions == []


def test_masks_without_tracks_stand_alone_among_tracked_frames(tmp_path: Path):
    """Their numbers say nothing: equal ones are no cell that moved."""
    folder = write_movie(still(), tmp_path / "toy")
    (tmp_path / "toy" / "01_GT" / "TRA" / "man_track002.tif").unlink()
    movie = read_annotated(folder, Normalisation())
    assert list(movie.tracked) == [True, True, False, True]
    assert [movie.before(t) for t in range(4)] == [0, 0, 2, 3]
    assert movie.part([0, 1]).tracked == [True, True]


def sparse(folder: Path, frames: tuple[int, ...]) -> Path:
    """The moving cells with small markers; only in some frames has the first one a mask, the second one none."""
    toy = moving()
    sequence = write_movie(toy, folder / "toy")
    for t, labels in enumerate(toy.labels):
        inner = np.zeros_like(labels)
        for label in (1, 2):
            y, x = np.argwhere(labels == label).mean(axis=0)
            inner[disc(labels.shape, (y, x), 3)] = label
        tifffile.imwrite(folder / "toy" / "01_GT" / "TRA" / f"man_track{t:03d}.tif", inner.astype(np.uint16))
        gold = folder / "toy" / "01_GT" / "SEG" / f"man_seg{t:03d}.tif"
        gold.unlink()
        if t in frames:
            tifffile.imwrite(gold, (labels == 1).astype(np.uint16))
    return sequence


def test_sparse_gold_truth(tmp_path: Path):
    movie = read_annotated(sparse(tmp_path, (2, 4)), Normalisation())
    assert movie.partial == [{1, 2}, {1, 2}, {2}, {1, 2}, {2}, {1, 2}]
    assert movie.whole == [(2, 1), (4, 1)]
    assert movie.sizes[2][1] == int(disc((40, 40), (20, 20), 7).sum())
    assert movie.sizes[3][1] == int(disc((40, 40), (20, 20), 3).sum())
    assert movie.labels[3][16, 29 + 3 + 4] == UNKNOWN  # masks reach four pixels beyond their markers
    assert movie.labels[3][16, 29 + 3 + 5] == 0


def test_further_masks_complete_the_truth(tmp_path: Path):
    """Nothing but the frames in question is merged anew: frame 2 has gold truth of a cell, which paints over."""
    movie = read_annotated(sparse(tmp_path, (2, 4)), Normalisation())
    more = moving().labels[3].copy()
    again = movie.part([2, 3, 5]).completed({2: np.zeros_like(more), 3: more})
    assert again.partial == [{2}, set(), {1, 2}]
    assert again.sizes[1] == movie.sizes[2] | {2: movie.sizes[2][1]}
    assert again.centres[1].keys() == {1, 2}
    assert np.array_equal(again.labels[1] > 0, more > 0)
    assert np.array_equal(again.truth[1].labels, again.labels[1])
    assert np.array_equal(again.labels[0], movie.labels[2])
    assert np.array_equal(movie.labels[3] > 0, movie.truth[3].labels > 0)  # the first one is as it was
    assert movie.partial[3] == {1, 2}


def test_without_any_mask_markers_are_masks(tmp_path: Path):
    [movie] = read_annotated_movies([sparse(tmp_path, ())], Normalisation())
    assert movie.partial == [set()] * 6
    assert movie.truth[0].masks().any()
    assert movie.labels[0][16, 14 + 3 + 5] == UNKNOWN
    [movie] = read_annotated_movies([sparse(tmp_path / "other", (1,))], Normalisation())
    assert movie.partial[0] == {1, 2}


def test_beyond_the_field_of_interest_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(DATASETS, "toy", DataSet(border=12))
    toy = moving()
    movie = read_annotated(write_movie(toy, tmp_path / "toy"), Normalisation())
    outside = np.ones(toy.labels[0].shape, bool)
    outside[12:-12, 12:-12] = False
    assert np.array_equal(movie.labels[0] == UNKNOWN, outside & (toy.labels[0] == 0))
    assert np.array_equal(movie.labels[0] > 0, toy.labels[0] > 0)


def test_an_only_child_is_no_division(tmp_path: Path):
    toy = dividing()
    toy.labels[toy.labels == 3] = 0
    movie = read_annotated(write_movie(toy._replace(tracks=toy.tracks[:2]), tmp_path / "toy"), Normalisation())
    assert movie.parents == {1: 0, 2: 1}
    assert movie.divisions == []


def test_places_without_image_are_neither_cell_nor_background(tmp_path: Path):
    """A registered movie: 8 black rows above, which cut a cell; the truth says background and cell there."""
    folder = write_movie(still(), tmp_path / "toy")
    noise = np.random.default_rng(0)
    cut = [path for path in sorted(folder.iterdir()) if path.stem in ("t000", "t001")]
    for path in cut:
        image = tifffile.imread(path) + noise.integers(1, 99, still().labels[0].shape).astype(np.uint16)
        image[:8] = 0
        tifffile.imwrite(path, image)
    labels, whole = (np.array(still().labels[0]) for _ in range(2))
    labels[5:12, 20:26] = 7
    for part in ("TRA/man_track", "SEG/man_seg"):
        tifffile.imwrite(tmp_path / "toy" / "01_GT" / f"{part}000.tif", labels.astype(np.uint16))
    with (tmp_path / "toy" / "01_GT" / "TRA" / "man_track.txt").open("a") as table:
        table.write("7 0 0 0\n")
    movie = read_annotated(folder, Normalisation())
    assert (movie.labels[0][:9] == UNKNOWN).all()  # and the row beside, whose pixels may be mixed
    assert np.array_equal(movie.labels[0][9:], labels[9:])
    assert movie.sizes[0][7] == 3 * 6
    assert (movie.labels[1][:9] == UNKNOWN).all()
    assert np.array_equal(movie.labels[2], whole)
    assert (movie.truth[0].labels[:9] == UNKNOWN).all()
