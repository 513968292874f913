"""One frame as a picture."""

import numpy as np
import pytest

from embedtrack.looks import overlay
from embedtrack.looks.overlay import (
    Span,
    background,
    caption,
    cells_of,
    clock,
    division,
    legend,
    outline,
    path,
    scale_bar,
)
from embedtrack.movies.units import Units
from tests.drawings import draw

RED = (0, 0, 255)


def test_grey_values_are_spread_and_enlarged():
    frame = np.array([[100, 200], [300, 9000]], np.uint16)
    picture = background(frame, (2, 2), Span(100, 300), 3)
    assert picture.shape == (6, 6, 3)
    assert picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[5, 5].tolist() == picture[5, 0].tolist() == [overlay.BRIGHTEST] * 3
    assert 90 < picture[0, 5, 0] < 140
    assert not background(None, (2, 5), Span(0, 1), 2).any()


def test_the_span_forgets_few_bright_pixels_and_survives_a_flat_frame():
    frame = np.full((100, 100), 50, np.uint16)
    frame[:20] = 90
    frame[0, 0] = 60000
    assert overlay.span(frame) == pytest.approx((50, 90))
    flat = overlay.span(np.zeros((4, 4), np.float32))
    assert flat.high > flat.low


def test_an_outline_lies_on_the_border_of_its_cell():
    labels = draw((40, 60), {3: ((20, 30), 8)})
    cells = cells_of(labels)
    assert cells.keys() == {3}
    assert cells[3].place == pytest.approx((20, 30))
    assert cells[3].area == (labels == 3).sum()
    for zoom in (1, 2):
        picture = background(None, (40, 60), Span(0, 1), zoom)
        outline(picture, cells[3], RED, zoom, zoom)
        large = np.kron(labels, np.ones((zoom, zoom), int)) > 0
        drawn = picture[..., 2] > 128
        assert drawn.any()
        assert not drawn[20 * zoom, 30 * zoom]
        ring = np.argwhere(drawn) / zoom - (20, 30)
        assert (np.abs(np.hypot(*ring.T) - 7.75) < 2).all()
        assert (drawn & large).sum() > 0.7 * drawn.sum()


def test_a_cell_in_two_parts_with_a_hole_has_three_outlines():
    labels = np.zeros((30, 30), np.int32)
    labels[2:12, 2:12] = 1
    labels[5:8, 5:8] = 0
    labels[20:24, 20:24] = 1
    assert len(cells_of(labels)[1].outline) == 3
    assert cells_of(np.zeros((5, 5), np.int32)) == {}


def test_a_path_fades_into_the_past():
    picture = background(None, (20, 100), Span(0, 1), 1)
    path(picture, [(10, 5), (10, 50), (10, 95)], RED, 1)
    assert 0 < picture[10, 20, 2] < picture[10, 80, 2]
    assert not picture[..., 0].any()
    path(picture, [(5, 5)], RED, 1)
    path(picture, [], RED, 1)


def test_a_division_joins_the_daughters():
    picture = background(None, (40, 40), Span(0, 1), 1)
    division(picture, [(20, 5), (20, 35)], 1)
    assert (picture[20, 6:34] > 0).all()
    assert picture[18, 20].all()
    assert not picture[18, 10].any()


@pytest.mark.parametrize(
    ("width", "pixel", "expected"),
    [(1000, 0.5, (200, "100 µm")), (480, 0.645, (78, "50 µm")), (100, 0.01, (20, "0.2 µm")), (1000, 20, (100, "2 mm"))],
)
def test_the_scale_bar_is_round_and_no_longer_than_a_fifth(width: int, pixel: float, expected: tuple[int, str]):
    assert scale_bar(width, pixel) == expected


def test_the_clock():
    assert clock(0, 1200) == "00:00:00"
    assert clock(20 * 60 * 12, 1200) == "04:00:00"
    assert clock(100 * 3600 + 61, 1) == "100:01:01"
    assert [clock(t * 0.04, 0.04) for t in range(3)] == ["00:00:00.00", "00:00:00.04", "00:00:00.08"]
    assert clock(59.96, 2.5) == "00:01:00.0"
    assert clock(3.3333, 10 / 3) == "00:00:03.33"


def test_the_caption_shows_what_is_known():
    plain, known = (background(None, (120, 300), Span(0, 1), 1) for _ in range(2))
    caption(plain, "007", 7, Units())
    caption(known, "007", 7, Units(1.0, 60.0))
    assert plain[:30].any()
    assert not plain[60:].any()
    assert (known[:30] > 0).sum() > (plain[:30] > 0).sum()
    bar = known[104, :, 0] == 255
    assert bar.sum() == 50 + 1


def test_a_legend_takes_another_line_when_it_must():
    picture = background(None, (100, 200), Span(0, 1), 1)
    legend(picture, {"wrong link 12": RED, "lost division 3": RED})
    assert picture[80:].any()
    assert picture[60:76, :, 2].any()
