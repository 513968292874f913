"""Lives of cells, by hand."""

from embedtrack.tracks.lives import Life, cell_of_track, lives
from embedtrack.types import Track

TRACKS = [
    Track(4, 0, 1, 0), Track(2, 3, 5, 4), Track(7, 6, 8, 2), Track(8, 7, 8, 2), Track(9, 10, 11, 8),
    Track(10, 12, 12, 9), Track(11, 12, 14, 9), Track(1, 5, 5, 0),
]  # fmt: skip


def test_an_only_child_is_its_parent():
    assert cell_of_track(TRACKS) == {4: 4, 2: 4, 7: 7, 8: 8, 9: 8, 10: 10, 11: 11, 1: 1}


def test_pieces_are_joined_and_families_counted():
    made = lives(TRACKS)
    assert list(made) == [4, 1, 7, 8, 10, 11]
    assert made[4] == Life(4, (TRACKS[0], TRACKS[1]), 0, 4, 0, (7, 8), None)  # its birth was not seen
    assert made[8] == Life(8, (TRACKS[3], TRACKS[4]), 4, 4, 1, (10, 11), 5)  # from 7 to 12
    assert made[7] == Life(7, (TRACKS[2],), 4, 4, 1, (), None)
    assert made[11].generation == 2
    assert made[11].lineage == 4
    assert (made[8].begin, made[8].end, made[8].frames) == (7, 11, 4)
    assert lives([]) == {}
