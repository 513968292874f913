import io
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from ctc_metrics.metrics import seg
from ctc_metrics.utils.representations import count_acyclic_graph_correction_operations, match
from rich.console import Console

from embedtrack.challenge.aogm import Match, match_labels, operations
from embedtrack.challenge.evaluate import evaluate
from embedtrack.challenge.layout import check, read_labels, read_tracks, write_tracks
from embedtrack.challenge.scores import MEASURES, OPERATIONS, jaccards, table
from embedtrack.types import Labels, Track
from tests.drawings import ALL, Toy, dividing, moving, still, touching, vanishing, write_movie


def save(folder: Path, labels: Iterable[np.ndarray], tracks: list[Track], first: int = 0) -> Path:
    folder.mkdir()
    for t, image in enumerate(labels, start=first):
        tifffile.imwrite(folder / f"mask{t:03d}.tif", image.astype(np.uint16))
    write_tracks(folder / "res_track.txt", tracks)
    return folder


def score(tmp_path: Path, truth: Toy, labels: np.ndarray, tracks: list[Track], **options) -> dict[str, float | None]:
    write_movie(truth, tmp_path)
    return evaluate(tmp_path / "01_GT", save(tmp_path / "01_RES", labels, tracks), **options)


def counts(scores: dict[str, float | None]) -> dict[str, float]:
    return {name: scores[name] for name in OPERATIONS if scores[name] != 0}


def relabelled(toy: Toy, frames: slice, names: dict[int, int]) -> Labels:
    labels = toy.labels.copy()
    for old, new in names.items():
        labels[frames][toy.labels[frames] == old] = new
    return labels


def lineage() -> Toy:
    """1 divides into 2 and 3, 2 lives for two frames and divides into 4 and 5."""
    first, *_, last = dividing().labels
    late = np.where(last == 2, 4, last)
    late[28:] = np.where(late[28:] == 4, 5, late[28:])
    late[24:28][late[24:28] == 4] = 0
    tracks = [Track(1, 0, 1, 0), Track(2, 2, 3, 1), Track(3, 2, 5, 1), Track(4, 4, 5, 2), Track(5, 4, 5, 2)]
    return Toy(np.stack([first, first, last, last, late, late]), tracks)


# The truth itself


@pytest.mark.parametrize("draw", [*ALL, lineage])
def test_the_truth_scores_exactly_1_in_every_measure_that_exists(tmp_path: Path, draw):
    toy = draw()
    scores = score(tmp_path, toy, toy.labels, toy.tracks)
    missing = {"BC", "CCA"} if draw not in (dividing, lineage) else {"CCA"} if draw is dividing else set()
    assert {name: scores[name] for name in MEASURES} == {name: None if name in missing else 1 for name in MEASURES}
    assert scores["AOGM"] == 0
    assert counts(scores) == {}


def test_the_scores_come_in_the_order_of_the_challenge(tmp_path: Path):
    scores = score(tmp_path, *[still(), *still()])
    names = "SEG DET TRA LNK CT TF BC CCA OP_CSB OP_CTB OP_CLB BIO AOGM NS FN FP ED EA EC"
    assert " ".join(scores) == names
    assert {type(value) for value in scores.values()} == {float, int, type(None)}  # what JSON can write


# AOGM by hand: `still` has 8 cells and 6 edges, an empty result costs 8 * 10 + 6 * 1.5 = 89


def test_a_missed_cell_costs_10_and_its_edges(tmp_path: Path):
    labels = relabelled(still(), np.s_[3:], {2: 0})
    scores = score(tmp_path, still(), labels, [Track(1, 0, 3, 0), Track(2, 0, 2, 0)])
    assert counts(scores) == {"FN": 1, "EA": 1}
    assert scores["AOGM"] == 11.5
    assert scores["DET"] == pytest.approx(1 - 10 / 80)
    assert scores["TRA"] == pytest.approx(1 - 11.5 / 89)
    assert scores["LNK"] == pytest.approx(1 - 1.5 / 9)
    assert scores["SEG"] == pytest.approx(7 / 8)
    assert scores["CT"] == pytest.approx(2 * 1 / 4)  # one of 2 and 2 tracks
    assert scores["TF"] == pytest.approx((1 + 3 / 4) / 2)
    assert scores["BIO"] == pytest.approx((2 / 4 + 7 / 8) / 2)
    assert scores["OP_CSB"] == pytest.approx((7 / 8 + 7 / 8) / 2)
    assert scores["OP_CTB"] == pytest.approx((7 / 8 + 1 - 11.5 / 89) / 2)
    assert scores["OP_CLB"] == pytest.approx((1 - 1.5 / 9 + (2 / 4 + 7 / 8) / 2) / 2)


def test_a_gap_costs_the_cell_its_edges_and_the_link_across_it(tmp_path: Path):
    labels = relabelled(still(), np.s_[1:2], {2: 0})
    labels[2:][labels[2:] == 2] = 3
    scores = score(tmp_path, still(), labels, [Track(1, 0, 3, 0), Track(2, 0, 0, 0), Track(3, 2, 3, 2)])
    assert counts(scores) == {"FN": 1, "EA": 2, "ED": 1}
    assert scores["AOGM"] == 14


def test_a_false_cell_costs_1(tmp_path: Path):
    labels = still().labels.copy()
    labels[1, :4, :4] = 9
    scores = score(tmp_path, still(), labels, [*still().tracks, Track(9, 1, 1, 0)])
    assert counts(scores) == {"FP": 1}
    assert scores["AOGM"] == 1
    assert scores["SEG"] == 1
    assert scores["CT"] == pytest.approx(2 * 2 / 5)


def test_a_merged_pair_costs_a_split_and_both_edges(tmp_path: Path):
    labels = relabelled(touching(), np.s_[2:], {2: 1})
    scores = score(tmp_path, touching(), labels, [Track(1, 0, 2, 0), Track(2, 0, 1, 0), Track(3, 0, 2, 0)])
    assert counts(scores) == {"NS": 1, "EA": 2}
    assert scores["AOGM"] == 8
    assert scores["DET"] == pytest.approx(1 - 5 / 90)


def test_a_lost_division_costs_both_links(tmp_path: Path):
    tracks = [track._replace(parent=0) for track in dividing().tracks]
    scores = score(tmp_path, dividing(), dividing().labels, tracks)
    assert counts(scores) == {"EA": 2}
    assert scores["AOGM"] == 3
    assert scores["BC"] == 0
    assert scores["BIO"] == pytest.approx((1 + 1 + 0) / 3)


def test_a_mother_that_goes_on_as_her_daughter_has_an_edge_of_the_wrong_kind(tmp_path: Path):
    labels = relabelled(dividing(), np.s_[3:], {2: 1})
    scores = score(tmp_path, dividing(), labels, [Track(1, 0, 5, 0), Track(3, 3, 5, 0)])
    assert counts(scores) == {"EC": 1, "EA": 1}
    assert scores["AOGM"] == 2.5


def test_the_link_to_an_only_child_is_one_to_a_parent(tmp_path: Path):
    labels = relabelled(still(), np.s_[2:], {2: 3})
    scores = score(tmp_path, still(), labels, [Track(1, 0, 3, 0), Track(2, 0, 1, 0), Track(3, 2, 3, 2)])
    assert counts(scores) == {"EC": 1}
    assert scores["AOGM"] == 1


def test_swapped_labels_cost_two_wrong_links_and_two_lost_ones(tmp_path: Path):
    scores = score(tmp_path, moving(), relabelled(moving(), np.s_[3:], {1: 2, 2: 1}), moving().tracks)
    assert counts(scores) == {"ED": 2, "EA": 2}
    assert scores["AOGM"] == 5
    assert scores["CT"] == 0
    assert scores["TF"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("seed", range(10))
def test_operations_are_those_of_py_ctcmetrics(seed: int):
    rng = np.random.default_rng(seed)
    truth: list[Track] = []
    for label in rng.permutation(np.arange(1, 61)).tolist():
        begin, end = sorted(rng.integers(0, 8, 2).tolist())
        parents = [track.label for track in truth if track.end < begin]
        truth.append(Track(label, begin, end, rng.choice(parents).item() if parents else 0))
    made: list[Track] = []  # the same with half of the tracks in two parts
    for label, begin, end, parent in truth:
        middle = rng.integers(begin, end).item() if end > begin and rng.random() < 0.5 else end
        made.append(Track(label, begin, middle, parent))
        made += [Track(label + 100, middle + 1, end, label)] if middle < end else []
    matches = []
    for t in range(8):
        cells, masks = ([k.label for k in sorted(tracks) if k.begin <= t <= k.end] for tracks in (truth, made))
        found = [cell for cell in cells if rng.random() < 0.9]
        own = {mask % 100: mask for mask in masks}
        finders = [own[cell] if rng.random() < 0.9 else rng.choice(masks).item() for cell in found]
        matches.append(Match(cells, masks, found, finders, []))
    lists = [[getattr(m, part) for m in matches] for part in ("cells", "masks", "found", "finders")]
    theirs = count_acyclic_graph_correction_operations(np.array(truth), np.array(made), *lists)
    ours = operations(matches, truth, made)
    assert ours == {name: theirs[name] for name in ours}
    assert all(ours.values())


# Biological measures by hand


@pytest.mark.parametrize(("tolerance", "bc"), [(0, 0), (1, 1)])
def test_a_division_that_is_late_counts_within_the_tolerance(tmp_path: Path, tolerance: int, bc: float):
    labels = relabelled(dividing(), np.s_[3:4], {2: 1, 3: 0})
    tracks = [Track(1, 0, 3, 0), Track(2, 4, 5, 1), Track(3, 4, 5, 1)]
    assert score(tmp_path, dividing(), labels, tracks, cycle_tolerance=tolerance)["BC"] == bc


@pytest.mark.parametrize(("dataset", "bc"), [("toy", 1), ("Fluo-N2DL-HeLa", 0)])
def test_the_tolerance_is_that_of_the_truth_s_data_set(tmp_path: Path, dataset: str, bc: float):
    """3 frames, or 1 where cells are recorded every half hour."""
    labels = relabelled(dividing(), np.s_[3:5], {2: 1, 3: 0})
    tracks = [Track(1, 0, 4, 0), Track(2, 5, 5, 1), Track(3, 5, 5, 1)]
    write_movie(dividing(), tmp_path / dataset)
    result = save(tmp_path / "01_RES", labels, tracks)
    assert evaluate(tmp_path / dataset / "01_GT", result)["BC"] == bc


def test_gold_masks_of_one_value_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write_movie(dividing(), tmp_path)
    result = save(tmp_path / "01_RES", dividing().labels, dividing().tracks)
    assert evaluate(tmp_path / "01_GT", result)["SEG"] == 1
    assert not caplog.text
    for path in (tmp_path / "01_GT" / "SEG").iterdir():
        tifffile.imwrite(path, (tifffile.imread(path) > 0).astype(np.uint16))
    evaluate(tmp_path / "01_GT", result)
    assert "01_GT: expected a number for each cell, got one value for all of them" in caplog.text


def test_cca_compares_the_lengths_of_cell_cycles(tmp_path: Path):
    toy = lineage()
    labels = relabelled(toy, np.s_[4:5], {4: 2, 5: 0})  # 2 divides a frame late: no cycle is of the true length
    tracks = [Track(1, 0, 1, 0), Track(2, 2, 4, 1), Track(3, 2, 5, 1), Track(4, 5, 5, 2), Track(5, 5, 5, 2)]
    scores = score(tmp_path, toy, labels, tracks)
    assert (scores["CCA"], scores["BC"]) == (0, 1)


# SEG


def test_labels_may_use_all_16_bits_and_leave_no_background():
    truth = np.full((6, 6), 65534, np.int32)
    truth[3:] = 65535
    labels = np.full((6, 6), 65535, np.int32)
    labels[3:] = 1
    assert match_labels(truth, labels) == Match([65534, 65535], [1, 65535], [65534, 65535], [65535, 1], [1, 1])


def test_the_mean_of_jaccards_is_seg_of_py_ctcmetrics(tmp_path: Path):
    rng = np.random.default_rng(0)
    found, cells, indices = [], [], []
    for t in range(4):
        gold, labels = (np.kron(rng.integers(0, 9, (6, 6)), np.ones((5, 5), np.int32)) for _ in range(2))
        labels[rng.random(labels.shape) < 0.7] = 0
        labels = np.where(rng.random(labels.shape) < 0.8, gold, labels).astype(np.int32)
        paths = [tmp_path / f"{name}{t}.tif" for name in ("gold", "labels")]
        for path, image in zip(paths, (gold, labels), strict=True):
            tifffile.imwrite(path, image.astype(np.uint16))
        theirs = match(*map(str, paths))
        cells.append(theirs[0])
        indices.append(theirs[4])
        found += jaccards(gold.astype(np.int32), labels)
    assert 0.3 < np.mean(found) < 0.9
    assert np.mean(found) == pytest.approx(seg(cells, indices), abs=1e-12)


def test_gold_masks_may_be_of_some_frames_and_some_cells(tmp_path: Path):
    labels = relabelled(still(), np.s_[1:2], {1: 0})
    labels[0, 14] = 0  # a row of 15 of cell 1's 149 pixels
    tracks = [Track(1, 0, 0, 0), Track(2, 0, 3, 0), Track(3, 2, 3, 1)]
    labels[2:][labels[2:] == 1] = 3
    write_movie(still(), tmp_path)
    gold = tmp_path / "01_GT" / "SEG"
    for t in (1, 3):
        (gold / f"man_seg{t:03d}.tif").unlink()
    tifffile.imwrite(gold / "man_seg000.tif", np.where(still().labels[0] == 1, 77, 0).astype(np.uint16))
    scores = evaluate(tmp_path / "01_GT", save(tmp_path / "01_RES", labels, tracks))
    assert scores["SEG"] == pytest.approx(((149 - 15) / 149 + 1 + 1) / 3)
    assert scores["FN"] == 1


@pytest.mark.parametrize("gone", ["folder", "labels"])
def test_without_gold_masks_there_is_no_seg(tmp_path: Path, gone: str):
    write_movie(still(), tmp_path)
    for path in (tmp_path / "01_GT" / "SEG").iterdir():
        path.unlink() if gone == "folder" else tifffile.imwrite(path, np.zeros((48, 64), np.uint16))
    scores = evaluate(tmp_path / "01_GT", save(tmp_path / "01_RES", *still()))
    assert [name for name in MEASURES if scores[name] is None] == ["SEG", "BC", "CCA", "OP_CSB", "OP_CTB"]
    assert scores["TRA"] == 1


def test_without_markers_there_is_seg_alone(tmp_path: Path):
    write_movie(still(), tmp_path)
    shutil.rmtree(tmp_path / "01_GT" / "TRA")
    (tmp_path / "01_GT" / "SEG" / "man_seg000.tif").unlink()
    scores = evaluate(tmp_path / "01_GT", save(tmp_path / "01_RES", *still()))
    assert {name: value for name, value in scores.items() if value is not None} == {"SEG": 1}
    with pytest.raises(ValueError, match="expected annotated frames, that is 1 to 3, got 0"):
        evaluate(tmp_path / "01_GT", tmp_path / "01_RES", frames=range(1))


# Empty results


@pytest.mark.parametrize("draw", [still, dividing, lineage, vanishing])
def test_a_result_without_cells_scores_0(tmp_path: Path, draw):
    toy = draw()
    scores = score(tmp_path, toy, np.zeros_like(toy.labels), [])
    assert {scores[name] for name in MEASURES} - {None} == {0}
    assert [scores[name] is None for name in ("BC", "CCA")] == [draw in (still, vanishing), draw is not lineage]
    vertices = sum(track.end - track.begin + 1 for track in toy.tracks)
    links = vertices - len(toy.tracks) + sum(track.parent > 0 for track in toy.tracks)
    assert counts(scores) == {"FN": vertices, "EA": links}
    assert scores["AOGM"] == 10 * vertices + 1.5 * links


def test_a_result_with_empty_last_frames(tmp_path: Path):
    labels = still().labels.copy()
    labels[2:] = 0
    write_movie(still(), tmp_path)
    result = save(tmp_path / "01_RES", labels, [Track(1, 0, 1, 0), Track(2, 0, 1, 0)])
    assert counts(evaluate(tmp_path / "01_GT", result)) == {"FN": 4, "EA": 4}
    scores = evaluate(tmp_path / "01_GT", result, frames=range(2, 4))
    assert {scores[name] for name in MEASURES} == {0, None}
    assert scores["AOGM"] == 43


def test_where_the_truth_has_no_cell_only_errors_can_be_counted(tmp_path: Path):
    labels = vanishing().labels.copy()
    labels[3, :3, :3] = 1
    scores = score(tmp_path, vanishing(), labels, [Track(1, 0, 3, 0)], frames=range(3, 4))
    assert {scores[name] for name in MEASURES} == {None}
    assert counts(scores) == {"FP": 1}
    assert scores["AOGM"] == 1


# Frames


def test_only_the_chosen_frames_are_scored(tmp_path: Path):
    labels = relabelled(dividing(), np.s_[:2], {1: 0})
    tracks = [Track(1, 2, 2, 0), *dividing().tracks[1:]]
    write_movie(dividing(), tmp_path)
    result = save(tmp_path / "01_RES", labels, tracks)
    whole, with_mother, daughters, frame = (
        evaluate(tmp_path / "01_GT", result, frames=frames) for frames in (None, range(2, 6), range(3, 6), range(4, 5))
    )
    assert (whole["FN"], whole["SEG"], whole["CT"]) == (2, pytest.approx(7 / 9), pytest.approx(4 / 6))
    assert {with_mother[name] for name in MEASURES if name != "CCA"} == {1}
    assert {daughters[name] for name in MEASURES if name not in ("BC", "CCA")} == {1}
    assert daughters["BC"] is None
    assert [name for name in MEASURES if frame[name] is None] == ["LNK", "BC", "CCA", "OP_CLB"]
    assert (frame["SEG"], frame["TRA"], frame["CT"]) == (1, 1, 1)


def test_a_result_of_the_last_frames_only(tmp_path: Path):
    write_movie(dividing(), tmp_path)
    tracks = [Track(1, 2, 2, 0), *dividing().tracks[1:]]
    result = save(tmp_path / "01_RES", dividing().labels[2:], tracks, first=2)
    with pytest.raises(ValueError, match=r"got 0 to 1 of one at most; score some of frames 2 to 5 \(--frames"):
        evaluate(tmp_path / "01_GT", result)
    assert evaluate(tmp_path / "01_GT", result, frames=range(2, 6))["TRA"] == 1


def test_a_result_that_is_longer_than_its_truth(tmp_path: Path):
    write_movie(still(), tmp_path)
    labels, tracks = np.concatenate([still().labels] * 2), [Track(1, 0, 7, 0), Track(2, 0, 7, 0)]
    result = save(tmp_path / "01_RES", labels, tracks)
    with pytest.raises(ValueError, match="01_RES: expected frames of both truth and result, got 4 to 7 of one"):
        evaluate(tmp_path / "01_GT", result)
    with pytest.raises(ValueError, match="got 4 to 999999998 of one"):
        evaluate(tmp_path / "01_GT", result, frames=range(2, 999999999))
    assert evaluate(tmp_path / "01_GT", result, frames=range(4))["TRA"] == 1


@pytest.mark.parametrize("frames", [range(0), range(3, 2), range(0, 4, 2)])
def test_frames_must_be_a_run(tmp_path: Path, frames: range):
    with pytest.raises(ValueError, match="expected one or more frames in steps of 1, got range"):
        score(tmp_path, still(), *still(), frames=frames)


# Refusals


def test_an_invalid_result_is_refused_with_all_its_faults(tmp_path: Path):
    write_movie(still(), tmp_path)
    result = save(tmp_path / "01_RES", *still())
    (result / "mask002.tif").unlink()
    (result / "res_track.txt").write_text("1 0 3 0\n2 0 3 x\n3 0 1 7\n")
    faults = check(result)
    assert len(faults) > 3
    with pytest.raises(ValueError) as error:
        evaluate(tmp_path / "01_GT", result)
    assert str(error.value).splitlines() == faults


def test_a_result_of_another_shape_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"mask000.tif: expected 48 x 64 uint16, got 47 x 64 uint16"):
        score(tmp_path, still(), still().labels[:, 1:], still().tracks)


def test_gold_masks_of_another_shape_are_refused(tmp_path: Path):
    write_movie(still(), tmp_path)
    tifffile.imwrite(tmp_path / "01_GT" / "SEG" / "man_seg002.tif", np.zeros((47, 64), np.uint16))
    with pytest.raises(ValueError, match=r"mask002.tif: expected the shape of .*man_seg002.tif, \(47, 64\), got \(48"):
        evaluate(tmp_path / "01_GT", save(tmp_path / "01_RES", *still()))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda gt: shutil.rmtree(gt), "01_GT: expected a folder with TRA or SEG, got none of this name"),
        (lambda gt: shutil.rmtree(gt.with_name("01_RES")), "01_RES: expected a folder, got 'No such file"),
        (lambda gt: (gt / "TRA" / "man_track.txt").unlink(), "man_track.txt: expected the tracks of the 4 images"),
        (lambda gt: [p.unlink() for p in (gt / "TRA").glob("*.tif")], "man_track.txt: expected man_track000.tif"),
        (lambda gt: [p.unlink() for p in gt.glob("*/*")], "expected annotations 01_GT/TRA/man_track000.tif"),
        (
            lambda gt: (gt / "TRA" / "man_track.txt").write_text("1 0 3 0\n2 0 2 0\n"),
            "man_track003.tif: expected the labels of man_track.txt for this frame, got 2 in one of both only",
        ),
        (
            lambda gt: (gt / "TRA" / "man_track.txt").write_text("1 0 3 0\n2 0 3 1\n"),
            "man_track.txt: expected parent 1 of label 2 to end before 0, got an end at 3",
        ),
        (
            lambda gt: (gt / "TRA" / "man_track001.tif").unlink(),
            "01_RES: expected frames of both truth and result, got 1 of one at most",
        ),
    ],
    ids=["truth", "result", "tracks", "markers", "files", "label", "parent", "hole"],
)
def test_missing_and_wrong_folders(tmp_path: Path, spoil, message: str):
    write_movie(still(), tmp_path)
    result = save(tmp_path / "01_RES", *still())
    spoil(tmp_path / "01_GT")
    with pytest.raises(ValueError) as error:
        evaluate(tmp_path / "01_GT", result)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["01", "01_RES", "01_ST"])
def test_another_folder_than_the_truth_is_answered_with_its_name(tmp_path: Path, name: str):
    write_movie(still(), tmp_path)
    save(tmp_path / "01_RES", *still())
    with pytest.raises(ValueError, match=r"expected a folder of gold truth first, then the result; is it .*/01_GT\?"):
        evaluate(tmp_path / name, tmp_path / "01_RES")


def test_silver_truth_alone_is_not_enough(tmp_path: Path):
    write_movie(still(), tmp_path)
    (tmp_path / "01_GT").rename(tmp_path / "01_ST")
    (tmp_path / "01_GT").mkdir()
    with pytest.raises(ValueError, match=r"01_GT: expected TRA/man_track000.tif, .* got neither"):
        evaluate(tmp_path / "01_GT", save(tmp_path / "01_RES", *still()))


def test_folders_may_be_given_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_movie(still(), tmp_path)
    save(tmp_path / "01_RES", *still())
    monkeypatch.chdir(tmp_path / "01_GT")
    assert evaluate(Path("."), Path("../01_RES"))["TRA"] == 1


# Output


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    score(tmp_path, *[still(), *still()])
    assert capfd.readouterr() == ("", "")


def test_the_table_shows_every_score(tmp_path: Path):
    labels = relabelled(still(), np.s_[3:], {2: 0})
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(score(tmp_path, still(), labels, [Track(1, 0, 3, 0), Track(2, 0, 2, 0)])))
    rows = dict(line.replace("│", " ").split() for line in console.export_text().splitlines() if "│" in line)
    assert (rows["DET"], rows["CCA"], rows["AOGM"], rows["FN"], len(rows)) == ("0.875000", "-", "11.5", "1", 19)


# Real results


def data(*folders: str) -> list[Path]:
    root = os.environ.get("DATA_ROOT")
    if root is None:
        pytest.skip("DATA_ROOT is not set")
    paths = [Path(root) / folder for folder in folders]
    for path in paths:
        if not path.is_dir():
            pytest.skip(f"{path} is missing")
    return paths


@pytest.mark.slow
def test_psc_scores_as_the_official_programs_say():
    truth, result = data("evaluation-PhC-C2DL-PSC/01_GT", "evaluation-PhC-C2DL-PSC/01_RES")
    scores = evaluate(truth, result, cycle_tolerance=2)
    assert [f"{scores[name]:.6f}" for name in ("SEG", "TRA", "DET")] == ["0.502177", "0.726467", "0.784390"]
    log = (result / "TRA_log.txt").read_text().split("-\n")[1:]  # a line per operation, in the order of OPERATIONS
    assert [scores[name] for name in OPERATIONS] == [
        part.count("T=") // part.splitlines()[0].count("T=") for part in log
    ]


def test_hela_scores():
    truth, result = data("Fluo-N2DL-HeLa/01_GT", "evaluation-Fluo-N2DL-HeLa/01_RES")
    scores = evaluate(truth, result, cycle_tolerance=1)
    assert counts(scores) == {"FN": 39, "ED": 60, "EA": 87, "EC": 51}
    assert scores["AOGM"] == 631.5
    assert [f"{scores[name]:.6f}" for name in ("TRA", "DET")] == ["0.993636", "0.995486"]


def test_hela_scores_as_traccuracy_says_with_only_children_joined_to_their_parents(tmp_path: Path):
    truth, result = data("Fluo-N2DL-HeLa/01_GT", "evaluation-Fluo-N2DL-HeLa/01_RES")
    tracks = {track.label: track for track in read_tracks(result / "res_track.txt")}
    children = Counter(track.parent for track in tracks.values())
    name = np.arange(max(tracks) + 1)
    for label, track in sorted(tracks.items(), key=lambda item: item[1].begin):
        if track.parent and children[track.parent] == 1:
            name[label] = name[track.parent]
            tracks[name[label]] = tracks[name[label]]._replace(end=track.end)
    kept = [track._replace(parent=int(name[track.parent])) for label, track in tracks.items() if name[label] == label]
    masks = (name[read_labels(path)] for path in sorted(result.glob("*.tif")))
    scores = evaluate(truth, save(tmp_path / "01_RES", masks, kept), cycle_tolerance=1)
    assert counts(scores) == {"FN": 39, "ED": 60, "EA": 87, "EC": 47}
    assert scores["AOGM"] == 627.5
    assert [f"{scores[name]:.6f}" for name in ("TRA", "DET")] == ["0.993676", "0.995486"]
