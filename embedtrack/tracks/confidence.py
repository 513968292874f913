"""How sure a decision is: what its best alternative would cost more, the other decisions being as they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack.config import Sureness
from embedtrack.tracks.candidates import Table
from embedtrack.tracks.costs import Features, cell_features, log_odds
from embedtrack.tracks.solve import Choice, Problem, Values

MOST = 12.0
"""Log-odds beyond this say no more."""


def probability(table: Table, steps: NDArray[np.void], sureness: Sureness) -> tuple[Values, Values]:
    """float64[n] each: that the cells of STEP[n] are cells, and come from where they are said to.

    Most false cells are far from a doubt of the solver's, so what they look like tells more than their margin.
    """
    scale = np.array([sureness.arrival, sureness.link, sureness.birth])[steps["how"]]  # [n, 2]
    past = scale[:, 0] + scale[:, 1] * steps["comes_so"].astype(float)
    return _logistic(log_odds(evidence_of(table, steps), sureness.cell)), _logistic(past)


def evidence_of(table: Table, steps: NDArray[np.void]) -> Features:
    """Of each cell of STEP[n] what tells whether it is one."""
    found = {name: values[steps["cell"]] for name, values in cell_features(table).items()}
    return found | {"margin": steps["is_cell"].astype(float)}


def _logistic(odds: Values) -> Values:
    chance: Values = 1 / (1 + np.exp(-odds))
    return chance


class Margins(NamedTuple):
    """In log-odds, 0 to MOST: how much dearer the best alternative is; of what is not chosen anything."""

    cell: Values
    """[n]: that a candidate is no cell."""
    arrival: Values
    """[n]: that it comes from another one, or from nowhere; or that its predecessor divides, or does not."""


def margins(problem: Problem, choice: Choice) -> Margins:
    """Look at each chosen candidate alone.

    A link from i to j could be cut (i vanishes, j appears), j could come from another candidate that has no successor,
    or i could divide into j and one that appears. A division could be a link to either daughter while the other one
    appears. What appears could come from a candidate without successor, or be a daughter of one that goes on.
    """
    n = len(problem.cell)
    source, target = problem.ends.T
    mother, one, two = problem.family.T
    linked, divided, chosen = choice.link, choice.division, choice.cell
    free = chosen & (np.bincount(source[linked], minlength=n) + np.bincount(mother[divided], minlength=n) == 0)
    price = np.full(n, np.inf)  # of the cheapest arrival other than the chosen one, with what it changes at its source
    heard = ~linked & free[source] & chosen[target]
    np.minimum.at(price, target[heard], problem.link[heard] - problem.vanish[source[heard]])
    into, lost = problem.appear.copy(), np.zeros(n)  # the chosen arrival, and what its source costs without it
    into[target[linked]], lost[target[linked]] = problem.link[linked], problem.vanish[source[linked]]
    appears = chosen.copy()
    appears[target[linked]] = appears[one[divided]] = appears[two[divided]] = False
    arrival = np.where(appears, price - into, np.minimum(problem.appear, price) + lost - into)
    _with_divisions(arrival, problem, choice, appears)
    out, after = problem.vanish.copy(), np.zeros(n)  # the chosen departure, and what its target costs without it
    out[source[linked]], after[source[linked]] = problem.link[linked], problem.appear[target[linked]]
    out[mother[divided]] = problem.division[divided] / 2
    cell = np.where(appears, 0, lost) + after - problem.cell - into - out
    return Margins(*(np.clip(values, 0, MOST) for values in (cell, arrival)))


def _with_divisions(arrival: Values, problem: Problem, choice: Choice, appears: NDArray[np.bool_]) -> None:
    """Let divisions that are chosen, and those that might be, lower the margins."""
    n = len(problem.cell)
    heir = np.full(n, -1)
    heir[problem.ends[choice.link, 0]] = problem.ends[choice.link, 1]
    cost = dict(zip(map(tuple, problem.ends.tolist()), problem.link.tolist(), strict=True))
    for index, (mother, one, two) in enumerate(problem.family.tolist()):
        price = float(problem.division[index])
        if choice.division[index]:
            other = min(
                cost.get((mother, a), float(problem.vanish[mother] + problem.appear[a])) + float(problem.appear[b])
                for a, b in ((one, two), (two, one))
            )
            arrival[one] = arrival[two] = other - price
        else:
            for a, b in ((one, two), (two, one)):
                if heir[mother] == a and appears[b]:
                    more = price - cost[mother, a] - float(problem.appear[b])
                    arrival[a], arrival[b] = min(arrival[a], more), min(arrival[b], more)
