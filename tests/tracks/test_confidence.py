import numpy as np

from embedtrack.tracks.confidence import margins
from embedtrack.tracks.solve import Choice, solve
from tests.tracks.test_solve import problem


def test_a_link_could_be_cut():
    asked = problem([-1.0, -1.0], [(0, 1, -3.0)], change=2.0)
    sure = margins(asked, solve(asked))
    assert sure.arrival[1] == 2 + 2 + 3  # vanish, appear, and the link's own worth


def test_a_link_could_come_from_another_that_has_no_successor():
    asked = problem([-9.0, -9.0, -9.0], [(0, 2, -3.0), (1, 2, -1.0)], change=2.0)
    sure = margins(asked, solve(asked))
    assert sure.arrival[2] == 2  # both sources pay for vanishing in turn


def test_a_division_could_be_a_link():
    asked = problem([-9.0] * 3, [(0, 1, -3.0), (0, 2, -1.0)], [(0, 1, 2, -4.0)], change=2.0)
    choice = solve(asked)
    assert choice.division.all()
    assert margins(asked, choice).arrival[1:].tolist() == [3, 3]  # a link of -3 and one that appears: -1


def test_a_link_could_be_a_division():
    asked = problem([-9.0] * 3, [(0, 1, -3.0), (0, 2, -1.0)], [(0, 1, 2, 0.0)], change=2.0)
    choice = solve(asked)
    assert not choice.division.any()
    assert margins(asked, choice).arrival[1:].tolist() == [1, 1]


def test_a_cell_could_be_none():
    asked = problem([-1.0, 1.0, -1.0], [(0, 1, -3.0), (1, 2, -3.0)], change=2.0)
    choice = Choice(np.ones(3, bool), np.ones(2, bool), np.zeros(0, bool))
    assert margins(asked, choice).cell[1] == 2 + 2 - (1 - 3 - 3)


def test_more_than_enough_is_enough():
    asked = problem([-90.0, -90.0], [(0, 1, -80.0)])
    assert margins(asked, solve(asked)).arrival[1] == 12
