import numpy as np
import pytest

from embedtrack.truth.place import inside, near


@pytest.mark.parametrize(("shape", "side"), [((50, 90), 40), ((40, 40), 40), ((30, 90), 40)])
def test_a_crop_lies_inside_a_frame_that_is_large_enough(shape: tuple[int, int], side: int):
    for middle in ([-9.0, 200.0], [0.0, 0.0], [25.3, 44.9], [99.0, 1.0]):
        first = inside(np.array(middle), shape, side) - (side - 1) / 2
        assert (first == np.round(first)).all()  # on whole pixels
        for begin, size in zip(first, shape, strict=True):
            assert (0 <= begin <= size - side) or size < side


def test_a_cell_is_in_sight():
    rng = np.random.default_rng(0)
    off = np.array([near((30.0, 50.0), 60, rng) for _ in range(200)]) - (30, 50)
    assert 18 < np.abs(off).max() <= 20
