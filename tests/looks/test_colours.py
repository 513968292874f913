"""A family keeps its hue; sisters differ."""

import numpy as np

from embedtrack.looks.colours import HUES, colours, table
from embedtrack.types import Track

FAMILY = [
    Track(1, 0, 3, 0), Track(2, 4, 7, 1), Track(3, 4, 9, 1), Track(4, 8, 9, 2), Track(5, 8, 9, 2),
    Track(6, 8, 8, 2), Track(9, 0, 9, 0), Track(10, 11, 12, 3),
]  # fmt: skip


def hue(colour: tuple[int, int, int]) -> float:
    """The angle on the colour circle."""
    blue, green, red = colour
    return float(np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)))


def test_daughters_have_their_mothers_hue_in_other_shades():
    made = colours(FAMILY)
    assert made[1] == HUES[0]
    assert made[9] == HUES[1]
    for label in (2, 3, 4, 5, 6):
        assert abs(hue(made[label]) - hue(made[1])) < 3
    assert len({made[label] for label in (1, 2, 3, 4, 6)}) == 5
    assert sum(made[2]) < sum(made[1]) < sum(made[3])
    assert made[5] == made[2]  # of three daughters the middle one keeps the mother's shade


def test_a_cell_that_was_lost_and_found_keeps_its_colour():
    made = colours(FAMILY)
    assert made[10] == made[3]


def test_neighbours_take_different_hues():
    tracks = [Track(label, 0, 1, 0) for label in range(1, 15)]
    places = {label: (0.0, 10.0 * label) for label in range(1, 15)}
    places[8] = (0.0, 12.0)  # the eighth would take the first's hue
    made = colours(tracks, places)
    assert made[8] != made[1]
    assert len({made[label] for label in range(1, 8)}) == 7
    assert colours(tracks)[8] == colours(tracks)[1]


def test_the_hues_differ_for_the_colour_blind_too():
    """Protanopia and deuteranopia by Vienot's matrices, tritanopia by Brettel's approximation, in linear light."""
    rgb = (np.array(HUES, float)[:, ::-1] / 255) ** 2.2
    views = {
        "normal": np.eye(3),
        "protanopia": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        "deuteranopia": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
        "tritanopia": [[1, 0.14461, -0.14461], [0, 0.85924, 0.14076], [0, 0.85924, 0.14076]],
    }
    for name, matrix in views.items():
        seen = np.clip(rgb @ np.array(matrix).T, 0, 1) ** (1 / 2.2) * 255
        distance = np.linalg.norm(seen[:, None] - seen, axis=2) + 1e3 * np.eye(len(seen))
        assert distance.min() > 40, name


def test_the_table_is_indexed_by_label():
    lookup = table({3: (1, 2, 3)})
    assert lookup.tolist() == [[0, 0, 0]] * 3 + [[1, 2, 3]]
    assert colours([]) == {}
    assert table({}).shape == (1, 3)
