"""What stands on the page, computed by hand on drawn movies."""

import struct
from base64 import b64decode

import cv2
import numpy as np
import pandas as pd
import pytest

from embedtrack.looks.colours import colours
from embedtrack.looks.errors import Error, find_errors
from embedtrack.looks.overlay import Span, cells_of
from embedtrack.looks.report import charts, content, faults, images
from embedtrack.looks.report.hints import find_hints, limit
from embedtrack.looks.report.outlines import pack, simplify
from embedtrack.looks.report.sights import agreement, look
from embedtrack.looks.report.tree import grow
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import Track
from tests.drawings import Toy, dividing, draw, moving, still


def tracked(toy: Toy, units: Units | None = None) -> Tracked:
    height, width = toy.labels.shape[1:]
    return Tracked(list(toy.labels), toy.tracks, (height, width), units=units or Units())


def unpack(block: bytes) -> list[tuple[int, list[tuple[int, int]]]]:
    """Label and corners (x, y) of each part."""
    parts, at = [], 0
    while at < len(block):
        label, corners, x, y = struct.unpack_from("<4H", block, at)
        at += 8
        places = [(x, y)]
        for dx, dy in struct.iter_unpack("bb", block[at : at + 2 * (corners - 1)]):
            places.append((places[-1][0] + dx, places[-1][1] + dy))
        at += 2 * (corners - 1)
        parts.append((label, places))
    return parts


def test_a_square_is_packed_into_its_four_corners():
    labels = np.zeros((300, 400), np.int32)
    labels[20:41, 300:331] = 65535
    ((label, corners),) = unpack(pack(cells_of(labels)))
    assert label == 65535
    assert sorted(corners) == [(300, 20), (300, 40), (330, 20), (330, 40)]


def test_long_sides_are_cut_into_steps_that_fit_a_byte():
    labels = np.zeros((600, 700), np.int32)
    labels[10:510, 20:620] = 1
    ((_, corners),) = unpack(pack(cells_of(labels)))
    steps = np.diff(np.array(corners), axis=0)
    assert np.abs(steps).max() <= 127
    assert {(20, 10), (20, 509), (619, 10), (619, 509)} <= set(corners)
    assert all(x in (20, 619) or y in (10, 509) for x, y in corners)


def test_a_packed_disc_has_the_area_of_its_mask():
    cells = cells_of(draw((80, 80), {3: ((40, 40), 25)}))
    corners = simplify(cells[3].outline[0])
    assert len(corners) < 40
    area = cv2.contourArea(corners.astype(np.int32)) + len(cells[3].outline[0]) / 2
    assert area == pytest.approx(cells[3].area, rel=0.03)


def test_frames_are_as_good_as_the_budget_allows():
    noise = np.random.default_rng(0).normal(500, 100, (3, 64, 96)).astype(np.float32)
    raw, grey = list(noise), Span(200, 800)
    assert images.choose(raw, grey, 1e9) == images.LADDER[0]
    assert images.choose(raw, grey, 10) == images.LADDER[-1]
    budget = 3 * 2500
    grade = images.choose(raw, grey, budget)
    assert sum(len(images.encode(frame, grey, grade)) for frame in raw) <= budget
    better = images.LADDER[images.LADDER.index(grade) - 1]
    assert max(len(images.encode(frame, grey, better)) for frame in raw) * 3 > budget
    half = images.encode(raw[0], grey, images.Grade(90, 0.5))
    assert cv2.imdecode(np.frombuffer(half, np.uint8), cv2.IMREAD_UNCHANGED).shape == (32, 48)


def test_each_cell_is_seen_with_its_place_and_its_distance_from_the_edge():
    labels = np.zeros((2, 20, 30), np.int32)
    labels[0, 3:7, 2:8] = labels[1, 3:7, 5:11] = 1
    labels[1, 10:20, 20:24] = 2
    movie = Tracked(list(labels), [Track(1, 0, 1, 0), Track(2, 1, 1, 0)], (20, 30))
    table = look(movie).table.set_index(["frame", "label"])
    assert table.loc[(0, 1), ["y", "x", "area", "rim", "parts"]].tolist() == [4.5, 4.5, 24, 2, 1]
    assert table.loc[(1, 1), ["rim", "speed", "agreement"]].tolist() == [3, 3, 1]
    assert table.loc[(1, 2), "rim"] == 0
    assert np.isnan(table.loc[(1, 2), "agreement"])


def test_agreement_is_the_overlap_of_the_masks_laid_on_each_other():
    before, after = np.zeros((30, 40), np.int32), np.zeros((30, 40), np.int32)
    before[2:12, 2:12] = 5
    after[15:25, 20:25] = 5  # half of it: centroids (6.5, 6.5) and (19.5, 22)
    value = agreement(before, cells_of(before)[5], after, cells_of(after)[5], 5)
    assert value == pytest.approx(0.5)


def test_large_parts_count_and_specks_do_not():
    labels = np.zeros((1, 60, 60), np.int32)
    labels[0, 5:25, 5:25] = 1
    labels[0, 40, 40] = 1
    labels[0, 5:25, 35:55] = 2
    labels[0, 10:20, 40:50] = 0
    table = look(Tracked(list(labels), [Track(1, 0, 0, 0), Track(2, 0, 0, 0)], (60, 60))).table
    assert table["parts"].tolist() == [1, 2]


def test_the_tree_puts_a_mother_between_her_daughters_and_dividing_families_first():
    tracks = [
        Track(1, 0, 9, 0), Track(2, 0, 3, 0), Track(3, 4, 6, 2), Track(4, 4, 9, 2), Track(5, 7, 9, 3),
        Track(6, 7, 9, 3), Track(7, 2, 4, 0), Track(8, 6, 9, 7),
    ]  # fmt: skip
    tree = grow(tracks)
    row = {branch.track: branch.row for branch in tree.branches}
    assert row == {5: 0, 6: 1, 3: 0.5, 4: 2, 2: 1.25, 1: 3, 7: 4}
    assert (tree.rows, tree.dividing) == (5, 3)
    lost = next(branch for branch in tree.branches if branch.track == 7)
    assert lost.pieces == ((2, 4, 7), (6, 9, 8))
    assert grow([]).rows == 0


def test_a_very_deep_family_is_laid_out():
    tracks = [Track(1, 0, 0, 0)]
    for generation in range(1, 1500):
        tracks += [Track(2 * generation + side, generation, generation, max(2 * generation - 2, 1)) for side in (0, 1)]
    tree = grow(tracks)
    assert len(tree.branches) == len(tracks)
    assert tree.rows == tree.dividing == 1500


def test_axes_have_round_marks():
    assert charts.axis(0, 23).marks == [0, 5, 10, 15, 20]
    assert charts.axis(0, 1).marks == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert charts.axis(130, 190, 4).marks == [140, 160, 180]


def test_a_histogram_counts_every_value_once():
    values = np.array([0.0, 1, 1, 2, 9, 10, np.nan])
    found = charts.histogram(values, whole=True)
    assert found is not None
    assert found.edges[0] == -0.5
    assert found.counts == [1, 2, 1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert (found.median, found.quartiles, found.number, found.beyond) == (1.5, (1, 7.25), 6, 0)
    many = charts.histogram(np.concatenate([np.linspace(5, 6, 999), [400.0]]))
    assert many is not None
    assert many.edges[0] <= 5
    assert many.edges[-1] < 7
    assert (sum(many.counts), many.beyond, many.number) == (1000, 1, 1000)
    assert charts.histogram(np.array([np.nan])) is None
    flat = charts.histogram(np.zeros(4))
    assert flat is not None
    assert sum(flat.counts) == 4


def test_cells_are_counted_in_frames_without_any_too():
    assert charts.counts_over_time([0, 0, 2], 4) == [2, 0, 1, 0]


def test_numbers_are_spelled_with_three_digits():
    assert [charts.spell(value) for value in (1721.4, 3.2619, 0.05, 4.0)] == ["1721", "3.26", "0.05", "4"]


@pytest.fixture
def wrong() -> list[Error]:
    """One cell of four merged with its neighbour in the last frame, a false mask in frame 1."""
    labels = still().labels.copy()
    labels[3][labels[3] == 2] = 1
    labels[1, 2:5, 2:5] = 8
    result = Toy(labels, [Track(1, 0, 3, 0), Track(2, 0, 2, 0), Track(8, 1, 1, 0)])
    return find_errors(tracked(still()), tracked(result))


def test_lost_points_add_up_by_kind_and_by_frame(wrong: list[Error]):
    sums = {one.kind: one for one in faults.by_kind(wrong)}
    assert {kind: (one.number, one.cost, one.follow) for kind, one in sums.items()} == {
        "false": (1, 1, 0), "merged": (1, 5, 0), "lost link": (2, 3, 2),
    }  # fmt: skip
    assert sum(one.share for one in sums.values()) == pytest.approx(1)
    assert [sum(points) for points in faults.by_frame(wrong, 4)] == [0, 1, 0, 8]
    assert faults.by_kind([]) == []


def test_errors_lie_at_their_cells_and_say_what_they_are_about(wrong: list[Error]):
    cells = {(3, 1): (14.0, 16.0), (3, 2): (32.0, 44.0), (2, 1): (14.0, 16.0), (2, 2): (32.0, 44.0)}
    masks = {(3, 1): (23.0, 30.0), (1, 8): (3.0, 3.0)}
    places = {(error.kind, error.cells): faults.place(error, cells, masks) for error in wrong}
    assert places["false", ()] == (3, 3)
    assert places["merged", ((3, 1), (3, 2))] == (23, 30)
    assert places["lost link", ((2, 2), (3, 2))] == (32, 44)
    texts = [faults.text(error) for error in wrong]
    assert texts[:2] == ["mask 8", "mask 1 on cells 1, 2"]
    assert texts[2] == "of cell 1, after a missed or merged cell"
    gap = Error("wrong link", "ED", 1, 3, ((1, 2), (3, 4)), ((1, 2), (3, 3)), False)
    assert faults.text(gap) == "from cell 2 to 4 over 2 frames"


def test_divisions_have_a_state_only_where_there_is_truth():
    toy = dividing()
    places = content.places_of(look(tracked(toy)).table)
    (right,) = content.divisions(tracked(toy), places, [])
    assert (right["frame"], right["mother"], right["daughters"], right["state"]) == (3, 1, [2, 3], "right")
    assert (right["y"], right["x"]) == (24, 32)
    assert content.divisions(tracked(toy), places, None)[0]["state"] is None
    exclusive = Toy(toy.labels, [Track(1, 0, 2, 0), Track(2, 3, 5, 1), Track(3, 3, 5, 0)])
    assert content.divisions(tracked(toy), places, find_errors(tracked(exclusive), tracked(toy)))[0]["state"] == "false"
    bare = Toy(np.where(toy.labels == 2, 0, toy.labels), [Track(1, 0, 2, 0), Track(3, 3, 5, 1)])
    assert content.divisions(tracked(toy), places, find_errors(tracked(bare), tracked(toy)))[0]["state"] == "spoilt"
    (lost,) = content.lost_divisions(find_errors(tracked(toy), tracked(exclusive)), toy.tracks, places)
    assert (lost["mother"], lost["daughters"], lost["state"]) == (1, [2, 3], "lost")


def test_a_lost_division_whose_cells_were_lost_and_found_again():
    """The mother is missed before she divides, and a daughter after it: pieces under new labels are no daughters."""
    toy = dividing()
    labels = toy.labels.copy()
    labels[1] = 0
    labels[2] = np.where(labels[2] == 1, 4, labels[2])
    labels[4] = np.where(labels[4] == 2, 0, labels[4])
    labels[5] = np.where(labels[5] == 2, 5, labels[5])
    tracks = [Track(1, 0, 0, 0), Track(4, 2, 2, 1), Track(2, 3, 3, 4), Track(3, 3, 5, 4), Track(5, 5, 5, 2)]
    truth = Toy(labels, tracks)
    apart = Toy(labels, [track._replace(parent=0) if track.label in (2, 3) else track for track in tracks])
    places = content.places_of(look(tracked(truth)).table)
    (lost,) = content.lost_divisions(find_errors(tracked(truth), tracked(apart)), tracks, places)
    assert (lost["mother"], lost["last"], lost["daughters"]) == (1, (2, 4), [2, 3])
    assert (lost["y"], lost["x"]) == (24, 32)


def test_the_script_gets_what_the_movie_holds():
    toy = moving()
    given = content.movie(tracked(toy, Units(0.5, 60)), look(tracked(toy)), colours(toy.tracks))
    assert (given["frames"], given["height"], given["width"], given["pixel"]) == (6, 48, 80, 0.5)
    assert given["size"] == pytest.approx(14, abs=0.5)
    labels, x, y, area = given["cells"][2]
    assert (labels, x, y) == ([1, 2], [24, 52], [16, 34])
    assert area[0] == (toy.labels[2] == 1).sum()
    assert given["colours"] == {1: "#e69f00", 2: "#56b4e9"}
    assert [label for label, _ in unpack(b64decode(given["outlines"][0]))] == [1, 2]


def hints_of(toy: Toy, border: int = 0) -> list[tuple[str, int, int]]:
    table = look(tracked(toy)).table
    return [hint[:3] for hint in find_hints(table, toy.tracks, len(toy.labels), border)]


def test_a_good_movie_gives_no_hints():
    for toy in (still(), moving(), dividing()):
        assert hints_of(toy) == []


def test_cells_that_begin_or_end_inside_are_named_unless_they_were_near_the_edge():
    labels = still().labels.copy()
    labels[0][labels[0] == 2] = 0
    labels[3][labels[3] == 2] = 0
    toy = Toy(labels, [Track(1, 0, 3, 0), Track(2, 1, 2, 0)])
    assert hints_of(toy) == [("begins inside", 1, 2), ("ends inside", 2, 2)]
    assert hints_of(toy, border=8) == []  # the cell lies 7 pixels from the lower edge


def test_a_cell_that_was_lost_is_named_where_it_is_found_again():
    labels = still().labels.copy()
    labels[1:3][labels[1:3] == 2] = 0
    labels[3][labels[3] == 2] = 3
    toy = Toy(labels, [Track(1, 0, 3, 0), Track(2, 0, 0, 0), Track(3, 3, 3, 2)])
    assert hints_of(toy) == [("lost between", 3, 3)]
    labels[1:3][still().labels[1:3] == 2] = 3
    assert hints_of(Toy(labels, [Track(1, 0, 3, 0), Track(2, 0, 0, 0), Track(3, 1, 3, 2)])) == [("one daughter", 1, 3)]


def test_a_sudden_change_of_size_is_named_away_from_divisions_only():
    frames = [draw((60, 60), {1: ((30, 30), 12 if t == 4 else 8)}) for t in range(9)]
    toy = Toy(np.stack(frames), [Track(1, 0, 8, 0)])
    assert hints_of(toy) == [("size jumps", 4, 1), ("size jumps", 5, 1)]
    born = [draw((60, 60), {2: ((30, 10), 5), 3: ((30, 45), 5)}) for _ in range(2)]
    mitosis = Toy(np.stack([*frames[:5], *born]), [Track(1, 0, 4, 0), Track(2, 5, 6, 1), Track(3, 5, 6, 1)])
    assert hints_of(mitosis) == []


def test_a_leap_is_named():
    places = [12, 14, 16, 18, 50, 52, 54, 56]
    toy = Toy(np.stack([draw((30, 80), {1: ((15, x), 6)}) for x in places]), [Track(1, 0, 7, 0)])
    assert hints_of(toy) == [("position jumps", 4, 1)]


def test_a_turned_shape_agrees_little():
    frames = [draw((60, 60), {1: ((30, 30), (14, 5) if t < 4 else (5, 14))}) for t in range(8)]
    assert hints_of(Toy(np.stack(frames), [Track(1, 0, 7, 0)])) == [("shape agrees little", 4, 1)]


@pytest.mark.parametrize(("radius", "found"), [(6, [("grown daughters", 3, 6)]), (4, [])])
def test_daughters_as_large_as_other_cells_were_two_that_shared_a_mask(radius: int, found: list[tuple[str, int, int]]):
    others = {label: ((12, 14 * label), 6) for label in range(1, 5)}
    shared = {5: ((34, 30), (6, 13))}
    parted = {6: ((34, 23), radius), 7: ((34, 38), radius)}
    labels = np.stack([draw((50, 80), others | (shared if t < 3 else parted)) for t in range(6)])
    tracks = [*(Track(label, 0, 5, 0) for label in others), Track(5, 0, 2, 0), Track(6, 3, 5, 5), Track(7, 3, 5, 5)]
    assert hints_of(Toy(labels, tracks)) == found


def test_unlike_daughters_and_several_parts_are_named():
    toy = dividing()
    labels = toy.labels.copy()
    labels[3:][labels[3:] == 2] = 0
    for t in range(3, 6):
        labels[t] += draw((48, 64), {2: ((24, 20), 3)})
    labels[5, 40:44, 4:8] = 2
    assert hints_of(Toy(labels, toy.tracks)) == [("unlike daughters", 3, 2), ("several parts", 5, 2)]


def test_the_usual_is_robust():
    values = np.array([1.0, 1.1, 0.9, 1.0, 1.2, 50, np.nan])
    assert limit(values, 0.5) == pytest.approx(1.05 + 6 * 1.4826 * 0.1)
    assert limit(values, 3.0) == 3
    assert limit(np.array([np.nan]), 2.0) == 2


def test_an_empty_movie_has_no_sights_and_no_hints():
    empty = Tracked([np.zeros((20, 30), np.int32)] * 2, [], (20, 30))
    seen = look(empty)
    assert (len(seen.table), seen.outlines) == (0, [b"", b""])
    assert find_hints(seen.table, [], 2) == []
    assert isinstance(seen.table, pd.DataFrame)
