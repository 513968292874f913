import numpy as np
import pytest

from embedtrack.simulate.colony import (
    CYCLE,
    MARGIN,
    MITOSIS,
    RADIUS,
    Cell,
    born,
    capacity,
    divide,
    fence,
    first_cells,
    live,
    repel,
)
from embedtrack.simulate.optics import draw, reach

SIZE = (200, 240)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_capacity_by_hand():
    assert capacity((124, 62), 0) == 2
    assert capacity((62, 62), 31) == 4
    assert capacity((61, 62), 0) == 0


def test_settled_cells_lie_in_the_frame_and_its_margin(rng):
    colony = first_cells(rng, SIZE, 10)
    centres = np.array([cell.nucleus.centre for cell in colony])
    inside = (centres.real >= 0) & (centres.real < 240) & (centres.imag >= 0) & (centres.imag < 200)
    assert len(colony) == 16  # 10 x (320 x 360) / (252 x 292) = 15.7
    assert 4 <= inside.sum() <= 10  # 10 x (200 x 240) / (252 x 292) = 6.5, before they push each other


def test_repel_parts_overlapping_cells_and_keeps_their_middle(rng):
    pair = [born(rng, 100 + 100j), born(rng, 120 + 110j)]
    middle = sum(cell.nucleus.centre for cell in pair)
    for _ in range(20):
        repel(pair)
    one, other = (cell.nucleus for cell in pair)
    way = other.centre - one.centre
    room = sum(
        reach(nucleus.radius, nucleus.shape, np.array(side * way / abs(way) / nucleus.axis))
        for nucleus, side in ((one, 1), (other, -1))
    )
    assert abs(way) == pytest.approx(float(room), rel=0.02)
    assert one.centre + other.centre == pytest.approx(middle)


def test_repel_leaves_distant_cells_alone(rng):
    pair = [born(rng, 50 + 50j), born(rng, 150 + 50j)]
    repel(pair)
    assert [cell.nucleus.centre for cell in pair] == [50 + 50j, 150 + 50j]
    repel([])


def test_cells_neither_overlap_much_nor_escape(rng):
    colony = first_cells(rng, SIZE, 15)
    for _ in range(3):
        exclusive = [draw([cell.nucleus], SIZE)[0].sum() for cell in colony]
        together = (draw([cell.nucleus for cell in colony], SIZE)[0] > 0).sum()
        assert together > 0.96 * sum(exclusive)
        for _ in range(20):
            colony = live(rng, colony, SIZE)
        for cell in colony:
            assert -MARGIN <= cell.nucleus.centre.real <= 240 + MARGIN
            assert -MARGIN <= cell.nucleus.centre.imag <= 200 + MARGIN


def test_fence_turns_back(rng):
    cell = born(rng, complex(240 + MARGIN + 5, -MARGIN - 3))
    cell.velocity = 2 - 1j
    fence(cell, SIZE)
    assert cell.nucleus.centre == complex(240 + MARGIN, -MARGIN)
    assert cell.velocity == -2 + 1j
    fence(cell, SIZE)
    assert cell.velocity == -2 + 1j


def test_a_division_takes_its_course(rng):
    """Round, gathered, then long with two sets of chromosomes, then two cells that take one set each and part."""
    cell = born(rng, 120 + 100j)
    cell.clock, cell.label = MITOSIS + 1, 8
    spots = cell.nucleus.spots.size
    bend, spread = [], []
    for _ in range(MITOSIS):
        (cell,) = live(rng, [cell], (400, 400))
        bend.append(np.abs(cell.nucleus.shape).sum())
        spread.append(np.abs(cell.nucleus.spots).mean())
        assert cell.nucleus.condensed > 0.5
    assert bend[0] > bend[1] > bend[2] < bend[3]
    assert spread[2] < 0.8 * spread[0]
    assert cell.nucleus.spots.size == 2 * spots
    mother = cell.nucleus
    daughters = live(rng, [cell], (400, 400))
    assert [daughter.mother for daughter in daughters] == [8, 8]
    assert [daughter.label for daughter in daughters] == [0, 0]
    assert [daughter.nucleus.spots.size for daughter in daughters] == [spots, spots]
    for daughter in daughters:
        assert np.abs(daughter.nucleus.spots).max() < 1
        assert np.abs(daughter.nucleus.spots.mean()) < 0.5
    assert all(daughter.nucleus.radius < 0.85 * mother.radius for daughter in daughters)
    assert daughters[0].nucleus.spots is not daughters[1].nucleus.spots
    for _ in range(6):
        daughters = live(rng, daughters, (400, 400))
    assert all(daughter.nucleus.condensed < 0.01 for daughter in daughters)


def apart(pair: list[Cell]) -> float:
    one, other = pair
    return abs(one.nucleus.centre - other.nucleus.centre)


def test_daughters_part(rng):
    first, last = [], []
    for _ in range(40):
        cell = born(rng, 200 + 200j)
        cell.clock = 1
        pair = live(rng, [cell], (400, 400))
        first.append(apart(pair))
        for _ in range(7):
            pair = live(rng, pair, (400, 400))
        last.append(apart(pair))
    assert min(first) > 1.5 * 18
    assert np.mean(last) > np.mean(first) + 8


def test_daughters_lie_on_the_mothers_axis(rng):
    cell = born(rng, 50 + 50j)
    cell.nucleus.axis = 1j
    first, second = divide(rng, cell)
    way = second.nucleus.centre - first.nucleus.centre
    assert way.real == pytest.approx(0)
    assert way.imag == pytest.approx(1.5 * cell.nucleus.radius)
    assert (second.velocity - first.velocity).imag > 5


def test_nuclei_grow_up_and_keep_their_size(rng):
    cell = born(rng, 200 + 200j)
    cell.clock, cell.nucleus.radius = 200, 18.0
    for _ in range(80):
        (cell,) = live(rng, [cell], (400, 400))
    assert cell.nucleus.radius == pytest.approx(cell.grown, rel=0.02)
    assert abs(cell.nucleus.axis) == pytest.approx(1)
    assert cell.grown == pytest.approx(RADIUS[0], abs=5 * RADIUS[1])


def test_motion_is_persistent(rng):
    cell = born(rng, 5000 + 5000j)
    cell.clock = 10_000
    path = []
    for _ in range(1000):
        (cell,) = live(rng, [cell], (10_000, 10_000))
        path.append(cell.nucleus.centre)
    steps = np.diff(path)
    assert np.std(steps.real) == pytest.approx(3, rel=0.15)
    assert (steps[1:] * steps[:-1].conj()).real.mean() / (np.abs(steps) ** 2).mean() == pytest.approx(0.5, abs=0.1)


def test_a_dense_colony_stops_dividing(rng):
    """The population never passes far beyond the room there is, however long it lives."""
    colony = first_cells(rng, (60, 60), 3)
    sizes = []
    for _ in range(int(3 * CYCLE[0])):
        colony = live(rng, colony, (60, 60))
        sizes.append(len(colony))
    most = 1.4 * capacity((60, 60), MARGIN)
    assert most <= max(sizes) < 1.6 * most
