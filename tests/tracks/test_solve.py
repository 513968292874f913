import itertools

import numpy as np
import pytest

from embedtrack.tracks.solve import Problem, solve


def problem(cells, links=(), divisions=(), rivals=(), twins=(), fixed=None, change=4.0):
    """Candidates cost ``cells``; links are (source, target, cost), divisions (mother, one, two, cost)."""
    n, size = len(cells), len(cells) + len(links) + len(divisions)
    known = np.full(size, np.nan)
    for variable, value in (fixed or {}).items():
        known[variable] = value
    return Problem(
        np.array(cells, float),
        np.full(n, change),
        np.full(n, change),
        np.array([link[2] for link in links], float),
        np.array([link[:2] for link in links], np.int64).reshape(-1, 2),
        np.array([one[3] for one in divisions], float),
        np.array([one[:3] for one in divisions], np.int64).reshape(-1, 3),
        np.array(rivals, np.int64).reshape(-1, 2),
        np.array(twins, np.int64).reshape(-1, 2),
        known,
    )


def price(asked, cell, link, division):
    """The sum of costs of a choice, or infinity if it is not allowed: counted one by one."""
    into, out = np.zeros(len(cell)), np.zeros(len(cell))
    for (source, target), taken in zip(asked.ends, link, strict=True):
        out[source] += taken
        into[target] += taken
    for (mother, one, two), taken in zip(asked.family, division, strict=True):
        out[mother] += taken
        into[one] += taken
        into[two] += taken
    chosen = np.concatenate([cell, link, division])
    wrong = (into > cell).any() or (out > cell).any()
    wrong |= any(cell[a] and cell[b] for a, b in asked.rivals) or any(cell[a] != cell[b] for a, b in asked.twins)
    wrong |= bool((chosen != asked.fixed)[~np.isnan(asked.fixed)].any())
    if wrong:
        return np.inf
    own = asked.cell @ cell + asked.link @ link + asked.division @ division
    return own + asked.appear @ (cell - into) + asked.vanish @ (cell - out)


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_what_trying_all_choices_finds(seed):
    rng = np.random.default_rng(seed)
    asked = problem(
        rng.normal(-4, 4, 6),
        [(i, j, rng.normal(-2, 3)) for i in range(2) for j in range(3, 6) if rng.random() < 0.5],
        [(i, 3, 4, rng.normal(-2, 4)) for i in range(2)],
        rivals=[(0, 1), (3, 5), (4, 5)],
        twins=[(3, 4)],
        fixed={2: 1},
        change=2.0,
    )
    sizes = (len(asked.cell), len(asked.link), len(asked.division))
    best = min(
        price(asked, *np.split(np.array(choice), np.cumsum(sizes)[:2]))
        for choice in itertools.product((0.0, 1.0), repeat=sum(sizes))
    )
    assert price(asked, *(part.astype(float) for part in solve(asked))) == pytest.approx(best)


def test_a_broken_answer_is_solved_again_as_whole_numbers():
    """Three candidates of which any two are rivals: the linear program takes half of each."""
    found = solve(problem([-9.0, -9.0, -8.0], rivals=[(0, 1), (1, 2), (0, 2)], change=0.0))
    assert found.cell.sum() == 1
    assert not found.cell[2]


def test_two_daughters_or_one_heir():
    links = [(0, 1, -5.0), (0, 2, -5.0)]
    cheap = solve(problem([-5.0, -5.0, -5.0], links, [(0, 1, 2, -6.0)]))
    assert cheap.division.tolist() == [True]
    dear = solve(problem([-5.0, -5.0, -5.0], links, [(0, 1, 2, 6.0)]))
    assert dear.division.tolist() == [False]
    assert dear.link.sum() == 1


def test_nothing_to_choose():
    found = solve(problem([]))
    assert [part.size for part in found] == [0, 0, 0]
