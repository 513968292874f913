"""What a person said of where cells come from: it stays, whatever the evidence says."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from embedtrack.tracks.candidates import Scene
from embedtrack.tracks.links import LINK, PAIR, Evidence
from embedtrack.types import Pin

NEW, LINKED, BORN = range(3)
"""How a track begins or goes on in a frame."""

PIN = np.dtype([("frame", "i4"), ("cell", "i4"), ("how", "i1"), ("gap", "i1"), ("source", "i4")])
"""Candidate ``cell`` of a frame is NEW, LINKED with candidate ``source`` of ``gap`` frames before, or BORN of it."""
NONE = np.zeros(0, PIN)


def rows_of(
    pins: Collection[Pin], cells: Callable[[int], Sequence[int]], max_gap: int
) -> tuple[NDArray[np.void], list[Pin]]:
    """PIN[n] in the order of frames; and the pins that no decision can keep.

    These are of cells that are not there, links over too many missed frames, and divisions that no decision makes: over
    a gap, or into more than two.

    Args:
        pins: of labels.
        cells: the labels of a frame in ascending order: candidate i is the i-th of them.
        max_gap: links pass over up to so many frames.
    """
    heirs = Counter((pin.before, pin.source) for pin in pins if pin.source)
    twice = {cell for cell, times in Counter(pin[:2] for pin in pins).items() if times > 1}
    kept: dict[Pin, tuple[int, ...]] = {}
    for pin in sorted(pins):
        gap, count = (pin.frame - pin.before, heirs[pin.before, pin.source]) if pin.source else (0, 0)
        able = not pin.source or (count == 1 and 1 <= gap <= max_gap + 1) or (count == 2 and gap == 1)
        cell = _place(pin.label, cells(pin.frame))
        source = _place(pin.source, cells(pin.before)) if pin.source and able else -1
        if able and cell is not None and source is not None and pin[:2] not in twice:
            kept[pin] = (pin.frame, cell, count, gap, source)  # NEW, LINKED, BORN: by the number of heirs
    broken = {(pin.before, pin.source) for pin in pins if pin.source and pin not in kept}
    kept = {pin: row for pin, row in kept.items() if not pin.source or (pin.before, pin.source) not in broken}
    return np.array([*kept.values()], PIN), [pin for pin in sorted(pins) if pin not in kept]


def _place(label: int, cells: Sequence[int]) -> int | None:
    at = int(np.searchsorted(cells, label))
    return at if at < len(cells) and cells[at] == label else None


def with_pins(found: Evidence, scenes: Sequence[Scene], pins: NDArray[np.void]) -> Evidence:
    """What may lead into the last of some scenes, what is said of it included; that needs no evidence."""
    if not len(pins):
        return found
    now, links, pairs = scenes[-1].table, [found.links], [found.pairs]
    known = set(found.links[["source", "target", "gap"]].tolist())
    for _, cell, _, gap, source in pins[pins["how"] == LINKED].tolist():
        if (source, cell, gap) not in known:
            there = scenes[-1 - gap].table
            growth = np.log(now["area"][cell] / there["area"][source])
            links.append(np.array([(source, cell, gap, 0.0, 9.0, growth)], LINK))
    families = {(mother, *sorted(pair)) for mother, *pair in found.pairs[["source", "target", "other"]].tolist()}
    for family in _families(pins):
        if family not in families:
            mother, one, two = family
            pair = np.zeros(1, PAIR)
            pair["source"], pair["target"], pair["other"] = mother, one, two
            pairs.append(pair)
    return Evidence(np.concatenate(links), np.concatenate(pairs))


def _families(pins: NDArray[np.void]) -> Iterable[tuple[int, int, int]]:
    """Mother and both daughters of each division into a frame."""
    born = pins[pins["how"] == BORN]
    for mother in np.unique(born["source"]).tolist():
        one, two = sorted(born["cell"][born["source"] == mother].tolist())
        yield mother, one, two


def fix_links(links: NDArray[np.void], pins: NDArray[np.void]) -> NDArray[np.float64]:
    """float64[m]: 1 for links into a frame that are said to be, 0 for those that are said not to be, else nan."""
    fixed = np.where(np.isin(links["target"], pins["cell"]), 0.0, np.nan)
    said = pins[pins["how"] == LINKED]
    for _, cell, _, gap, source in said.tolist():
        fixed[(links["target"] == cell) & (links["source"] == source) & (links["gap"] == gap)] = 1
    return fixed


def fix_pairs(pairs: NDArray[np.void], pins: NDArray[np.void]) -> NDArray[np.float64]:
    """float64[k]: the same of divisions."""
    fixed = np.where(np.isin(pairs["target"], pins["cell"]) | np.isin(pairs["other"], pins["cell"]), 0.0, np.nan)
    for mother, one, two in _families(pins):
        low, high = np.minimum(pairs["target"], pairs["other"]), np.maximum(pairs["target"], pairs["other"])
        fixed[(pairs["source"] == mother) & (low == one) & (high == two)] = 1
    return fixed
