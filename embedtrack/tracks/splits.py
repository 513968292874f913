"""Where later frames cast doubt on a cell: one that seems to become two may have been two all along."""

import numpy as np
from numpy.typing import NDArray

from embedtrack.tracks.candidates import CELL, Scene, Table, radius, split
from embedtrack.tracks.cells import Votes, count_votes

BACK = 6
"""So many frames before two cells are seen apart their common mask is cut for trial."""
MOST = 0.5
"""A cell votes for another if so many of its pixels do."""


def look_back(scenes: list[Scene]) -> None:
    """Give parts to the masks of the last frames but one that two cells of the next frame come from."""
    now = scenes[-1]
    fresh = np.flatnonzero(now.table["kind"] == CELL)
    for index in range(len(scenes) - 2, max(len(scenes) - 2 - BACK, -1), -1):
        later, here = scenes[index + 1], scenes[index]
        image = later.labels if index == len(scenes) - 2 else later.rivals
        pairs = _pairs(count_votes(image, later.origin, here.labels), later.table, fresh)
        size = len(here.table)
        for whole, one, two in pairs:
            if here.table["area"][whole] > 1 and not (here.table["first"] == whole).any():
                rows = later.table[[one, two]]
                here = split(here, whole, _places(rows, here.table[whole]), rows["area"])
        scenes[index] = here
        fresh = np.arange(size, len(here.table))
        if not fresh.size:
            break


def _pairs(votes: Votes, table: Table, fresh: NDArray[np.intp]) -> list[tuple[int, int, int]]:
    """A mask of t-1 and two fresh candidates of t that vote for it, the two largest of them."""
    own = np.isin(votes.voter - 1, fresh) & (votes.pixels >= MOST * table["area"][votes.voter - 1])
    found: dict[int, list[int]] = {}
    for voter, vote in zip((votes.voter[own] - 1).tolist(), (votes.vote[own] - 1).tolist(), strict=True):
        found.setdefault(vote, []).append(voter)
    pairs = []
    for whole, voters in found.items():
        if len(voters) > 1:
            one, two = sorted(voters, key=lambda voter: (-table["area"][voter], voter))[:2]
            pairs.append((whole, one, two))
    return pairs


def _places(two: Table, whole: Table) -> NDArray[np.float64]:
    """float64[2, 2]: where the two were in the mask: where they point to, if that differs, else as they lie now."""
    goals = np.stack([two["goal_y"], two["goal_x"]], axis=1)
    lie = np.stack([two["y"], two["x"]], axis=1)
    if np.hypot(*(goals[1] - goals[0])) > radius(whole[None])[0] / 2:
        return goals
    return lie
