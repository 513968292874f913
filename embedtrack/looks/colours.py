"""A colour for every track: a family keeps its hue, daughters take lighter and darker shades of it.

The hues are Okabe and Ito's, which people with any of the common colour blindnesses tell apart; blue is lightened, for
the pictures are dark. Colours are (blue, green, red) as OpenCV has them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from embedtrack.tracks.lives import cell_of_track
from embedtrack.types import Track

Colour = tuple[int, int, int]

HUES: tuple[Colour, ...] = (
    (0, 159, 230),  # orange
    (233, 180, 86),  # sky blue
    (115, 158, 0),  # bluish green
    (66, 228, 240),  # yellow
    (230, 120, 40),  # blue
    (0, 94, 213),  # vermilion
    (167, 121, 204),  # reddish purple
)
WHITE: Colour = (255, 255, 255)
LIGHTEST, DARKEST = 0.65, 0.22
"""How far a shade goes towards white and black."""
SPREAD, SHRINK = 0.7, 0.55
"""How far apart daughters lie on the scale from -1 (dark) to 1 (light), and how much less in the next generation."""


def colours(tracks: Sequence[Track], places: Mapping[int, tuple[float, float]] | None = None) -> dict[int, Colour]:
    """Label -> colour.

    Args:
        tracks: valid tracks.
        places: label -> (y, x) where it first appears; with it founders take the hue that is farthest away.
    """
    cell, shades = cell_of_track(tracks), _shades(tracks)
    founder: dict[int, int] = {}
    for track in sorted(tracks, key=lambda track: track.begin):
        founder[track.label] = founder.get(track.parent, track.label)
    hues = _hues([label for label in founder if founder[label] == label], places or {})
    return {label: _shade(hues[founder[label]], shades[cell[label]]) for label in founder}


def table(colour_of: Mapping[int, Colour]) -> NDArray[np.uint8]:
    """uint8[labels + 1, 3]: the colours by label, black where there is none."""
    lookup = np.zeros((max(colour_of, default=0) + 1, 3), np.uint8)
    for label, colour in colour_of.items():
        lookup[label] = colour
    return lookup


def _shades(tracks: Sequence[Track]) -> dict[int, float]:
    """Cell -> its shade from -1 to 1: 0 for a founder, daughters to either side of their mother."""
    cell = cell_of_track(tracks)
    children: dict[int, list[int]] = defaultdict(list)
    for track in sorted(tracks, key=lambda track: (track.begin, track.label)):
        if cell[track.label] == track.label:
            children[cell.get(track.parent, 0)].append(track.label)
    shades: dict[int, float] = dict.fromkeys(children[0], 0.0)
    generation = [(label, SPREAD) for label in children[0]]
    for mother, spread in generation:  # grows while it is walked through
        daughters = children.get(mother, [])
        for daughter, side in zip(daughters, np.linspace(-1, 1, len(daughters)).tolist(), strict=True):
            shades[daughter] = float(np.clip(shades[mother] + side * spread, -1, 1))
            generation.append((daughter, spread * SHRINK))
    return shades


def _hues(founders: Sequence[int], places: Mapping[int, tuple[float, float]]) -> dict[int, Colour]:
    """Founder -> hue; one by one each takes the hue whose nearest bearer is farthest from it."""
    taken: list[list[tuple[float, float]]] = [[] for _ in HUES]
    chosen: dict[int, Colour] = {}
    for count, founder in enumerate(founders):
        number = count % len(HUES)
        if founder in places:
            here = np.array(places[founder])
            far = [min((float(np.hypot(*(here - there))) for there in bearers), default=np.inf) for bearers in taken]
            number = max(range(len(HUES)), key=lambda i: (far[i], -((i - count) % len(HUES))))
            taken[number].append(places[founder])
        chosen[founder] = HUES[number]
    return chosen


def _shade(hue: Colour, shade: float) -> Colour:
    """Mix with white (shade > 0) or black."""
    share, target = (shade * LIGHTEST, 255) if shade > 0 else (-shade * DARKEST, 0)
    blue, green, red = (round(part + (target - part) * share) for part in hue)
    return blue, green, red
