import re
from xml.etree import ElementTree

import numpy as np
import pytest

from embedtrack.training.curves import BINS, PARTS, draw
from embedtrack.training.pictures import CELLS, SIDE, TRUTH, Sample, jpeg, picture
from embedtrack.truth.merge import UNKNOWN
from tests.drawings import draw as drawn

SVG = "{http://www.w3.org/2000/svg}"


def step(number: int, **values: float) -> dict[str, float]:
    return {"step": number, **dict.fromkeys(PARTS, 0.1), **values, "seconds": 60.0 * number}


def lines(text: str) -> dict[str, list[tuple[float, float]]]:
    """Colour -> points of its line; the last line of a colour counts."""
    found = {}
    for line in ElementTree.fromstring(text).iter(f"{SVG}polyline"):
        corners = [point.split(",") for point in line.attrib["points"].split()]
        found[line.attrib["stroke"]] = [(float(x), float(y)) for x, y in corners]
    return found


def test_losses_are_drawn_on_a_logarithmic_scale():
    """Total falls from 1 to .01: half way down at half of the steps is .1."""
    text = draw([step(1, total=1.0), step(2, total=0.1), step(3, total=0.01)], "mine")
    (x1, y1), (x2, y2), (x3, y3) = lines(text)["#000000"]
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.2)
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2)
    assert y1 < y2 < y3
    words = [element.text for element in ElementTree.fromstring(text).iter(f"{SVG}text")]
    assert {*PARTS, "0.01", "0.1", "1", "mine: step 3, 3 min"} <= set(words)


def test_scores_are_drawn_with_the_best_one_named():
    scores = [{"step": n, "validation_seg": value, "best": value} for n, value in ((5, 0.2), (10, 0.9), (15, 0.6))]
    text = draw([step(20), *scores], "a < b")
    assert "best 0.900" in text
    assert "a &lt; b" in text
    points = lines(text)["#0072b2"]
    assert points[1][1] == pytest.approx(min(y for _, y in points))
    assert len(re.findall("<circle", text)) == 3


def test_a_long_training_is_drawn_by_means():
    text = draw([step(n, total=1.0 + n % 2) for n in range(1, 6001)], "long")
    points = lines(text)["#000000"]
    assert len(points) <= BINS
    assert max(y for _, y in points) - min(y for _, y in points) < 2
    assert len(text) < 40_000


@pytest.mark.parametrize("records", [[], [step(1, variance=0.0)], [{"step": 1, "validation_seg": 0.0}]])
def test_there_is_always_a_picture(records):
    ElementTree.fromstring(draw(records, "new"))


def test_crops_show_truth_and_cells():
    """White where the truth's border is, orange where the network's is, nothing of what is unknown."""
    truth, labels = drawn((64, 64), {1: ((20, 20), 8)}), drawn((64, 64), {1: ((44, 44), 8)})
    truth[:, 60:] = UNKNOWN
    frame = np.zeros((64, 64), np.float32)
    made = picture([Sample(frame, truth, labels), Sample(frame[:40, :40], truth[:40, :40], labels[:40, :40])], "step 7")
    assert made.shape == (2 * SIDE, 2 * SIDE, 3)
    below = made[SIDE:, :SIDE].astype(int)
    white, orange = (np.argwhere(np.abs(below - colour).sum(axis=2) < 60) for colour in (TRUTH, CELLS))
    assert np.allclose(white.mean(axis=0), 4 * 20.5, atol=4)
    assert np.allclose(orange.mean(axis=0), 4 * 44.5, atol=4)
    assert jpeg(made)[:2] == b"\xff\xd8"
