import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedtrack.movies.settings import Normalisation
from embedtrack.truth.reading import read_annotated
from embedtrack.truth.sizes import sizes_of
from embedtrack.types import Track
from tests.drawings import Toy, write_movie


def test_the_sizes_of_cells_whose_outline_is_known(tmp_path: Path):
    """Squares of 4 x 4, 6 x 6 and 10 x 10 pixels; of the largest one only a marker is known."""
    labels = np.zeros((40, 60), np.int32)
    labels[2:6, 2:6], labels[10:16, 10:16], labels[20:30, 30:40] = 1, 2, 3
    movie = read_annotated(
        write_movie(Toy(labels[None], [Track(label, 0, 0, 0) for label in (1, 2, 3)]), tmp_path / "toy"),
        Normalisation(),
        0.5,
    )
    movie = replace(movie, partial=[frozenset({3})])
    sizes = sizes_of([movie])
    assert sizes.radius == pytest.approx(math.sqrt((4 + 9) / 2 / math.pi))
    assert sizes.diameter == pytest.approx(4 * sizes.radius)
    assert sizes.smallest == int(np.percentile([4, 9], 1) / 2 * 4)
