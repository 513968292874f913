"""What a person said of links is what comes out, whatever the evidence; the rest is decided as before."""

import numpy as np
import pytest

from embedtrack.inference.link import link
from embedtrack.options import Options
from embedtrack.tracks.pins import BORN, LINKED, NEW, rows_of
from embedtrack.types import Pin, Track
from tests.drawings import moving

SHAPE = (30, 60)
PLACES = [(y, x) for y in (5, 15, 25) for x in range(5, 60, 10)]


def random_lives(seed: int, frames: int) -> tuple[np.ndarray, list[Pin]]:
    """Squares on a lattice that change in every frame, and pins that link them in any ways that tracks allow."""
    rng = np.random.default_rng(seed)
    movie, pins, last = np.zeros((frames, *SHAPE), np.int32), [], list[int]()
    before = list[int]()
    for t in range(frames):
        now = rng.permutation(len(PLACES))[: rng.integers(6, 14)] + 1
        for label in now.tolist():
            y, x = PLACES[label - 1]
            movie[t, y - 3 : y + 4, x - 3 : x + 4] = label
        free, waiting = rng.permutation(last).tolist(), rng.permutation(before).tolist()
        cells, taken = now.tolist(), set()
        while cells:
            draw = rng.random()
            if draw < 0.2 and free and len(cells) > 1:
                mother = free.pop()
                pins += [Pin(t, cells.pop(), t - 1, mother), Pin(t, cells.pop(), t - 1, mother)]
            elif draw < 0.7 and free:
                pins.append(Pin(t, cells.pop(), t - 1, free.pop()))
            elif draw < 0.8 and waiting:
                source = waiting.pop()
                pins.append(Pin(t, cells.pop(), t - 2, source))
                taken.add(source)
            else:
                pins.append(Pin(t, cells.pop(), 0, 0))
        before, last = free, now.tolist()
    return movie, pins


def arrivals(masks: np.ndarray, movie: np.ndarray, tracks: list[Track]) -> set[Pin]:
    """The same links again, in the movie's labels, read from a result."""
    known = {track.label: track for track in tracks}
    found = set()

    def named(t: int, label: int) -> int:
        return int(movie[t][masks[t] == label][0])

    for track in tracks:
        for t in range(track.begin, track.end + 1):
            parent = known.get(track.parent)
            if t > track.begin:
                source = (t - 1, named(t - 1, track.label))
            else:
                source = (parent.end, named(parent.end, parent.label)) if parent else (0, 0)
            found.add(Pin(t, named(t, track.label), *source))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_all_said_is_all_kept(seed: int):
    """Over many windows: 40 frames, of which 4 become final at a time."""
    movie, pins = random_lives(seed, 40)
    result = link(movie, options=Options(views=1, max_gap=2), pins=pins)
    assert arrivals(np.stack([*result.masks]), movie, list(result.tracks)) == set(pins)
    assert (result.confidence["link"] == 1).all()


def test_a_pin_changes_what_follows_from_it():
    """Two cells that rest, and that are said to have changed places; or one of them to be another one from there on."""
    movie = np.zeros((8, *SHAPE), np.int32)
    movie[:, 2:9, 2:9], movie[:, 2:9, 11:18] = 1, 2
    assert link(movie).tracks == [Track(1, 0, 7, 0), Track(2, 0, 7, 0)]
    result = link(movie, pins=[Pin(4, 2, 3, 1), Pin(4, 1, 3, 2)])
    masks = np.stack([*result.masks])
    assert result.tracks == [Track(1, 0, 7, 0), Track(2, 0, 7, 0)]
    assert (masks[3, 5, 5], masks[4, 5, 5], masks[4, 5, 14]) == (1, 2, 1)
    cut = link(movie, pins=[Pin(4, 2, 0, 0)])
    assert cut.tracks == [Track(1, 0, 7, 0), Track(2, 0, 3, 0), Track(3, 4, 7, 0)]


def test_no_pin_no_change():
    toy = moving()
    assert link(toy.labels, pins=[]).tracks == link(toy.labels).tracks == toy.tracks


def test_which_pins_can_be_kept():
    cells = {0: [3, 7], 1: [2, 5, 9], 4: [1, 4, 6]}
    good = [Pin(1, 2, 0, 3), Pin(1, 5, 0, 7), Pin(1, 9, 0, 7), Pin(4, 1, 1, 2), Pin(4, 4, 0, 0)]
    rows, left = rows_of(good, lambda t: cells.get(t, []), 2)
    first = [(1, 0, LINKED, 1, 0), (1, 1, BORN, 1, 1), (1, 2, BORN, 1, 1)]
    assert rows.tolist() == [*first, (4, 0, LINKED, 3, 0), (4, 1, NEW, 0, -1)]
    assert left == []
    for bad in (
        [Pin(1, 4, 0, 3)],  # no such cell
        [Pin(1, 2, 0, 4)],  # no such source
        [Pin(4, 1, 0, 3)],  # three frames missed
        [Pin(4, 1, 1, 2), Pin(4, 4, 1, 2)],  # a division over a gap
        [Pin(1, cell, 0, 3) for cell in (2, 5, 9)],  # into three
        [Pin(1, 2, 0, 3), Pin(1, 2, 0, 7)],  # of two
        [Pin(0, 3, 1, 2)],  # backwards
        [Pin(1, 2, 0, 3), Pin(1, 4, 0, 3)],  # of two daughters one is gone
    ):
        rows, left = rows_of(bad, lambda t: cells.get(t, []), 2)
        assert len(rows) == 0
        assert left == sorted(bad)
