import numpy as np
import pytest

from embedtrack.config import Costs
from embedtrack.tracks import window as windows
from embedtrack.tracks.candidates import PART
from embedtrack.tracks.lineage import Lineage
from embedtrack.tracks.pins import BORN, LINKED
from embedtrack.tracks.window import Decided, Window
from tests.drawings import draw, perfect_maps, seen

SHAPE = (48, 96)


def decide(movie, parents=None, *, resting: bool = False) -> list[Decided]:
    """What becomes of a movie int32[T, H, W] that a perfect network sees, or one that takes all cells to rest."""
    window, found = Window(Costs(), 2), []
    for t in range(len(movie)):
        shift = perfect_maps(movie[t], movie[max(t - 1, 0)], parents or {}).shift
        found += window.add(seen(movie[t], 0 * shift if resting else shift))
    return found + window.finish()


def drawn(decided: list[Decided]) -> np.ndarray:
    lineage = Lineage(2)
    return np.stack([lineage.add(one) for one in decided])


def pair(apart: int, frames: int = 24) -> np.ndarray:
    """Two cells that rest side by side, and four others, so that it is known how large a cell is."""
    others = {3: ((9, 9), 7), 4: ((38, 9), 7), 5: ((9, 86), 7), 6: ((38, 86), 7)}
    return np.stack([draw(SHAPE, {1: ((24, 40), 7), 2: ((24, 40 + apart), 7)} | others)] * frames)


@pytest.mark.parametrize("merged", [1, 2, 3])
def test_two_cells_with_one_mask_for_a_while_are_told_apart(merged):
    truth = pair(14)
    movie = truth.copy()
    for t in range(9, 9 + merged):
        movie[t][movie[t] == 2] = 1
    decided = decide(movie, resting=True)
    result = drawn(decided)
    for t in range(9, 9 + merged):
        kinds = decided[t].scene.table["kind"][decided[t].steps["cell"]]
        assert (kinds == PART).sum() == 2
        for x in (40, 54):
            mask = result[t] == result[0][24, x]
            assert (mask & (truth[t] == truth[0][24, x])).sum() > 0.8 * mask.sum()
    assert np.unique(result).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_a_mother_is_not_cut_before_she_divides():
    movie = np.stack([draw(SHAPE, {1: ((24, 48), 8)})] * 10 + [draw(SHAPE, {2: ((24, 41), 6), 3: ((24, 55), 6)})] * 10)
    decided = decide(movie, {2: 1, 3: 1})
    assert [len(one.steps) for one in decided] == [1] * 10 + [2] * 10
    assert decided[10].steps["how"].tolist() == [BORN, BORN]
    assert all((one.steps["how"] == LINKED).all() for one in decided[1:10] + decided[11:])


def crowd(frames: int = 40) -> np.ndarray:
    """Cells that tremble, some of them missed now and then, and some seen together with a neighbour."""
    rng = np.random.default_rng(5)
    movie = []
    for t in range(frames):
        cells = {}
        for row in range(3):
            for column in range(4):
                label, side = 2 * (4 * row + column) + 1, 0 if t < 20 else 1
                place = np.array([20 + 40 * row, 24 + 40 * column]) + rng.integers(-1, 2, 2)
                cells[label] = (place, 6)
                if column % 2:
                    cells[label + 1] = (place + np.array([0, 12 + side]), 6)
        frame = draw((130, 190), cells)
        for label in cells:
            if rng.random() < 0.05:
                frame[frame == label] = 0
            elif rng.random() < 0.05 and label % 2 == 0:
                frame[frame == label] = label - 1
        movie.append(frame)
    return np.stack(movie)


def test_windows_decide_what_the_whole_movie_decides(monkeypatch):
    movie = crowd()
    in_windows = drawn(decide(movie))
    monkeypatch.setattr(windows, "STRIDE", 1000)
    np.testing.assert_array_equal(in_windows, drawn(decide(movie)))


def test_a_mask_of_one_frame_is_no_cell():
    movie = pair(30)
    movie[12][20:27, 2:8] = 9
    assert [len(one.steps) for one in decide(movie)] == [6] * 24


def test_what_is_plain_is_surer_than_what_is_not():
    movie = pair(14)
    movie[10][movie[10] == 2] = 1
    decided = decide(movie)
    plain, doubtful = decided[4].steps, decided[10].steps
    assert doubtful["comes_so"].min() < plain["comes_so"].min()
    assert doubtful["is_cell"].min() < plain["is_cell"].min()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_mother_of_few_pixels_is_divided_or_cut_but_breaks_nothing(size: int):
    """A mask of one pixel has no two parts, one of two or three has."""
    before, now = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.int32)
    before[10, 16 : 16 + size] = 1
    now[9:12, 10:14], now[9:12, 20:24] = 1, 2
    decided = decide(np.stack([before, now]), parents={1: 1, 2: 1})
    assert (drawn(decided)[0] > 0).sum() == size
    parts = decided[0].scene.table[decided[0].scene.table["kind"] == PART]
    assert (parts["area"] >= 1).all()
    assert len(parts) in ((0,) if size == 1 else (0, 2))
