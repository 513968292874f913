"""How likely decisions are right, by hand."""

import numpy as np
import pytest

from benchmarks.confidence import (
    KINDS,
    Decisions,
    chances,
    decisions,
    first_tenth,
    halves,
    panel,
    pooled,
    reliability,
    scales,
)
from benchmarks.tracking_costs import Part
from embedtrack.config import Costs
from embedtrack.types import Track
from tests.drawings import draw, perfect_maps, seen

SHAPE = (64, 128)


def part(*, wrong: bool) -> Part:
    """One cell that rests and one that divides, seen by a perfect network; or there is a false one from frame 2 on."""
    true = [draw(SHAPE, {1: ((32, 24), 8), 2: ((32, 80), 8)})] * 4
    true += [draw(SHAPE, {1: ((32, 24), 8), 3: ((32, 73), 6), 4: ((32, 87), 6)})] * 4
    more = draw(SHAPE, {9: ((10, 50), 7)})
    frames = [np.maximum(labels, more) if wrong and t >= 2 else labels for t, labels in enumerate(true)]
    maps = [perfect_maps(frames[t], frames[max(t - 1, 0)], {3: 2, 4: 2}) for t in range(8)]
    cells = [seen(labels, one.shift) for labels, one in zip(frames, maps, strict=True)]
    tracks = [Track(1, 0, 7, 0), Track(2, 0, 3, 0), Track(3, 4, 7, 2), Track(4, 4, 7, 2)]
    return Part("toy", cells, true, tracks, 0, 3, 2)


def test_what_perfect_cells_lead_to_is_right():
    found = decisions(part(wrong=False), Costs())
    assert {kind: len(one.right) for kind, one in found.items()} == {"cell": 20, "link": 16, "birth": 2, "arrival": 0}
    assert all(one.right.all() for one in found.values())


def test_a_false_cell_is_wrong_and_its_past_is_not_asked_for():
    found = decisions(part(wrong=True), Costs())
    assert {kind: len(one.right) for kind, one in found.items()} == {"cell": 26, "link": 16, "birth": 2, "arrival": 0}
    assert (~found["cell"].right).sum() == 6


def test_the_least_sure_tenth_holds_what_it_holds():
    chance = np.linspace(0, 1, 20)
    right = chance > 0.2  # the first four are wrong, of which the tenth has two
    assert first_tenth(chance, right) == 0.5
    assert first_tenth(np.ones(20), right) == pytest.approx(0.1)  # who knows nothing finds a tenth
    assert np.isnan(first_tenth(chance, chance >= 0))


def test_what_was_learnt_says_how_often_it_is_right():
    rng = np.random.default_rng(0)
    margin = rng.uniform(0, 6, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(margin / 2 - 1)))
    known = {kind: Decisions({"margin": margin}, right) for kind in KINDS}
    assert scales(known).cell == pytest.approx({"bias": -1, "margin": 0.5}, abs=0.08)
    bias, slope = scales(pooled([known, known])).link
    chance = 1 / (1 + np.exp(-(bias + slope * margin)))
    for count, said, true in reliability(chance, right):
        assert count == 0 or abs(said - true) < 0.03


def test_the_plot_shows_how_often_decisions_are_wrong():
    rng = np.random.default_rng(0)
    margin = rng.uniform(0, 6, 20_000)
    known = {kind: Decisions({"margin": margin}, rng.random(20_000) < 1 / (1 + np.exp(-margin))) for kind in KINDS}
    lines = {line.name: line.points for line in panel("toy", known, scales(known)).lines}
    assert list(lines) == ["as said", *KINDS]
    for points in lines.values():
        assert list(points.values()) == pytest.approx(list(points), rel=0.4)


def test_halves_are_movies_of_their_own():
    first, second = halves(part(wrong=True))
    assert (len(first.cells), len(second.markers)) == (4, 4)
    assert first.tracks == [Track(1, 0, 3, 0), Track(2, 0, 3, 0)]
    assert second.tracks == [Track(1, 0, 3, 0), Track(3, 0, 3, 0), Track(4, 0, 3, 0)]
    both = pooled([decisions(half, Costs()) for half in (first, second)])
    assert len(both["cell"].right) == len(decisions(part(wrong=True), Costs())["cell"].right)


def test_what_was_never_right_is_unlikely():
    rng = np.random.default_rng(0)
    margin = rng.uniform(0, 6, 2_000)
    known = {kind: Decisions({"margin": margin}, rng.random(2_000) < 1 / (1 + np.exp(-margin))) for kind in KINDS}
    known["arrival"] = Decisions({"margin": margin[:98]}, np.zeros(98, bool))
    known["birth"] = Decisions({"margin": margin[:5]}, np.zeros(5, bool))
    found = scales(known)
    assert chances(known, found)["arrival"].mean() == pytest.approx(0.01, rel=1e-3)
    assert found.birth[1] == found.arrival[1] > 0.3
    assert chances(known, found)["birth"].mean() > 0.5  # five say little
