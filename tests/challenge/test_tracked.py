"""Results and truth as one record; what is not valid is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from embedtrack.challenge import layout
from embedtrack.challenge.pair import open_raw
from embedtrack.challenge.tracked import open_tracked, require_valid, write_tracked
from embedtrack.files.lazy import Lazy
from embedtrack.movies.units import Units, parse_interval
from embedtrack.tracked import Tracked
from embedtrack.types import CONFIDENCE, Track
from tests.drawings import Toy, dividing, still, write_movie


def tracked(toy: Toy, first: int = 0, digits: int = 3) -> Tracked:
    height, width = toy.labels.shape[1:]
    return Tracked(list(toy.labels), toy.tracks, (height, width), first, digits)


def test_a_result_that_was_written_is_read_again_with_its_frame_numbers(tmp_path: Path):
    write_tracked(tracked(dividing(), first=7, digits=4), tmp_path / "01_RES")
    assert (tmp_path / "01_RES" / "mask0012.tif").exists()
    assert layout.read_tracks(tmp_path / "01_RES" / "res_track.txt")[0] == Track(1, 7, 9, 0)
    again = open_tracked(tmp_path / "01_RES", Units(0.5, 60))
    assert (again.tracks, again.first, again.digits, again.shape) == (dividing().tracks, 7, 4, (48, 64))
    assert np.array_equal(np.stack(list(again.masks)), dividing().labels)
    assert again.spell(5) == "0012"
    assert again.units.pixel == 0.5


def test_how_sure_its_decisions_are_comes_back(tmp_path: Path):
    toy = dividing()
    cells = [(t, one.label) for one in toy.tracks for t in range(one.begin, one.end + 1)]
    sure = np.array([(t, label, 1 - label / 8, t / 16) for t, label in sorted(cells)], CONFIDENCE)
    write_tracked(replace(tracked(toy, first=7), confidence=sure), tmp_path / "01_RES")
    again = open_tracked(tmp_path / "01_RES")
    np.testing.assert_array_equal(again.confidence, sure)
    graph = again.graph
    assert graph.nodes[2, 1]["confidence"] == 0.875
    assert [graph.edges[edge]["confidence"] for edge in graph.in_edges((3, 2))] == [3 / 16]


def test_faults_name_frames_by_their_numbers():
    odd = replace(tracked(dividing(), first=7), tracks=[Track(1, 0, 2, 0), Track(2, 1, 5, 1), Track(3, 3, 5, 1)])
    with pytest.raises(ValueError, match="expected parent 1 of label 2 to end before 8, got an end at 9"):
        require_valid(odd, "truth")


def test_nothing_is_said_of_cells_that_are_gone(tmp_path: Path):
    """A record of a result that an older version corrected."""
    before = tracked(dividing())  # 1 divides after frame 2 into 2 and 3
    sure = np.array(
        [(2, 1, 0.5, 0.5), (3, 1, 0.25, 0.5), (3, 2, 0.75, 0.5), (1, 2, 0.5, 0.5), (2, 9, 0.5, 0.5)], CONFIDENCE
    )
    left = replace(before, confidence=sure)
    assert left.confidence is not None
    assert left.confidence.tolist() == [(2, 1, 0.5, 0.5), (3, 2, 0.75, 0.5)]
    assert {node for node, known in left.graph.nodes.items() if "confidence" in known} == {(2, 1), (3, 2)}
    nothing = replace(left, tracks=[])
    assert nothing.confidence is not None
    assert not len(nothing.confidence)


@pytest.mark.parametrize("name", ["01_GT", "01_GT/TRA"])
def test_truth_is_read_like_a_result(tmp_path: Path, name: str):
    write_movie(dividing(), tmp_path)
    truth = open_tracked(tmp_path / name)
    assert truth.tracks == dividing().tracks
    assert np.array_equal(truth.masks[4], dividing().labels[4])
    assert np.array_equal(open_raw(tmp_path / "01", truth).frames[2], dividing().frames()[2])


def test_another_movie_is_refused(tmp_path: Path):
    write_movie(dividing(), tmp_path)
    short = write_movie(still(), tmp_path / "other")
    with pytest.raises(ValueError, match=r"expected the movie of the result, frames 0 to 5 of 48 x 64, got 0 to 3"):
        open_raw(short, open_tracked(tmp_path / "01_GT"))


def test_what_is_not_valid_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="got nothing of this name"):
        open_tracked(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="got neither"):
        open_tracked(tmp_path)
    write_tracked(tracked(dividing()), tmp_path / "RES")
    tifffile.imwrite(tmp_path / "RES" / "mask002.tif", np.full((48, 64), 9, np.uint16))
    with pytest.raises(ValueError, match="got label 9 in frame 2"):
        open_tracked(tmp_path / "RES")
    write_movie(dividing(), tmp_path)
    tifffile.imwrite(tmp_path / "01_GT" / "TRA" / "man_track002.tif", np.zeros((48, 64), np.uint16))
    with pytest.raises(ValueError, match="expected label 1 in track and mask alike, got it in its track only in frame"):
        open_tracked(tmp_path / "01_GT")
    (tmp_path / "01_GT" / "TRA" / "man_track003.tif").unlink()
    with pytest.raises(ValueError, match="consecutive frames"):
        open_tracked(tmp_path / "01_GT")


def test_labels_and_tracks_must_agree():
    toy = dividing()
    require_valid(tracked(toy), "toy")
    with pytest.raises(ValueError, match="toy: expected label 3 in track and mask alike, got it in the mask only"):
        require_valid(tracked(toy._replace(tracks=toy.tracks[:2])), "toy")
    with pytest.raises(ValueError, match="toy: expected a listed label or 0 as parent of label 2, got 8"):
        require_valid(tracked(toy._replace(tracks=[toy.tracks[0], Track(2, 3, 5, 8), toy.tracks[2]])), "toy")


def test_images_are_read_when_asked_for():
    asked: list[int] = []
    images = Lazy(4, lambda i: asked.append(i) or np.full((1, 1), i))
    assert [int(image[0, 0]) for image in images[1:3]] == [1, 2]
    assert int(images[-1][0, 0]) == 3
    assert asked == [1, 2, 3]
    with pytest.raises(IndexError):
        images[4]


@pytest.mark.parametrize(("text", "seconds"), [("29min", 1740), ("90s", 90), ("0.5h", 1800), ("12", 12), (".5 s", 0.5)])
def test_an_interval_has_a_unit(text: str, seconds: float):
    assert parse_interval(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-3", "3 weeks", "min"])
def test_other_intervals_are_refused(text: str):
    with pytest.raises(ValueError, match="expected --interval as 29min"):
        parse_interval(text)
