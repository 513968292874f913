import json
from dataclasses import asdict

import numpy as np
import pytest

from embedtrack.files.lazy import Lazy
from embedtrack.movies.memory import readable
from embedtrack.movies.movie import FrameError
from embedtrack.options import Options


def damaged(*frames: int) -> Lazy[np.ndarray]:
    def read(t: int) -> np.ndarray:
        if t in frames:
            raise FrameError(f"frame {t}: damaged")
        return np.full((2, 3), t)

    return Lazy(4, read)


def test_a_first_look_passes_over_what_cannot_be_read():
    assert [image[0, 0] for image in readable(damaged(3), [0, 2, 3])] == [0, 2]
    with pytest.raises(FrameError, match="frame 3: damaged"):
        readable(damaged(1, 3), [1, 3])
    assert readable(damaged(), []) == []


def test_numbers_of_numpy_are_options_that_json_can_write():
    options = Options(border=np.int64(25), tile=np.int32(512), diameter=np.float32(30))
    assert options == Options(border=25, tile=512, diameter=30.0)
    assert json.loads(json.dumps(asdict(options)))["border"] == 25
