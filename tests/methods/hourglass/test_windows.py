"""Windows of consecutive frames, one change of view for all of them, and who is whose neighbour."""

from pathlib import Path

import numpy as np
import pytest
import torch

from embedtrack.methods.embedtrack.samples import BACKGROUND, IGNORED
from embedtrack.methods.hourglass.windows import Clip, collate, consecutive, draw, neighbours
from embedtrack.movies.settings import Normalisation
from embedtrack.recipe import Augmentation, Sampling
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.merge import UNKNOWN
from embedtrack.truth.reading import read_annotated
from tests.drawings import Toy, disc, dividing, moving, still, write_movie

PLAIN = Augmentation(affine=0, moving=0, contrast=0, brightness=0, blur=0, noise=0, clahe=0)
SHAPE = (60, 120)


def movie_of(toy: Toy, folder: Path) -> AnnotatedMovie:
    return read_annotated(write_movie(toy, folder / "toy"), Normalisation())


def stack(*frames: dict[int, np.ndarray]) -> np.ndarray:
    """int32[T, H, W]: label -> mask of each frame."""
    labels = np.zeros((len(frames), *SHAPE), np.int32)
    for picture, cells in zip(labels, frames, strict=True):
        for label, mask in cells.items():
            picture[mask] = label
    return labels


def test_consecutive_frames(tmp_path: Path):
    movie = movie_of(moving(), tmp_path)
    assert consecutive(movie, 5, 4) == [2, 3, 4, 5]
    assert consecutive(movie, 1, 4) == [0, 0, 0, 1]  # a short movie stands still at first
    gap = movie.part([0, 1, 3, 4, 5])
    assert [gap.numbers[t] for t in consecutive(gap, 4, 4)] == [3, 3, 4, 5]


def test_one_view_for_the_whole_window(tmp_path: Path):
    """A cell that rests in a movie rests in each window, whatever the view."""
    movie = movie_of(still(), tmp_path)
    for seed in range(20):
        clip = draw([movie], Sampling(crop=48), Augmentation(affine=1.0, noise=0), 4, np.random.default_rng(seed))
        assert clip.frames.shape == clip.labels.shape == (4, 48, 48)
        assert (clip.frames.dtype, clip.labels.dtype) == (np.float32, np.int32)
        assert (clip.labels == clip.labels[0]).all()


def test_labels_stay_over_the_window_and_divisions_come_in(tmp_path: Path):
    movie = movie_of(dividing(), tmp_path)
    sampling = Sampling(crop=48, anywhere=0, events=1)
    for seed in range(20):
        clip = draw([movie], sampling, PLAIN, 4, np.random.default_rng(seed))
        shown = [set(np.unique(one[one > 0])) for one in clip.labels]
        assert {1} in shown
        assert any(cells and cells <= {2, 3} for cells in shown)


def test_unknown_pixels_are_ignored_and_instances_numbered_through(tmp_path: Path):
    labels = stack({3: disc(SHAPE, (20, 30), 6), 9: disc(SHAPE, (40, 90), 6)})
    labels[0, :5] = UNKNOWN
    clip = Clip(np.zeros(labels.shape, np.float32), labels)
    windows = collate([clip, clip])
    assert windows.frames.shape == (2, 1, 1, *SHAPE)
    assert windows.instances.dtype == torch.int64
    assert sorted(windows.instances.unique().tolist()) == [IGNORED, BACKGROUND, 0, 1, 2, 3]
    assert (windows.instances[:, 0, :5] == IGNORED).all()
    assert (
        windows.instances[1][windows.instances[0] >= 0] - windows.instances[0][windows.instances[0] >= 0] == 2
    ).all()
    assert windows.clips.tolist() == [0, 0, 1, 1]
    assert not windows.neighbours[:2, 2:].any()


def test_clips_without_cells_make_a_batch():
    empty = Clip(np.zeros((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.int32))
    windows = collate([empty])
    assert windows.neighbours.shape == (0, 0)
    assert windows.clips.shape == (0,)


@pytest.mark.parametrize(("gap", "expected"), [(0, True), (5, True), (6, True), (7, False)])
def test_neighbours_by_dilation(gap: int, expected: bool):
    """Two bars: the nearest pixels are ``gap`` + 1 apart; of each other's centre they are farther than r_N."""
    one, other = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    one[10:50, 40:50] = True
    other[10:50, 50 + gap : 60 + gap] = True
    found = neighbours(stack({1: one, 2: other}), reach=2, dilation=7)
    assert found.tolist() == [[False, expected], [expected, False]]


@pytest.mark.parametrize(("distance", "expected"), [(29, True), (31, False)])
def test_neighbours_by_the_centre(distance: int, expected: bool):
    """The other's nearest pixel is ``distance`` - 6 from the centre of gravity; r_N is 24."""
    labels = stack({1: disc(SHAPE, (30, 30), 6), 2: disc(SHAPE, (30, 30 + distance), 6)})
    assert neighbours(labels, reach=24, dilation=1)[0, 1] == expected


def test_the_centre_is_that_of_all_frames():
    """A cell that moves from column 20 to 60 has its centre at 40, where another one was all the time."""
    bar = np.zeros(SHAPE, bool)
    bar[50:54, 38:42] = True
    moves = [{1: disc(SHAPE, (40, 20 + 20 * t), 4), 2: bar} for t in range(3)]
    assert neighbours(stack(*moves), reach=12, dilation=1)[0, 1]
    assert not neighbours(stack(moves[0], moves[2]), reach=7, dilation=1)[0, 1]


def test_mother_and_daughters_are_neighbours():
    mother = {1: disc(SHAPE, (30, 50), 10)}
    daughters = {2: disc(SHAPE, (30, 43), 6), 3: disc(SHAPE, (30, 57), 6)}
    found = neighbours(stack(mother, daughters), reach=1, dilation=2)
    assert found[0].tolist() == [False, True, True]
    assert found[:, 0].tolist() == [False, True, True]


def test_who_never_meets_is_no_neighbour():
    """One has left two frames before the other comes to its place."""
    here = disc(SHAPE, (30, 50), 10)
    apart = neighbours(stack({1: here}, {}, {}, {2: here}), reach=5, dilation=2)
    near = neighbours(stack({1: here}, {}, {2: here}), reach=5, dilation=2)
    assert not apart.any()
    assert near.tolist() == [[False, False], [False, False]]
    assert neighbours(stack({1: here}, {2: here}), reach=5, dilation=2).sum() == 2


def test_equal_chance_gives_equal_windows(tmp_path: Path):
    movie = movie_of(dividing(), tmp_path)
    one, two = (draw([movie], Sampling(crop=40), Augmentation(), 4, np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_movie_that_is_not_tracked_stands_still(tmp_path: Path):
    from dataclasses import replace

    movie = movie_of(moving(), tmp_path)
    movie = replace(movie, tracked=[False for _ in movie.frames])
    clip = draw([movie], Sampling(crop=48), PLAIN, 3, np.random.default_rng(0))
    assert (clip.labels == clip.labels[0]).all()
