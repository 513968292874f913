"""Errors against truth on drawn movies: each kind by hand, and all of them against the scorer's sum."""

from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge.evaluate import evaluate
from embedtrack.challenge.tracked import write_tracked
from embedtrack.looks.errors import Error, counts, find_errors
from embedtrack.tracked import Tracked
from embedtrack.types import Track
from tests.drawings import Toy, dividing, draw, moving, still, write_movie


def tracked(toy: Toy) -> Tracked:
    height, width = toy.labels.shape[1:]
    return Tracked(list(toy.labels), toy.tracks, (height, width))


def kinds(truth: Toy, result: Toy) -> list[tuple[str, int]]:
    return [(error.kind, error.frame) for error in find_errors(tracked(truth), tracked(result)) if not error.follows]


def test_truth_has_no_errors():
    for toy in (still(), moving(), dividing()):
        assert find_errors(tracked(toy), tracked(toy)) == []


def test_a_missed_cell_costs_its_links_too():
    toy = still()
    labels = toy.labels.copy()
    labels[2][labels[2] == 2] = 0
    labels[3][labels[3] == 2] = 3
    result = Toy(labels, [Track(1, 0, 3, 0), Track(2, 0, 1, 0), Track(3, 3, 3, 2)])
    assert find_errors(tracked(toy), tracked(result)) == [
        Error("missed", "FN", 10, 2, ((2, 2),), (), False),
        Error("lost link", "EA", 1.5, 2, ((1, 2), (2, 2)), ((1, 2),), True),
        Error("wrong link", "ED", 1, 3, ((1, 2), (3, 2)), ((1, 2), (3, 3)), False),
        Error("lost link", "EA", 1.5, 3, ((2, 2), (3, 2)), ((3, 3),), True),
    ]


def test_a_mask_of_nothing_is_false_and_one_of_a_found_cell_splits_it():
    toy = still()
    labels = toy.labels.copy()
    labels[1, 2:5, 2:5] = 8
    cell = np.argwhere(labels[2] == 2)
    top = cell[cell[:, 0] < 28]
    labels[2][tuple(top.T)] = 9
    result = Toy(labels, [*toy.tracks, Track(8, 1, 1, 0), Track(9, 2, 2, 0)])
    assert find_errors(tracked(toy), tracked(result)) == [
        Error("false", "FP", 1, 1, (), ((1, 8),), False),
        Error("split", "FP", 1, 2, ((2, 2),), ((2, 9),), False),
    ]


def test_pieces_of_a_cell_that_no_mask_finds_are_false():
    toy = still()
    labels = toy.labels.copy()
    cell = np.argwhere(labels[1] == 2)
    labels[1][labels[1] == 2] = 0
    labels[1][tuple(cell[: len(cell) // 3].T)] = 8
    labels[1][tuple(cell[-len(cell) // 3 :].T)] = 9
    tracks = [Track(1, 0, 3, 0), Track(2, 0, 0, 0), Track(3, 2, 3, 2), Track(8, 1, 1, 0), Track(9, 1, 1, 0)]
    labels[2:][labels[2:] == 2] = 3
    assert kinds(toy, Toy(labels, tracks))[:3] == [("missed", 1), ("false", 1), ("false", 1)]


def test_two_cells_in_one_mask_are_merged():
    toy = still()
    labels = toy.labels.copy()
    labels[3][labels[3] == 2] = 1
    result = Toy(labels, [Track(1, 0, 3, 0), Track(2, 0, 2, 0)])
    found = find_errors(tracked(toy), tracked(result))
    assert found[0] == Error("merged", "NS", 5, 3, ((3, 1), (3, 2)), ((3, 1),), False)
    assert [(error.kind, error.cost, error.follows) for error in found[1:]] == [("lost link", 1.5, True)] * 2


def test_exchanged_tracks_are_wrong_links():
    toy = moving()
    labels = toy.labels.copy()
    labels[3:] = np.array([0, 2, 1])[labels[3:]]
    assert kinds(toy, Toy(labels, toy.tracks)) == [("wrong link", 3)] * 2 + [("lost link", 3)] * 2


def test_divisions_are_lost_and_invented():
    toy = dividing()
    exclusive = Toy(toy.labels, [Track(1, 0, 2, 0), Track(2, 3, 5, 1), Track(3, 3, 5, 0)])
    assert kinds(toy, exclusive) == [("lost division", 3)]  # the other link is there, if as that to an only child
    assert kinds(exclusive, toy) == [("false division", 3)]
    assert counts(find_errors(tracked(toy), tracked(exclusive)))["lost division"] == 1
    mother = Toy(np.where(toy.labels == 2, 1, toy.labels), [Track(1, 0, 5, 0), Track(3, 3, 5, 0)])
    assert kinds(toy, mother) == [("lost division", 3)] * 2  # the mother goes on as a daughter: of the wrong kind


def test_other_frames_are_refused():
    with pytest.raises(ValueError, match=r"frames 0 to 3 of 48 x 64 and frames 0 to 5 of 48 x 80"):
        find_errors(tracked(still()), tracked(moving()))


@pytest.mark.parametrize("seed", range(6))
def test_the_costs_add_up_to_the_scorers_sum(tmp_path: Path, seed: int):
    """Random tracks over random discs: every operation occurs."""
    random = np.random.default_rng(seed)

    def movie(centres: np.ndarray, labels: list[list[int]], tracks: list[Track]) -> Toy:
        frames = [draw((60, 90), {n: (tuple(centres[n - 1]), 6) for n in here}) for here in labels]
        return Toy(np.stack(frames), tracks)

    grid = np.array([(y, x) for y in (10, 30, 50) for x in (10, 28, 46, 64, 82)], float)
    tracks = []
    for label in range(1, 16):
        begin, end = sorted(random.integers(0, 5, 2).tolist())
        parents = [t.label for t in tracks if t.end < begin]
        parent = int(random.choice(parents)) if parents and random.random() < 0.8 else 0
        tracks.append(Track(label, begin, end, parent))
    spans = [[t.label for t in tracks if t.begin <= i <= t.end] for i in range(5)]
    truth = movie(grid, spans, tracks)
    truth.labels[:, 58:, 88:] = 16  # a cell in every frame, for empty truth is no truth
    tracks.append(Track(16, 0, 4, 0))
    result = movie(grid + random.integers(-7, 8, grid.shape), spans, tracks[:15])
    shuffled = random.permutation(16)
    shuffled = np.concatenate([[0], shuffled[shuffled > 0]])
    result = Toy(shuffled[result.labels].astype(np.int32), [])
    made = []
    for label in range(1, 16):
        times = np.flatnonzero((result.labels == label).any(axis=(1, 2)))
        if times.size:
            parents = [t.label for t in made if t.end < times[0]]
            parent = int(random.choice(parents)) if parents and random.random() < 0.6 else 0
            made.append(Track(label, int(times[0]), int(times[-1]), parent))
    result = Toy(result.labels, made)
    write_movie(truth, tmp_path)
    write_tracked(tracked(result), tmp_path / "01_RES")
    scores = evaluate(tmp_path / "01_GT", tmp_path / "01_RES")
    found = find_errors(tracked(truth), tracked(result))
    assert found
    assert sum(error.cost for error in found) == scores["AOGM"]
    for operation in ("FN", "FP", "ED", "EA", "EC"):
        assert sum(error.operation == operation for error in found) == scores[operation]
