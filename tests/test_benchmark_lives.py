"""Why lives break, by hand."""

from benchmarks.lives import Lives, beside, compare, tables
from embedtrack.challenge.aogm import Match, match_labels
from embedtrack.types import Track
from tests.drawings import draw

TRUE = [Track(1, 0, 3, 0), Track(2, 4, 7, 1), Track(3, 4, 7, 1), Track(4, 0, 7, 0)]
"""One cell that divides in frame 4, and one that rests."""


def matched(pairs: dict[int, dict[int, int]], masks: dict[int, list[int]]) -> list[Match]:
    """Frame -> which mask finds which cell; the cells are those of TRUE, the masks as given."""
    found = []
    for t in range(8):
        cells = [track.label for track in TRUE if track.begin <= t <= track.end]
        own = pairs[t]
        found.append(Match(cells, masks[t], list(own), list(own.values()), [1.0] * len(own)))
    return found


def of(result: list[Track], pairs: dict[int, dict[int, int]], idle: dict[int, set[int]] | None = None) -> Lives:
    masks = {t: [track.label for track in result if track.begin <= t <= track.end] for t in range(8)}
    return compare(matched(pairs, masks), [(idle or {}).get(t, set()) for t in range(8)], TRUE, result)


def right() -> dict[int, dict[int, int]]:
    return {t: {1: 1, 4: 4} if t < 4 else {2: 2, 3: 3, 4: 4} for t in range(8)}


def test_the_truth_is_complete():
    assert of(TRUE, right()) == Lives(4, [], {0: 1}, 0, 0, 0)


def test_a_division_that_is_seen_early_breaks_three_lives():
    early = [Track(1, 0, 2, 0), Track(2, 3, 7, 1), Track(3, 3, 7, 1), Track(4, 0, 7, 0)]
    pairs = right()
    pairs[3] = {1: 2, 4: 4}  # the marker of the mother lies on one daughter
    found = of(early, pairs)
    assert found.early == {-1: 1}
    assert found.broken == [frozenset({"changes its number"}), frozenset({"begins early"}), frozenset({"begins early"})]
    assert (found.false, found.unknown) == (1, 0)
    why, when = tables("toy", found)
    assert why.title == "toy: of 4 tracks 1 are complete"
    assert list(why.columns[0].cells) == ["begins early", "changes its number"]
    assert list(when.columns[1].cells) == ["0", "1", "0", "0", "0"]


def test_a_missed_and_a_shared_cell():
    pairs = right()
    del pairs[2][4]
    pairs[6] = {2: 2, 3: 2, 4: 4}
    found = of(TRUE, pairs, {2: {4}})
    assert found.complete == 1
    assert set(found.broken) == {
        frozenset({"beside its mask"}), frozenset({"shares a mask"}), frozenset({"shares a mask", "changes its number"})
    }  # fmt: skip
    assert of(TRUE, pairs).broken.count(frozenset({"missed"})) == 1


def test_daughters_of_no_common_mother_are_a_lost_division():
    apart = [*TRUE[:2], Track(3, 4, 7, 0), TRUE[3]]
    assert of(apart, right()).lost == 1


def test_a_track_that_never_finds_a_cell():
    found = of([*TRUE, Track(9, 2, 5, 0)], right())
    assert (found.complete, found.false, found.unknown) == (4, 4, 4)


def test_a_mask_beside_a_marker():
    truth = draw((40, 60), {1: ((20, 20), 2), 2: ((20, 50), 2)})
    for gap, cells in ((6, {1}), (7, set())):
        masks = draw((40, 60), {7: ((20, 22 + gap + 4), 4), 8: ((20, 50), 5)})
        assert beside(truth, masks, match_labels(truth, masks)) == cells
