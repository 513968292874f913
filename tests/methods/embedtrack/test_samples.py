from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from embedtrack.methods.embedtrack.samples import BACKGROUND, IGNORED, Sample, collate, cut, draw, number, sources
from embedtrack.movies.settings import Normalisation
from embedtrack.recipe import Augmentation, Sampling
from embedtrack.truth.annotated import AnnotatedMovie
from embedtrack.truth.appearance import vary_appearance
from embedtrack.truth.augment import View, random_views, vary_grey
from embedtrack.truth.medoid import medoid
from embedtrack.truth.merge import UNKNOWN
from embedtrack.truth.reading import read_annotated
from embedtrack.types import OUTSIDE
from tests.drawings import STEP, Toy, dividing, moving, touching, vanishing, write_movie
from tests.drawings import draw as draw_cells

PLAIN = Augmentation(affine=0, moving=0, contrast=0, brightness=0, blur=0, noise=0, clahe=0)
SAMPLING = Sampling(crop=40)


def movie_of(toy: Toy, folder: Path) -> AnnotatedMovie:
    return read_annotated(write_movie(toy, folder / "toy"), Normalisation())


def test_without_interpolation_a_crop_is_a_part_of_the_frame(tmp_path: Path):
    movie = movie_of(touching(), tmp_path)
    crop = cut(movie, 1, View(np.eye(2), np.array([25.5, 31.5]), 40))
    np.testing.assert_array_equal(crop.frame, movie.frames[1][6:46, 12:52])
    np.testing.assert_array_equal(crop.labels, movie.labels[1][6:46, 12:52])


@pytest.mark.parametrize("number", range(40))
def test_centres_follow_their_cells(tmp_path: Path, number: int):
    """Whatever the view, a whole cell's centre is on the spot that was its medoid."""
    movie = movie_of(moving(), tmp_path)
    rng = np.random.default_rng(number)
    view, _ = random_views(np.array([23.5, 39.5]), 64, Augmentation(affine=0.5), rng)
    crop = cut(movie, 2, view)
    assert crop.centres
    for label, centre in crop.centres.items():
        assert np.linalg.norm(centre - medoid(crop.labels == label)) < 1.5
        assert crop.labels[tuple(np.round(centre).astype(int))] == label


def test_a_cell_cut_by_the_crop_has_the_medoid_of_what_is_left(tmp_path: Path):
    movie = movie_of(touching(), tmp_path)
    crop = cut(movie, 0, View(np.eye(2), np.array([35.5, 39.5]), 40))  # column 20 cuts the first cell
    assert crop.centres[1] == pytest.approx(medoid(movie.labels[0][16:56, 20:60] == 1))
    assert crop.centres[3] == pytest.approx(np.array(movie.centres[0][3]) - (16, 20))


def test_slivers_are_ignored(tmp_path: Path):
    movie = movie_of(touching(), tmp_path)
    crop = cut(movie, 0, View(np.eye(2), np.array([19.5, 43.5]), 40))  # one column of the first cell is left
    assert 1 not in crop.centres
    assert (crop.labels[:, 0] == UNKNOWN).any()


def test_beyond_the_frame_nothing_is_known(tmp_path: Path):
    movie = movie_of(touching(), tmp_path)
    crop = cut(movie, 0, View(np.eye(2), np.array([0.5, 0.5]), 40))
    assert (crop.labels[:19] == UNKNOWN).all()
    assert (crop.labels[:, :19] == UNKNOWN).all()
    assert np.isfinite(crop.frame).all()


def test_daughters_point_at_their_mother(tmp_path: Path):
    movie = movie_of(dividing(), tmp_path)
    assert movie.divisions == [(3, 2), (3, 3)]
    rng = np.random.default_rng(0)
    births = [draw([movie], Sampling(crop=48, anywhere=0, events=1), PLAIN, rng) for _ in range(5)]
    assert all(set(sample.sources.values()) <= {1, UNKNOWN} for sample in births)
    whole = next(sample for sample in births if list(sample.sources.values()) == [1, 1])
    links = collate([whole], STEP).links
    assert len(links.centres) == 1
    assert torch.equal(links.instances[0] == 0, torch.from_numpy(whole.now.labels > 0))
    np.testing.assert_allclose(links.centres[0], whole.before.centres[1] * STEP, rtol=1e-5)


def test_a_new_cell_has_no_link_and_an_unseen_past_is_ignored(tmp_path: Path):
    toy = moving()
    toy.labels[:2][toy.labels[:2] == 2] = 0
    movie = movie_of(toy._replace(tracks=[toy.tracks[0], toy.tracks[1]._replace(begin=2)]), tmp_path)
    rng = np.random.default_rng(0)
    samples = [draw([movie], Sampling(crop=80, anywhere=1), PLAIN, rng) for _ in range(20)]
    new = next(s for s in samples if 2 in s.now.centres and 2 not in s.before.centres)
    links = collate([new], STEP).links.instances[0].numpy()
    assert (links[new.now.labels == 2] == BACKGROUND).all()
    hidden = new._replace(sources={1: UNKNOWN, 2: 0})
    links = collate([hidden], STEP).links.instances[0].numpy()
    assert (links[new.now.labels == 1] == IGNORED).all()


def test_unknown_pixels_are_ignored_in_the_batch(tmp_path: Path):
    movie = movie_of(touching(), tmp_path)
    movie.labels[0][movie.labels[0] == 2] = UNKNOWN
    crop = cut(movie, 0, View(np.eye(2), np.array([27.5, 31.5]), 56))
    assert set(crop.centres) == {1, 3}
    assert (crop.labels == UNKNOWN).sum() == (movie.labels[0] == UNKNOWN).sum()
    instances = number([crop], STEP).instances[0].numpy()
    assert np.array_equal(instances == IGNORED, crop.labels == UNKNOWN)
    assert np.array_equal(instances == BACKGROUND, crop.labels == 0)


def test_what_lies_beyond_the_frame_is_no_background(tmp_path: Path):
    """Nobody has looked there: the crop's pixels must cost nothing, nor may a cell's past be sought there."""
    movie = movie_of(touching(), tmp_path)
    crop = cut(movie, 0, View(np.eye(2), np.array([0.5, 0.5]), 40))
    batch = collate([Sample(crop, crop, {label: label for label in crop.centres})], STEP)
    for cells in (batch.cells_now, batch.cells_before, batch.links):
        assert (cells.instances[0, :19] == IGNORED).all()
        assert (cells.instances[0, 20:, 20:] != IGNORED).all()


def test_no_mark_stands_for_two_things():
    assert len({0, UNKNOWN, BACKGROUND, IGNORED, OUTSIDE}) == 5
    assert max(UNKNOWN, BACKGROUND, IGNORED, OUTSIDE) < 0


def test_empty_and_crowded_crops_make_one_batch(tmp_path: Path):
    movie = movie_of(vanishing(), tmp_path)
    rng = np.random.default_rng(0)
    batch = collate([draw([movie], SAMPLING, Augmentation(), rng) for _ in range(8)], STEP)
    counts = torch.bincount(batch.cells_now.images, minlength=8)
    assert counts.min() == 0
    assert counts.max() == 1
    assert batch.now.shape == batch.before.shape == (8, 1, 40, 40)
    assert batch.cells_now.instances.shape == (8, 40, 40)


def test_frames_smaller_than_a_crop(tmp_path: Path):
    frame = draw_cells((20, 24), {1: ((10, 12), 5)})
    movie = movie_of(Toy(np.stack([frame, frame]), [(1, 0, 1, 0)]), tmp_path)
    sample = draw([movie], Sampling(crop=64), PLAIN, np.random.default_rng(0))
    assert (sample.now.labels >= 0).sum() == 20 * 24
    assert (sample.now.labels == 1).sum() == (frame == 1).sum()


def test_equal_chance_gives_equal_samples(tmp_path: Path):
    movie = movie_of(moving(), tmp_path)
    first, second = (draw([movie], SAMPLING, Augmentation(), np.random.default_rng((1, 2))) for _ in range(2))
    np.testing.assert_array_equal(first.now.frame, second.now.frame)
    np.testing.assert_array_equal(first.before.labels, second.before.labels)


def test_grey_values_vary_but_cells_stay():
    frame = np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
    pair, cells = [frame, frame], [np.zeros((64, 64), np.int32)] * 2
    often = Augmentation(blur=1, noise=1, clahe=1)
    one, two = vary_grey(pair, cells, often, np.random.default_rng(0))
    assert one.dtype == np.float32
    assert not np.allclose(one, frame)
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.8  # the noise differs, the rest is the same
    one, two = vary_grey(pair, cells, often.model_copy(update={"noise": 0.0}), np.random.default_rng(0))
    np.testing.assert_array_equal(one, two)


def test_appearance_alone_is_what_changes_where_nothing_else_may():
    alone = PLAIN.model_copy(update={"appearance": 1.0})
    labels = draw_cells((64, 64), {1: ((32, 32), 12)})
    pair = [np.random.default_rng(t).normal(0, 1, (64, 64)).astype(np.float32) for t in range(2)]
    found = vary_grey(pair, [labels, labels], alone, np.random.default_rng(3))
    expected = vary_appearance(pair, [labels, labels], 1.0, np.random.default_rng(3))
    np.testing.assert_array_equal(found, expected)


def test_the_motion_displaces_only_the_frame_before():
    moved = [random_views(np.zeros(2), 8, Augmentation(moving=1), np.random.default_rng(i)) for i in range(20)]
    assert all((now.centre == 0).all() for now, _ in moved)
    steps = np.array([before.centre for _, before in moved])
    assert np.abs(steps).max() <= 15
    assert np.unique(steps, axis=0).shape[0] > 15


def test_whole_cells_are_seen_more_often_than_markers(tmp_path: Path):
    movie = movie_of(moving(), tmp_path)
    rest = movie.numbers[:3] + movie.numbers[4:]
    marked = replace(movie, partial=[frozenset({1, 2}) if t in rest else frozenset({2}) for t in movie.numbers])
    rng = np.random.default_rng(0)
    samples = [draw([marked], Sampling(crop=32, anywhere=0, events=0, masks=0.8), PLAIN, rng) for _ in range(50)]
    seen = [sample.now.centres.keys() - sample.now.partial for sample in samples]
    assert all(cells in ({1}, set()) for cells in seen)
    assert 25 < sum(cells == {1} for cells in seen) < 50
    batch = collate(samples, STEP)
    assert (~batch.cells_now.partial).sum() == sum(map(len, seen))
    assert not batch.links.partial.any()


def test_a_cell_that_nothing_was_recorded_of_at_t_minus_1_has_an_unknown_past(tmp_path: Path):
    """A missing tile hides the first cell in frame 0; it did not come from nowhere."""
    folder = write_movie(moving(), tmp_path / "toy")
    y, x = np.nonzero(moving().labels[0] == 1)
    image = tifffile.imread(folder / "t000.tif") + 1
    image[max(y.min() - 6, 0) : y.max() + 7, max(x.min() - 6, 0) : x.max() + 7] = 0
    tifffile.imwrite(folder / "t000.tif", image)
    movie = read_annotated(folder, Normalisation())
    assert movie.centres[0].keys() == {2}
    middle = View(np.eye(2), (np.array(movie.labels[0].shape) - 1) / 2, 80)
    assert sources(movie, 1, cut(movie, 1, middle), cut(movie, 0, middle)) == {1: UNKNOWN, 2: 2}
