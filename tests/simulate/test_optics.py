from dataclasses import replace

import numpy as np
import pytest

from embedtrack.simulate.colony import STRETCH
from embedtrack.simulate.optics import (
    HAZE,
    OFFSET,
    PHOTONS,
    READ_NOISE,
    SHADE,
    Nucleus,
    draw,
    expose,
    glow,
    lamp,
    reach,
    whole,
)

NO_BEND = np.zeros(5, np.complex128)


def nucleus(centre: complex, radius: float = 20.0, **more) -> Nucleus:
    plain = Nucleus(
        centre=centre,
        axis=1 + 0j,
        radius=radius,
        shape=NO_BEND,
        spots=np.array([0.3 + 0.3j, -0.4j]),
        widths=np.array([0.2, 0.15]),
        weights=np.array([1.0, -0.3]),
        light=40.0,
        blur=1.5,
    )
    return replace(plain, **more)


def test_reach_of_a_disc_is_its_radius():
    np.testing.assert_allclose(reach(7.0, NO_BEND, np.exp(1j * np.linspace(0, 6, 9))), 7)


def test_reach_by_hand():
    shape = np.array([0.2, 0.1j])  # R = r exp(0.2 cos 2 phi + 0.1 sin 3 phi)
    quarter = np.exp(0.5j * np.pi * np.arange(4))
    np.testing.assert_allclose(np.log(reach(1.0, shape, quarter)), [0.2, -0.2 - 0.1, 0.2, -0.2 + 0.1])


def test_a_cell_about_to_split_is_nearly_an_ellipse():
    phi = np.linspace(0, np.pi, 50)
    long, wide = reach(1.0, STRETCH, np.array([1, 1j]))
    assert long / wide == pytest.approx(1.75, abs=0.05)
    ellipse = 1 / np.hypot(np.cos(phi) / long, np.sin(phi) / wide)
    np.testing.assert_allclose(reach(1.0, STRETCH, np.exp(1j * phi)), ellipse, rtol=0.04)


def test_a_disc_lies_where_it_should():
    owner, light = draw([nucleus(70 + 40j)], (100, 120))
    y, x = np.mgrid[:100, :120]
    np.testing.assert_array_equal(owner, np.hypot(x - 70, y - 40) < 20)
    assert owner.dtype == np.int32
    assert light[owner == 1].mean() > 0.8 * 40
    assert light[0, 0] == 0


def test_the_axis_turns_the_outline():
    axis = np.exp(1j * np.pi / 6)
    owner, _ = draw([nucleus(60 + 60j, shape=np.array([0.3 + 0j]), axis=axis)], (120, 120))
    ends = [60 + 60j + 24 * side * turn for side in (1, -1) for turn in (axis, axis.conj(), axis * 1j)]
    assert [owner[round(end.imag), round(end.real)] for end in ends] == [1, 0, 0] * 2


def test_the_texture_moves_with_the_cell():
    _, light = draw([nucleus(50 + 40j)], (100, 120))
    _, moved = draw([nucleus(57 + 43j)], (100, 120))
    np.testing.assert_allclose(moved[3:, 7:], light[:-3, :-7], atol=1e-9)


def test_overlapping_cells_share_the_border_and_add_their_light():
    pair = [nucleus(45 + 50j), nucleus(75 + 50j)]
    owner, light = draw(pair, (100, 120))
    exclusive = [draw([one], (100, 120))[1] for one in pair]
    np.testing.assert_allclose(light, exclusive[0] + exclusive[1], atol=1e-9)
    assert set(owner[50, 56:60]) == {1}
    assert set(owner[50, 61:65]) == {2}
    assert abs(int((owner == 1).sum()) - int((owner == 2).sum())) <= 40  # pixels exactly between them


def test_what_lies_outside_is_cut_off():
    size = (60, 80)
    whole_frame, _ = draw([nucleus(100 + 100j)], (200, 200))
    for centre in (0j, 79 + 59j, -10 + 30j, 40 - 15j):
        shift = 100 - int(centre.real), 100 - int(centre.imag)
        part = whole_frame[shift[1] : shift[1] + 60, shift[0] : shift[0] + 80]
        np.testing.assert_array_equal(draw([nucleus(centre)], size)[0], part)
    for centre in (-500 + 30j, 40 + 900j, -61 + 0j):
        owner, light = draw([nucleus(centre)], size)
        assert not owner.any()
        assert not light.any()


def test_only_the_largest_piece_stays():
    labels = np.array([[1, 1, 0, 2], [1, 0, 0, 0], [0, 0, 1, 2], [3, 0, 0, 2]], np.int32)
    expected = [[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 2], [3, 0, 0, 2]]
    np.testing.assert_array_equal(whole(labels), expected)


def test_a_cell_cut_in_two_keeps_the_larger_piece():
    long = nucleus(60 + 60j, shape=np.array([0.6 + 0j, 0, 0.18]))  # 44 pixels to its tips, 13 to its sides
    owner, _ = draw([long, nucleus(80 + 60j, 15)], (120, 140))
    assert owner[60, [25, 60, 80, 100]].tolist() == [1, 1, 2, 0]
    assert draw([long], (120, 140))[0][60, 100] == 1


def test_glow_has_the_mean_that_was_asked_for_and_condensing_raises_contrast():
    grid = np.linspace(-1, 1, 61)
    points = (grid + 1j * grid[:, None]).ravel()
    points = points[np.abs(points) < 1]
    rest, mitosis = (glow(nucleus(0j, condensed=condensed), points) for condensed in (0.0, 1.0))
    assert rest.mean() == pytest.approx(40)
    assert mitosis.mean() > rest.mean()
    assert mitosis.std() / mitosis.mean() > 1.5 * rest.std() / rest.mean()
    assert np.abs(points[rest.argmax()] - (0.3 + 0.3j)) < 0.15


def test_light_is_uneven_but_not_by_more_than_the_shade():
    shade = lamp(np.random.default_rng(0), (50, 70))
    assert shade.shape == (50, 70)
    assert shade.min() == pytest.approx(1 - SHADE)
    assert 0.999 < shade.max() <= 1


@pytest.mark.parametrize("light", [0.0, 100.0])
def test_exposure_has_shot_and_read_noise(light):
    grey = expose(np.random.default_rng(0), np.full((400, 400), light))
    assert grey.dtype == np.uint16
    assert grey.mean() == pytest.approx(OFFSET + HAZE + light, abs=0.1)
    variance = READ_NOISE**2 + (HAZE + light) / PHOTONS + 1 / 12  # and rounding
    assert grey.var() == pytest.approx(variance, rel=0.02)


def test_exposure_saturates():
    assert expose(np.random.default_rng(0), np.full((4, 4), 1e6)).min() == 65535
