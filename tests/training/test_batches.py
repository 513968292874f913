import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedtrack.training.batches import batches, pairs_per_epoch
from tests.training.test_fit import SMALL, movies


def test_an_epoch_covers_the_movies_twice(tmp_path: Path):
    assert pairs_per_epoch(movies(tmp_path), SMALL) == 6 * math.ceil(2 * 48 * 80 / 1600) + 6 * math.ceil(
        2 * 48 * 64 / 1600
    )


def test_large_crops_come_from_every_movie(tmp_path: Path):
    """The numbers that choose the size, the movie and the place must not be the same ones."""
    first, second = movies(tmp_path)
    second = replace(second, frames=[frame + 1000 for frame in second.frames])
    made = itertools.islice(batches([first, second], SMALL, 0), 60)
    large = [bool(batch.now.mean() > 500) for batch in made if batch.now.shape[-1] == 80]
    assert 0.2 < np.mean(large) < 0.8
