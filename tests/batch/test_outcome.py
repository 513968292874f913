"""What became of a movie is kept in a file; a damaged one is told from another's, and costs that movie alone."""

from pathlib import Path

import pytest

from embedtrack.batch import outcome
from embedtrack.batch.outcome import Outcome


@pytest.mark.parametrize("left", ["", "{", '{"name": "a", "state', "\0" * 40])
def test_what_is_left_of_a_damaged_outcome_is_replaced(tmp_path: Path, left: str):
    one = Outcome(name="a", path="a.tif", state="done")
    outcome.write(tmp_path, one)
    place = outcome.place_of(tmp_path, "a")
    place.write_text(left)
    with pytest.raises(ValueError, match=r"a\.json: expected an outcome .* give the command of infer again"):
        outcome.read_all(tmp_path)
    outcome.check(tmp_path, "a")
    outcome.write(tmp_path, one)
    assert outcome.read_all(tmp_path) == [one]


@pytest.mark.parametrize("text", ["mine", '{"mine": 1}', "[1]"])
def test_what_another_has_put_there_is_not(tmp_path: Path, text: str):
    place = outcome.place_of(tmp_path, "a")
    place.parent.mkdir()
    place.write_text(text)
    with pytest.raises(ValueError, match="expected nothing or a file of our own"):
        outcome.check(tmp_path, "a")
