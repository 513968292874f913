"""The model that fits a movie is found by the agreement of its views, and by the size of what it finds."""

import math
from pathlib import Path

import pytest

from embedtrack.inference.model_ranks import Assessment, in_words, judge, rank


def made(name: str, agreement: float, diameter: float = 30, learnt: float | None = 30, cells: int = 5) -> Assessment:
    return Assessment(Path(name), (agreement,), (diameter,) * cells if diameter else (), learnt)


@pytest.mark.parametrize(
    ("fits", "said", "sure"),
    [
        ([made("a", 0.9), made("b", 0.4)], "a fits: score 0.90, b has 0.40; cells of 30", True),
        ([made("a", 0.9), made("b", 0.88)], "a fits, and b nearly as well", True),
        ([made("a", 0.7), made("b", 0.3)], "a fits best, but not well", False),
        ([made("a", 0.5), made("b", 0.3)], "none fits: a is the nearest", False),
        ([made("a", 0.9, 90)], "none fits: a is the nearest", False),
        ([made("a", 0.9, 90, None)], "a fits: score 0.90; cells of 90 pixels", True),
        ([made("a", 0, 0), made("b", 0, 0)], "no model finds any cell; going on with a", False),
    ],
)
def test_what_is_said(fits: list[Assessment], said: str, sure: bool):
    text, good = judge(rank(fits), 0.9)
    assert text.startswith(said)
    assert good is sure
    assert ("train one" in text) == (said.startswith("no"))


def test_cells_of_another_size_cost_more_the_further_they_are_apart():
    assert made("a", 0.8, 30, 40).alike == made("a", 0.8, 40, 30).alike == 1
    assert made("a", 0.8, 30, 84).alike == pytest.approx(1 / 2)  # twice as far as may be
    assert made("a", 0.8, 0).alike == 0


def test_of_models_that_fit_alike_the_one_that_knows_the_size_is_taken():
    assert [one.seen.model.name for one in rank([made("a", 0.92, 37), made("b", 0.9, 31), made("c", 0.85)])] == [*"bac"]
    assert [one.seen.model.name for one in rank([made("a", 0.95, 37), made("b", 0.9, 31)])] == [*"ab"]


def test_who_misses_half_of_the_cells_has_half_the_score():
    few, many = made("few", 0.9, cells=9), made("many", 0.9, cells=20)  # half of what would be enough
    fragments = made("fragments", 0.5, cells=900)  # it does not agree with itself: nobody asks it for their number
    assert [(one.seen.model.name, one.score) for one in rank([few, many, fragments])] == [
        ("many", pytest.approx(0.9)), ("fragments", pytest.approx(0.5)), ("few", pytest.approx(0.45)),
    ]  # fmt: skip


def test_a_model_is_brought_to_the_cells_only_where_that_gains():
    plain, brought = made("a", 0.7), made("b", 0.72)._replace(brought_to=30)
    assert [one.seen.model.name for one in rank([brought, plain])] == ["a", "b"]
    assert [one.seen.model.name for one in rank([brought._replace(qualities=(0.74,)), plain])] == ["b", "a"]


def test_a_smaller_part_of_a_frame_counts_for_all_of_it():
    assert made("a", 0.9, cells=5)._replace(share=0.25).cells == 20


def test_cells_that_an_edge_cuts_say_nothing_of_the_size():
    cut = made("a", 0.9, 15, 30, cells=8)
    assert cut.alike < 1  # nothing else is there
    some = cut._replace(diameters=(*cut.diameters, 30.0), whole=(30.0,))
    assert (some.diameter, some.alike, some.cells) == (30.0, 1.0, 9)
    both = some.and_also(some._replace(whole=(31.0, 31.0)))
    assert (both.diameter, both.cells) == (31.0, 9)


def test_one_cell_of_ten_more_decides_nothing():
    """The one that knows the size is taken, though the other finds a cell more."""
    assert [one.seen.model.name for one in rank([made("a", 0.95, 37, cells=17), made("b", 0.95, 31, cells=16)])] == [
        *"ba"
    ]


def test_a_model_of_another_kind_of_image_has_to_agree_better():
    """Fragments that phase contrast's weights find in nuclei outnumber the nuclei."""
    fragments = made("contrast", 0.8, 9, 13, cells=27)
    whole = made("nuclei", 0.91, 19, 19, cells=13)
    assert rank([fragments, whole])[0].seen.model.name == "contrast"
    best, other = rank([fragments._replace(other_kind=True), whole])
    assert (best.seen.model.name, other.score) == (
        "nuclei",
        pytest.approx(0.8 * 0.85 * math.exp(-math.log(13 / 9 / 1.4))),
    )
    assert "it has learnt another kind of image" in in_words(other)
