"""The comparison of trackers in small: each on drawn toys with known tracks; what is said of one that cannot run."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import linking
from benchmarks.linking import Case, case_of, chota, compare, score, tabulate, true_masks
from benchmarks.perturb import Rates
from benchmarks.trackers import TRACKERS, Competitor, Given, Linked, as_tracked, renumbered
from embedtrack.challenge.layout import open_truth
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.tracked import Tracked
from embedtrack.types import Track
from tests.drawings import Toy, dividing, moving, write_movie


def given(toy: Toy) -> Given:
    return Given(renumbered(list(toy.labels)))


def test_centres_belong_to_nodes():
    labels = np.zeros((2, 5, 9), np.int32)
    labels[0, 1:4, 1:4], labels[1, 0:2, 6:9], labels[1, 4, 0] = 1, 1, 2
    one = Given(labels)
    assert one.nodes == [(0, 1), (1, 1), (1, 2)]
    assert one.centres().tolist() == [[2, 2], [0.5, 7], [4, 0]]


@pytest.mark.parametrize("name", ["embedtrack, overlap", "laptrack", "byotrack", "motile"])
def test_each_tracker_follows_two_cells(name: str):
    if TRACKERS[name].package:
        pytest.importorskip(str(TRACKERS[name].package))
    toy = moving()
    if name == "laptrack":  # it takes overlap alone, which these cells have little of
        toy = toy._replace(labels=np.stack([toy.labels[0]] * 6))
    found = as_tracked(name, given(toy), TRACKERS[name].link(given(toy)))
    assert found.tracks == toy.tracks


@pytest.mark.parametrize("name", ["laptrack", "motile"])
def test_each_tracker_that_divides_finds_a_division(name: str):
    pytest.importorskip(name)
    found = as_tracked(name, given(dividing()), TRACKERS[name].link(given(dividing())))
    assert found.tracks == dividing().tracks


def test_a_skipped_frame_begins_a_new_track():
    labels = np.ones((3, 4, 4), np.int32)
    labels[:, 0] = 0
    found = as_tracked("any", Given(labels), Linked([(0, 1), (2, 1)], [((0, 1), (2, 1))]))
    assert found.tracks == [Track(1, 0, 0, 0), Track(2, 2, 2, 1)]
    assert not found.masks[1].any()


@pytest.fixture
def sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    return write_movie(dividing(), tmp_path / "toy")


def perfect(toy: Toy) -> Tracked:
    return Tracked(list(toy.labels), toy.tracks, (48, 64))


def test_truth_itself_has_the_full_score(sequence: Path, tmp_path: Path):
    toy = dividing()
    case = case_of("toy/01", 99, Rates(), 0, tmp_path)
    assert case.frames == range(6)
    scores = score(case, perfect(toy), tmp_path)
    assert [scores[name] for name in ("LNK", "CT", "TF", "BC", "OP_CLB", "CHOTA")] == [1] * 6


def test_chota_of_a_lost_family(sequence: Path, tmp_path: Path):
    """A mother of three frames and two daughters of three each, whom nothing in the result joins to her."""
    orphans = [track._replace(parent=0) for track in dividing().tracks]
    write_tracked(Tracked(list(dividing().labels), orphans, (48, 64)), tmp_path / "toy" / "01_RES")
    # The mother: 3 of the family's 9 cells. A daughter: 3 of the 6 of herself and her mother.
    expected = np.sqrt((3 * 3 / 9 + 6 * 3 / 6) / 9)
    assert chota(tmp_path / "toy" / "01_GT", tmp_path / "toy" / "01_RES", range(6)) == pytest.approx(expected)


def test_true_masks_are_the_truths(sequence: Path):
    np.testing.assert_array_equal(true_masks(open_truth(sequence), 4), dividing().labels[4])


def test_names_mean_masks(sequence: Path, tmp_path: Path):
    write_tracked(open_tracked(tmp_path / "toy" / "01_GT"), tmp_path / "toy" / "01_ERR_SEG")
    case = case_of("toy/01_ERR_SEG", 4, Rates(), 0, tmp_path)
    assert (case.movie, case.model, case.labels.shape) == (sequence, None, (4, 48, 64))
    case = case_of("simulated:3", 2, Rates(drop=1), 0, tmp_path / "scratch")
    assert not case.labels.any()
    assert len(case.labels) == 2
    for name, said in (("simulated:x", "expected simulated:SEED"), ("toy/07", "nothing of this name")):
        with pytest.raises(ValueError, match=said):
            case_of(name, 2, Rates(), 0, tmp_path)


def test_a_tracker_that_cannot_run_is_named_with_the_reason(
    sequence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(TRACKERS, "absent", Competitor(lambda given: Linked([], []), "no_such_package"))
    case = case_of("toy/01", 3, Rates(), 0, tmp_path)
    rows = list(compare(case, ["absent", "embedtrack, offsets"], 60))
    assert [row["fault"] for row in rows] == ["not installed: just trackers", "no shipped model for these cells"]
    table = tabulate([*rows, {"masks": "toy/01", "tracker": "x", "LNK": 0.5, "seconds": 1.25, "MB": 7.0}])
    assert list(table.columns[2].cells) == ["not installed: just trackers", "no shipped model for these cells", "0.500"]
    assert list(table.columns[-2].cells)[-1] == "1.2"


def test_a_tracker_that_fails_says_why(sequence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Failed:
        returncode, stderr = 1, "Traceback ...\nImportError: no libstdc++\nException\n"

    monkeypatch.setattr(linking.subprocess, "run", lambda *words, **options: Failed())
    case = Case("toy/01", given(moving()).labels, sequence, 0, None)
    [row] = compare(case, ["embedtrack, overlap"], 60)
    assert row["fault"] == "ImportError: no libstdc++"
