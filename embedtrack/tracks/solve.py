"""The best choice among candidates, links and divisions: a linear program, whole-numbered where it must be."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

Index = NDArray[np.int64]
Values = NDArray[np.float64]

SLACK = 1e-6
"""An answer of the linear program this near to a whole number is one."""


class Problem(NamedTuple):
    """n candidates of some frames, m links and k divisions between them; each costs what it costs if it is chosen."""

    cell: Values
    """[n]"""
    appear: Values
    """[n]: that a chosen candidate follows none."""
    vanish: Values
    """[n]: that none follows it."""
    link: Values
    """[m]"""
    ends: Index
    """[m, 2]: source and target."""
    division: Values
    """[k]"""
    family: Index
    """[k, 3]: mother and two daughters."""
    rivals: Index
    """[r, 2]: at most one of the two is a cell."""
    twins: Index
    """[s, 2]: both are, or none."""
    fixed: Values
    """[n + m + k]: 1 or 0 where it was decided before, else nan."""


class Choice(NamedTuple):
    """What is chosen."""

    cell: NDArray[np.bool_]
    link: NDArray[np.bool_]
    division: NDArray[np.bool_]


def solve(problem: Problem) -> Choice:
    """Minimise the sum of costs.

    Every chosen candidate has one predecessor or appears, has one successor, divides, or vanishes. Appearing and
    vanishing are what is left over, so they need no variables: their costs are paid with the candidate and given back
    with its links. The linear program of this mostly has a whole-numbered answer; where it has not, the candidates
    that hang together with a broken number are solved again as whole numbers.
    """
    sizes = (len(problem.cell), len(problem.link), len(problem.division))
    costs = _costs(problem)
    if not costs.size:
        return Choice(*(np.zeros(size, np.bool_) for size in sizes))
    matrix, upper = _constraints(problem)
    lower = np.full(len(upper), -np.inf)
    if len(problem.twins):
        lower[-len(problem.twins) :] = 0
    known = ~np.isnan(problem.fixed)
    low, high = np.where(known, problem.fixed, 0), np.where(known, problem.fixed, 1)
    answer = _minimise(costs, matrix, lower, upper, low, high, whole=False)
    broken = np.abs(answer - np.rint(answer)) > SLACK
    if broken.any():
        part, rows = _around(matrix, broken)
        answer[part] = _minimise(
            costs[part], matrix[rows][:, part], lower[rows], upper[rows], low[part], high[part], whole=True
        )
    chosen = answer > 0.5
    return Choice(*np.split(chosen, np.cumsum(sizes)[:2]))


def _minimise(
    costs: Values, matrix: csr_array, lower: Values, upper: Values, low: Values, high: Values, *, whole: bool
) -> Values:
    """The best numbers between ``low`` and ``high``."""
    found = milp(
        costs,
        constraints=LinearConstraint(matrix, lower, upper),
        bounds=Bounds(low, high),
        integrality=np.full(costs.size, int(whole)),
        options={"mip_rel_gap": 0.0} if whole else {},
    )
    if found.x is None:
        raise AssertionError(f"expected a problem that can be solved: nothing chosen is allowed; got {found.message}")
    answer: Values = found.x
    return answer


def _costs(problem: Problem) -> Values:
    """[n + m + k]: the costs, with those of appearing and vanishing moved to the candidates."""
    (source, target), (mother, one, two) = problem.ends.T, problem.family.T
    return np.concatenate(
        [
            problem.cell + problem.appear + problem.vanish,
            problem.link - problem.vanish[source] - problem.appear[target],
            problem.division - problem.vanish[mother] - problem.appear[one] - problem.appear[two],
        ]
    )


def _constraints(problem: Problem) -> tuple[csr_array, Values]:
    """Rows over all variables and their upper bounds: arrivals, departures, rivals, twins."""
    n, m, k = len(problem.cell), len(problem.link), len(problem.division)
    (source, target), (mother, one, two) = problem.ends.T, problem.family.T
    cells, links, divisions = np.arange(n), n + np.arange(m), n + m + np.arange(k)
    rows, columns, values = [cells, n + cells], [cells, cells], [np.full(2 * n, -1.0)]
    rows += [target, one, two, n + source, n + mother]
    columns += [links, divisions, divisions, links, divisions]
    r, s = len(problem.rivals), len(problem.twins)
    first, second = 2 * n + np.arange(r), 2 * n + r + np.arange(s)
    rows += [first, first, second]
    columns += [problem.rivals[:, 0], problem.rivals[:, 1], problem.twins[:, 0]]
    values.append(np.ones(2 * m + 3 * k + 2 * r + s))
    rows.append(second)
    columns.append(problem.twins[:, 1])
    values.append(np.full(s, -1.0))
    place = (np.concatenate(rows), np.concatenate(columns))
    matrix = coo_array((np.concatenate(values), place), shape=(2 * n + r + s, n + m + k))
    upper = np.concatenate([np.zeros(2 * n), np.ones(r), np.zeros(s)])
    return csr_array(matrix), upper


def _around(matrix: csr_array, broken: NDArray[np.bool_]) -> tuple[Index, Index]:
    """The variables that hang together with a broken one by constraints, and those constraints."""
    rows, columns = matrix.shape
    entries = matrix.tocoo()
    graph = coo_array((np.ones(entries.nnz), (entries.row, rows + entries.col)), shape=(rows + columns, rows + columns))
    component = connected_components(graph, directed=False)[1]
    hit = np.isin(component, np.unique(component[rows:][broken]))
    return np.flatnonzero(hit[rows:]), np.flatnonzero(hit[:rows])
