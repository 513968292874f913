"""What a run made of its options is told in words, whatever a record says of it."""

import json
from pathlib import Path

import pytest

from embedtrack.challenge.record import confirm, known_of
from embedtrack.challenge.record_fields import used_in
from embedtrack.challenge.tracked import write_tracked
from embedtrack.challenge.used import as_used, doubts
from tests.challenge.test_tracked import tracked
from tests.drawings import still

USED = {
    "border": 50, "cells_removed_by_border": 31, "tiles": 4, "tile": [512, 320], "peak_memory_mb": 812,
    "model_choice": "a fits best, but not well", "sure": False, "frames_without_image": [3, 7, 8, 9],
    "uneven_ground": 14.2, "cut_short": "a.tif, frame 12: no",
}  # fmt: skip


def test_all_is_told():
    assert as_used(USED) == "border 50 px, 4 tiles of 512 x 320 px, 812 MB of memory"
    seen = USED | {"views": 8, "precision": "bfloat16"}
    assert as_used(seen).startswith("8 views in bfloat16, border 50 px")
    brought = USED | {"views": 1, "precision": "float32", "brought_to_diameter": 41.7}
    assert as_used(brought).startswith("1 view in float32, brought to cells of 42 px, border 50 px")
    removed, model, blank, ground, end = doubts(USED)
    assert removed == "31 masks within 50 px of the edge were removed; --border 0 keeps them"
    assert model == "the model is doubtful: a fits best, but not well"
    assert "frames 3, 7 to 9:" in blank
    assert "14 times its noise and was levelled" in ground
    assert end.endswith("a.tif, frame 12: no")


def test_a_run_without_doubts_says_none():
    sure = {"border": 0, "cells_removed_by_border": 0, "model_choice": "a fits", "sure": True, "uneven_ground": None,
            "frames_without_image": [], "cut_short": None}  # fmt: skip
    assert doubts(sure) == ()
    assert as_used(sure) == "no border"


@pytest.mark.parametrize("value", ["x", -1, 1e400, float("nan"), [], {}, [["x"]], None, True, "y" * 100_000])
def test_a_record_may_say_anything(value: object):
    for name in USED:
        said = [as_used(USED | {name: value}), *doubts(USED | {name: value})]
        assert all(len(one) < 1000 for one in said)


def test_it_is_kept_with_the_result(tmp_path: Path):
    write_tracked(tracked(still()), tmp_path / "01_RES")
    confirm(tmp_path / "01_RES", {"used": USED})
    assert used_in(known_of(tmp_path / "01_RES") or {}) == USED
    assert json.loads((tmp_path / "01_RES.json").read_text())["known"]["used"] == USED
