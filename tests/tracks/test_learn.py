import numpy as np
import pytest

from embedtrack.tracks.learn import examples, fit, learn
from embedtrack.types import Track
from tests.drawings import draw, perfect_maps, seen

SHAPE = (64, 128)


def test_a_regression_finds_the_weights_of_what_was_drawn_by_them():
    rng = np.random.default_rng(0)
    features = {"one": rng.normal(size=20000), "none": np.zeros(20000), "other": rng.normal(size=20000)}
    odds = 1 + 2 * features["one"] - features["other"]
    found = fit(features, rng.random(20000) < 1 / (1 + np.exp(-odds)))
    assert found == pytest.approx({"bias": 1, "one": 2, "other": -1}, abs=0.1)


def movie():
    """A cell that rests, one that divides, and a false mask in frame 2; the markers are the true cells."""
    frames = [draw(SHAPE, {1: ((32, 24), 8), 2: ((32, 80), 8)})] * 4
    frames += [draw(SHAPE, {1: ((32, 24), 8), 3: ((32, 73), 6), 4: ((32, 87), 6)})] * 4
    truth = np.stack(frames)
    made = truth.copy()
    made[2][4:9, 40:45] = 9
    return made, truth


def test_what_a_movie_teaches():
    made, truth = movie()
    parents = {3: 2, 4: 2}
    cells = [seen(made[t], perfect_maps(made[t], made[max(t - 1, 0)], parents).shift) for t in range(8)]
    tracks = [Track(1, 0, 7, 0), Track(2, 0, 3, 0), Track(3, 4, 7, 2), Track(4, 4, 7, 2)]
    found = examples(zip(cells, truth, strict=True), tracks, 0, 0, 2)
    assert found["cell"].true.sum() == 4 * 2 + 4 * 3
    assert not found["cell"].true[found["cell"].features["part"] > 0].any()
    assert found["link"].true.sum() == 7 + 3 + 2 * 3
    division = found["division"]
    assert division.true.sum() == 1
    assert division.features["apart"][division.true][0] == pytest.approx(0, abs=0.1)
    assert learn([found]).cell["part"] < 0
