import shutil
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from scipy.ndimage import label as components

from embedtrack.challenge.evaluate import evaluate
from embedtrack.simulate.colony import Cell
from embedtrack.simulate.movie import MIN_AREA, digits, enrol, simulate
from embedtrack.simulate.optics import Nucleus
from embedtrack.types import Track

DEMO = Path(__file__).parents[2] / "demo"


class Movie(NamedTuple):
    frames: np.ndarray  # uint16[T, H, W]
    labels: np.ndarray  # uint16[T, H, W]
    masks: np.ndarray  # uint16[T, H, W]
    tracks: list[tuple[int, int, int, int]]


def read(folder: Path, name: str = "01") -> Movie:
    parts = [(name, "t"), (f"{name}_GT/TRA", "man_track"), (f"{name}_GT/SEG", "man_seg")]
    stacks = [
        np.stack([tifffile.imread(path) for path in sorted((folder / part).glob(f"{prefix}*.tif"))])
        for part, prefix in parts
    ]
    lines = (folder / f"{name}_GT/TRA/man_track.txt").read_text().splitlines()
    return Movie(*stacks, [tuple(map(int, line.split())) for line in lines])


def violations(labels: np.ndarray, tracks: list[tuple[int, int, int, int]]) -> list[str]:
    """What breaks the challenge's rules, in words."""
    found = []
    ends = {number: end for number, _, end, _ in tracks}
    if len(ends) != len(tracks):
        found.append("a label twice")
    if not all(1 <= number <= 65535 for number in ends):
        found.append("a label out of range")
    if set(np.unique(labels)) - {0} - set(ends):
        found.append("an unlisted label")
    for number, begin, end, parent in tracks:
        seen = [t for t, frame in enumerate(labels) if (frame == number).any()]
        if seen != list(range(begin, end + 1)):
            found.append(f"{number} is not in every frame of its span and nowhere else")
        if parent and not (parent in ends and ends[parent] < begin):
            found.append(f"{number} begins before its parent ends")
    return found


def daughters(tracks: list[tuple[int, int, int, int]]) -> dict[int, list[int]]:
    parents = {parent for *_, parent in tracks} - {0}
    return {parent: [track[0] for track in tracks if track[3] == parent] for parent in parents}


@pytest.fixture(scope="module")
def movie(tmp_path_factory) -> Movie:
    folder = tmp_path_factory.mktemp("movie")
    simulate(folder, seed=10, frames=36, size=(192, 240), cells=10)
    return read(folder)


def test_layout(tmp_path):
    simulate(tmp_path / "new" / "set", frames=2, size=(48, 64), cells=1, name="02")
    files = {str(path.relative_to(tmp_path / "new" / "set")) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        *("02/t000.tif", "02/t001.tif"),
        *("02_GT/TRA/man_track000.tif", "02_GT/TRA/man_track001.tif", "02_GT/TRA/man_track.txt"),
        *("02_GT/SEG/man_seg000.tif", "02_GT/SEG/man_seg001.tif"),
    }
    written = read(tmp_path / "new" / "set", "02")
    for stack in written[:3]:
        assert stack.shape == (2, 48, 64)
        assert stack.dtype == np.uint16


def test_four_digits_from_a_thousand_frames_on():
    assert [digits(frames) for frames in (1, 999, 1000, 10_000)] == [3, 3, 4, 4]


def test_equal_seeds_give_equal_bytes(tmp_path):
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(tmp_path / folder, seed=seed, frames=3, size=(96, 128), cells=4)
    a, b, c = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.t*")}
        for folder in "abc"
    )
    assert len(a) == 10
    assert a == b
    assert all(a[path] != c[path] for path in a if path.suffix == ".tif")


def test_files_tell_neither_date_nor_program(tmp_path):
    """Else their bytes would change with them."""
    simulate(tmp_path, frames=1, size=(32, 32), cells=0)
    for path in tmp_path.rglob("*.tif"):
        with tifffile.TiffFile(path) as file:
            assert not {"DateTime", "Software", "ImageDescription"} & {tag.name for tag in file.pages.first.tags}


def test_truth_obeys_the_rules(movie):
    assert violations(movie.labels, movie.tracks) == []
    np.testing.assert_array_equal(movie.labels, movie.masks)


@pytest.mark.parametrize("seed", [0, 3, 7])
def test_truth_obeys_the_rules_in_a_crowd_that_comes_and_goes(tmp_path, seed):
    simulate(tmp_path, seed=seed, frames=30, size=(60, 80), cells=3)
    crowd = read(tmp_path)
    assert violations(crowd.labels, crowd.tracks) == []
    assert len(crowd.tracks) > 6


def test_violations_are_found(movie):
    number, begin, end, _ = next(track for track in movie.tracks if track[3])
    rest = [track for track in movie.tracks if track[0] != number]
    assert violations(movie.labels, rest)
    assert violations(movie.labels, [*movie.tracks, (1, 0, 0, 0)])
    assert violations(movie.labels, [*rest, (number, begin - 1, end, 0)])
    assert violations(movie.labels, [*rest, (number, begin, end - 1, 0)])
    assert violations(movie.labels, [*rest, (number, begin, end, number)])


def test_cells_divide_enter_and_leave(movie):
    mothers = daughters(movie.tracks)
    ends = {number: end for number, _, end, _ in movie.tracks}
    last = len(movie.frames) - 1
    assert max(map(len, mothers.values())) == 2
    assert sum(len(pair) == 2 for pair in mothers.values()) >= 3
    assert all(begin == ends[parent] + 1 for _, begin, _, parent in movie.tracks if parent)
    assert any(begin > 0 and not parent for _, begin, _, parent in movie.tracks)
    assert any(end < last and number not in mothers for number, _, end, _ in movie.tracks)


def test_who_enters_or_leaves_touches_the_edge(movie):
    """Nothing appears or vanishes in the middle of the frame."""
    mothers = daughters(movie.tracks)
    last = len(movie.frames) - 1
    moments = [(number, begin) for number, begin, _, parent in movie.tracks if begin > 0 and not parent]
    moments += [(number, end) for number, _, end, _ in movie.tracks if end < last and number not in mothers]
    for number, t in moments:
        inner = movie.labels[t, 1:-1, 1:-1] == number
        assert inner.sum() < (movie.labels[t] == number).sum(), f"{number} in frame {t}"


def test_every_cell_is_one_piece_of_a_fair_size(movie):
    for frame in movie.labels:
        for number in np.unique(frame)[1:]:
            mask = frame == number
            assert mask.sum() >= MIN_AREA
            assert components(mask)[1] == 1


def test_cells_move_little_and_overlap_with_themselves(movie):
    for before, after in pairwise(movie.labels):
        for number in np.intersect1d(before, after)[1:]:
            old, new = before == number, after == number
            assert (old & new).any()
            if not any(mask[edge].any() for mask in (old, new) for edge in (np.s_[[0, -1]], np.s_[:, [0, -1]])):
                step = np.subtract(np.mean(np.nonzero(new), axis=1), np.mean(np.nonzero(old), axis=1))
                assert np.hypot(*step) < 20


def test_daughters_begin_beside_where_the_mother_was(movie):
    pairs = [(parent, pair) for parent, pair in daughters(movie.tracks).items() if len(pair) == 2]
    for parent, pair in pairs:
        t = next(end for number, _, end, _ in movie.tracks if number == parent)
        mother = movie.labels[t] == parent
        areas = [(movie.labels[t + 1] == number).sum() for number in pair]
        assert all((movie.labels[t + 1][mother] == number).any() for number in pair)
        assert 0.6 * mother.sum() < sum(areas) < 1.4 * mother.sum() or _at_edge(mother)


def _at_edge(mask: np.ndarray) -> bool:
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def test_a_dividing_cell_rounds_up_and_brightens(tmp_path):
    """Chromosomes: the brightest pixels of a mother's last frames outshine her earlier ones."""
    simulate(tmp_path, seed=1, frames=20, size=(192, 256), cells=10)
    film = read(tmp_path)
    spans = {number: (begin, end) for number, begin, end, _ in film.tracks}
    gains = []
    for parent in daughters(film.tracks):
        begin, end = spans[parent]
        if end - begin >= 8:
            peak = [np.percentile(film.frames[t][film.labels[t] == parent], 98) - 91 for t in range(end - 7, end + 1)]
            gains.append(max(peak[3:6]) / np.mean(peak[:3]))
    assert len(gains) >= 2
    assert np.median(gains) > 1.3


def test_cells_are_brighter_than_the_ground(movie):
    for frame, labels in zip(movie.frames, movie.labels, strict=True):
        ground = frame[labels == 0]
        assert 85 < np.median(ground) < 97
        assert 3 < np.percentile(ground, 50) - np.percentile(ground, 16) < 6
        for number in np.unique(labels)[1:]:
            assert np.median(frame[labels == number]) > np.median(ground) + 2
    light = [np.median(movie.frames[0][movie.labels[0] == number]) - 92 for number in np.unique(movie.labels[0])[1:]]
    assert max(light) > 2 * min(light)


def test_one_frame(tmp_path):
    simulate(tmp_path, frames=1, size=(128, 128), cells=5)
    film = read(tmp_path)
    assert len(film.frames) == 1
    assert film.labels.any()
    assert violations(film.labels, film.tracks) == []


def test_no_cells(tmp_path):
    simulate(tmp_path, frames=3, size=(64, 64), cells=0)
    film = read(tmp_path)
    assert film.tracks == []
    assert not film.labels.any()
    assert not film.masks.any()
    assert film.frames.std() < 6


def test_small_frames(tmp_path):
    simulate(tmp_path, frames=12, size=(40, 56), cells=2)
    film = read(tmp_path)
    assert film.frames.shape == (12, 40, 56)
    assert film.labels[0].any()
    assert violations(film.labels, film.tracks) == []


@pytest.mark.parametrize("cells", [5, 20, 40])
def test_first_frame_shows_about_so_many_cells(tmp_path, cells):
    simulate(tmp_path, frames=1, size=(400, 480), cells=cells)
    assert abs(len(read(tmp_path).tracks) - cells) <= 2 + 0.2 * cells


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"seed": -1}, "seed"),
        ({"frames": 0}, "frames"),
        ({"frames": 10_001}, "frames"),
        ({"size": (15, 100)}, "size"),
        ({"cells": -1}, "cells"),
        ({"cells": 1000}, "cells"),
        ({"name": ""}, "name"),
        ({"name": "../01"}, "name"),
        ({"name": "01_GT"}, "name"),
    ],
)
def test_bad_arguments(tmp_path, arguments, word):
    with pytest.raises(ValueError, match=f"^{word}: expected [^\n]+$"):
        simulate(tmp_path / "set", **arguments)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("taken", ["01", "01_GT"])
def test_nothing_is_overwritten(tmp_path, taken):
    (tmp_path / taken).mkdir()
    with pytest.raises(ValueError, match=f"{taken} exists"):
        simulate(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == [taken]


def test_what_came_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    def come(*_):
        (tmp_path / "01").mkdir()
        (tmp_path / "01" / "mine.tif").touch()

    monkeypatch.setattr("embedtrack.simulate.movie.write_tracks", come)
    with pytest.raises(ValueError, match="01 exists and is not overwritten"):
        simulate(tmp_path, frames=2, size=(32, 32), cells=1)
    assert [path.name for path in tmp_path.rglob("*")] == ["01", "mine.tif"]


def test_an_interrupted_movie_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("embedtrack.simulate.movie.write_tracks", interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, frames=2, size=(32, 32), cells=1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "set").touch()
    with pytest.raises(ValueError, match="expected a folder"):
        simulate(tmp_path / "set")


def cell(**life) -> Cell:
    nothing = np.zeros(0)
    nucleus = Nucleus(0j, 1 + 0j, 20.0, nothing.astype(complex), nothing.astype(complex), nothing, nothing, 30.0, 1.0)
    return Cell(nucleus, 0j, 20.0, 60, **life)


def owner(*areas: int) -> np.ndarray:
    """int32[1, W]: the first cell has so many pixels, and so on."""
    return np.repeat(np.arange(len(areas) + 1, dtype=np.int32), [10, *areas])[None]


def test_a_cell_that_comes_back_is_a_new_track():
    colony, tracks = [cell(), cell()], {}
    for t, areas in enumerate([(99, 99), (99, MIN_AREA - 1), (99, 0), (99, MIN_AREA)]):
        labels = enrol(t, colony, owner(*areas), tracks)
    assert list(tracks.values()) == [Track(1, 0, 3, 0), Track(2, 0, 0, 0), Track(3, 3, 3, 0)]
    assert np.bincount(labels[0]).tolist() == [10, 99, 0, MIN_AREA]


def test_a_daughter_out_of_sight_has_no_mother_when_she_comes():
    colony, tracks = [cell(mother=7), cell(mother=7)], {7: Track(7, 0, 0, 0)}
    tracks |= {number: Track(number, 0, 0, 0) for number in range(1, 7)}
    enrol(1, colony, owner(99, 0), tracks)
    enrol(2, colony, owner(99, 99), tracks)
    assert [tracks[8], tracks[9]] == [Track(8, 1, 2, 7), Track(9, 2, 2, 0)]


def test_labels_have_sixteen_bits():
    tracks = {number: Track(number, 0, 0, 0) for number in range(1, 65535)}
    enrol(1, [cell()], owner(99), tracks)
    with pytest.raises(ValueError, match="65535 tracks"):
        enrol(2, [cell()], owner(99), tracks)


@pytest.mark.skipif(not DEMO.is_dir(), reason="the demo is not part of an installed package")
def test_the_demo_is_a_sound_movie():
    demo = read(DEMO)
    assert demo.frames.shape == (24, 400, 480)
    assert violations(demo.labels, demo.tracks) == []
    np.testing.assert_array_equal(demo.labels, demo.masks)
    assert sum(len(pair) == 2 for pair in daughters(demo.tracks).values()) >= 4
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 6e6


def test_truth_scores_one_against_itself(tmp_path: Path):
    simulate(tmp_path, seed=3, frames=16, size=(160, 200), cells=8)
    truth, result = tmp_path / "01_GT", tmp_path / "01_RES"
    result.mkdir()
    for path in (truth / "TRA").glob("*.tif"):
        shutil.copy(path, result / path.name.replace("man_track", "mask"))
    shutil.copy(truth / "TRA" / "man_track.txt", result / "res_track.txt")
    scores = evaluate(truth, result)
    wrong = {name: scores[name] for name in ("SEG", "DET", "TRA", "LNK", "CT", "TF", "BC", "CCA") if scores[name] != 1}
    assert all(value is None for value in wrong.values()), wrong
    assert scores["SEG"] == scores["TRA"] == 1
