"""Values of a record that make no sense are refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedtrack.challenge.record import record_of
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.types import CONFIDENCE
from tests.challenge.test_record import write
from tests.challenge.test_tracked import tracked
from tests.drawings import dividing


@pytest.mark.parametrize(
    "movie",
    [
        {"pixel_size_um": "0.5"},
        {"pixel_size_um": -1},
        {"interval_s": []},
        {"channel": 3},
        {"pixel_size_um": True},
        {"pixel_size_um": 1e308},
        {"interval_s": 1e-300},
        [3],
        "x",
    ],
)
def test_values_that_make_no_sense_are_one_line_with_file_and_field(tmp_path: Path, movie: object):
    write(tmp_path / "01_RES", 1, {"movie": movie})
    with pytest.raises(ValueError, match=r"01_RES\.json: expected a record as infer writes it, got") as error:
        open_tracked(tmp_path / "01_RES")
    assert "\n" not in str(error.value)
    assert "attribute" not in str(error.value)


@pytest.mark.parametrize("value", ["none", {"frame": [0]}, {"frame": [7], "label": [1], "cell": [1.5], "link": [1]}])
def test_a_confidence_that_is_none_is_refused(tmp_path: Path, value: object):
    sure = np.array([(0, 1, 1, 1)], CONFIDENCE)
    write_tracked(replace(tracked(dividing()), confidence=sure), tmp_path / "01_RES")
    path = record_of(tmp_path / "01_RES")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"confidence": value}))
    with pytest.raises(ValueError, match="expected a record as infer writes it, got a confidence that is none"):
        open_tracked(tmp_path / "01_RES")
