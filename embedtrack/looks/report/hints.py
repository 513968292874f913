"""Where a result deserves a second look, found without truth: unlikely beginnings, ends, sizes, steps, shapes."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedtrack.tracks.lives import Life, lives
from embedtrack.types import Confidence, Track

KINDS = {
    "unsure": "a decision that was a near thing: is there one cell, and does it come from there?",
    "begins inside": "a cell that appears away from the picture's edge without a mother",
    "ends inside": "a cell that vanishes away from the picture's edge without daughters",
    "lost between": "a cell that was not found for some frames",
    "one daughter": "a cell that goes on under another label, as if only one daughter were seen",
    "size jumps": "a mask much larger or smaller than one frame before, away from divisions",
    "position jumps": "a step much longer than this movie's cells take",
    "shape agrees little": "a mask unlike that of one frame before, laid over each other",
    "divides again soon": "a cell that divides much sooner after its birth than the others",
    "count jumps": "many more or fewer cells than one frame before, without as many divisions",
    "unlike daughters": "daughters whose areas differ more than twofold",
    "grown daughters": "daughters that are both as large as other cells: two cells that shared a mask may have parted",
    "several parts": "a mask of several pieces or with holes",
}
"""What ``Hint.kind`` may be, and what it says."""
SURE = 0.9
"""Decisions that are less likely right are told."""
OUTLYING = 6.0
"""Robust standard deviations beyond which a value is out of the usual."""
FAST = 99
"""Percentile of the speeds: a cell that was so near the edge may have come or gone within a frame."""
LEAST_JUMP, LEAST_AGREEMENT, LEAST_RATIO = 1.4, 0.7, 2.0
"""A size jumps only beyond this factor; shapes agree above this; daughters are alike below this factor."""
SOON, SHORT, ENOUGH = 3, 0.35, 5
"""A cell cycle is too short up to so many frames, and below this share of the median where so many cycles are known;
so many cells say what is usual."""
GROWN = 0.85
"""Of the median area in its frame the smaller daughter has less: in the truth of Fluo-N2DH-SIM+, Fluo-N2DL-HeLa and
PhC-C2DL-PSC nine of ten, where the halves of two merged cells have about as much as others."""
LEAST_CHANGE = 4
"""A number of cells jumps only by so many and more."""
MITOSIS = 2
"""Frames around a division in which cells change their size and shape by nature."""


class Hint(NamedTuple):
    """A cell of one frame that deserves a second look."""

    kind: str
    """One of KINDS."""
    frame: int
    """Index of the frame."""
    label: int
    """The cell's value in the mask of this frame."""
    text: str
    """How much."""
    weight: float
    """The more, the stranger; comparable within a kind."""


def find_hints(
    table: pd.DataFrame,
    tracks: Sequence[Track],
    frames: int,
    border: int = 0,
    confidence: Confidence | None = None,
) -> list[Hint]:
    """Every hint, decisions by how unsure they are, then the strangest of each other kind first.

    Args:
        table: what ``sights.look`` says of the movie.
        tracks: its tracks.
        frames: its length.
        border: cells within so many pixels of the edge were removed from it.
        confidence: how likely its decisions are right, if that is known.
    """
    life = lives(tracks)
    rows = table.set_index(["frame", "label"])
    usual = 2 * math.sqrt(float(table["area"].median()) / math.pi) if len(table) else 0.0
    leap = float(np.nanpercentile(table["speed"], FAST)) if table["speed"].notna().any() else usual / 2
    found = [*_ends(rows, life, frames, border + leap), *_daughters(rows, life), *_changes(table, life, usual)]
    found += [*_cycles(life), *_counts(table, tracks, frames), *unsure(tracks, confidence)]
    found += [
        Hint("several parts", frame, label, f"{parts} outlines", parts)
        for frame, label, parts in table.loc[table["parts"] > 1, ["frame", "label", "parts"]].itertuples(index=False)
    ]
    order = {kind: number for number, kind in enumerate(KINDS)}
    return sorted(found, key=lambda hint: (order[hint.kind], -hint.weight, hint.frame, hint.label))


def limit(values: NDArray[np.float64], least: float) -> float:
    """Beyond it a value is out of the usual: the median and OUTLYING times the robust deviation, or ``least``."""
    values = values[np.isfinite(values)]
    if not values.size:
        return least
    middle = float(np.median(values))
    return max(middle + OUTLYING * 1.4826 * float(np.median(np.abs(values - middle))), least)


def _ends(rows: pd.DataFrame, life: dict[int, Life], frames: int, margin: float) -> Iterator[Hint]:
    """Cells that begin or end away from the edge, and those that were lost in between."""
    for one in life.values():
        first, last = one.pieces[0], one.pieces[-1]
        if one.begin > 0 and not one.parent and (rim := _rim(rows, one.begin, first.label)) > margin:
            yield Hint("begins inside", one.begin, first.label, f"{rim:.0f} px from the edge", rim)
        if one.end < frames - 1 and not one.daughters and (rim := _rim(rows, one.end, last.label)) > margin:
            yield Hint("ends inside", one.end, last.label, f"{rim:.0f} px from the edge", rim)
        for before, after in zip(one.pieces[:-1], one.pieces[1:], strict=True):
            gap = after.begin - before.end - 1
            if gap:
                yield Hint("lost between", after.begin, after.label, f"for {gap} frame{'s' * (gap > 1)}", gap)
            else:
                yield Hint("one daughter", after.begin, after.label, f"of track {before.label}", 1)


def unsure(tracks: Sequence[Track], confidence: Confidence | None) -> Iterator[Hint]:
    """Cells, links and divisions that are less than SURE; two daughters are one decision, a track is told once."""
    if confidence is None:
        return
    begins = {(track.begin, track.label): track.parent for track in tracks}
    siblings = Counter(track.parent for track in tracks)
    told: set[int] = set()
    least: dict[int, list[tuple[float, int]]] = {}
    for frame, label, cell, link in confidence.tolist():
        if cell < SURE:
            least.setdefault(label, []).append((cell, frame))
        parent = begins.get((frame, label), -1)
        born = parent > 0 and siblings[parent] > 1
        if link < SURE and not (born and parent in told):
            told |= {parent} if born else set()
            what = "a division" if born else "comes from nowhere" if parent == 0 else "the same cell as before"
            yield Hint("unsure", frame, label, f"{what}? {link:.0%}", 1 - link)
    for label, doubts in least.items():
        cell, frame = min(doubts)
        more = f" here, less than {SURE:.0%} in {len(doubts)} frames" if len(doubts) > 1 else ""
        yield Hint("unsure", frame, label, f"one cell? {cell:.0%}{more}", 1 - cell)


def _rim(rows: pd.DataFrame, frame: int, label: int) -> float:
    return float(rows["rim"].at[frame, label])


def _daughters(rows: pd.DataFrame, life: dict[int, Life]) -> Iterator[Hint]:
    """Divisions into daughters that lie wholly in the picture and are unequal, or too large for daughters."""
    by_frame = rows.groupby(level="frame")["area"]
    typical = by_frame.median().where(by_frame.size() >= ENOUGH)  # of fewer cells daughters are too many
    for one in life.values():
        born = [(life[daughter].begin, life[daughter].pieces[0].label) for daughter in one.daughters]
        if len(born) < 2 or min(_rim(rows, *cell) for cell in born) <= 0:
            continue
        areas = [float(rows["area"].at[cell]) for cell in born]
        frame, label = born[int(np.argmin(areas))]
        ratio, grown = max(areas) / min(areas), min(areas) / float(typical.at[frame])
        if ratio > LEAST_RATIO:
            yield Hint("unlike daughters", frame, label, f"areas differ {ratio:.1f}-fold", ratio)
        elif grown > GROWN:
            yield Hint("grown daughters", frame, label, f"the smaller one has {grown:.0%} of a usual area", grown)


def _cycles(life: dict[int, Life]) -> Iterator[Hint]:
    """Cells that divide so soon after their birth that no cell cycle fits in between."""
    known = [one.cycle for one in life.values() if one.cycle is not None]
    shortest = max(SOON, SHORT * float(np.median(known)) if len(known) >= ENOUGH else 0)
    for one in life.values():
        if one.cycle is not None and one.cycle <= shortest:
            text = f"{one.cycle} frame{'s' * (one.cycle > 1)} after its birth"
            yield Hint("divides again soon", one.end, one.pieces[-1].label, text, 1 / max(one.cycle, 1))


def _counts(table: pd.DataFrame, tracks: Sequence[Track], frames: int) -> Iterator[Hint]:
    """Frames in which many cells come or go at once; the place is that of one of them."""
    if frames < 2 or not len(table):
        return
    counts = np.bincount(table["frame"].to_numpy(int), minlength=frames)
    mothers = {track.parent for track in tracks if track.parent}
    born = np.bincount([t.begin for t in tracks if t.parent], minlength=frames)
    born -= np.bincount([min(t.end + 1, frames - 1) for t in tracks if t.label in mothers], minlength=frames)
    steps = np.diff(counts) - born[1:]
    most = limit(np.abs(steps).astype(float), LEAST_CHANGE - 0.5)
    for index in np.flatnonzero(np.abs(steps) > most).tolist():
        came = steps[index] > 0
        frame = index + 1 if came else index
        ends = [t for t in tracks if (t.begin == frame and not t.parent if came else t.end == frame)]
        if ends:
            text = f"{counts[index]} cells, then {counts[index + 1]}"
            yield Hint("count jumps", frame, ends[0].label, text, float(abs(steps[index])))


def _changes(table: pd.DataFrame, life: dict[int, Life], usual: float) -> Iterator[Hint]:
    """Jumps in size and position, and shapes that agree little, from each frame to the next of the same cell."""
    ends = table["track"].map({name: one.end if one.daughters else math.inf for name, one in life.items()})
    births = table["track"].map({name: one.begin if one.parent else -math.inf for name, one in life.items()})
    groups = table.groupby("track")
    apart = groups["frame"].diff()
    quiet = (table["frame"] <= ends - MITOSIS) & (table["frame"] > births + MITOSIS) & (apart == 1)
    whole = (table["rim"] > 0) & (groups["rim"].shift() > 0)
    ratio = (table["area"] / groups["area"].shift()).where(quiet & whole)
    size = np.log(ratio).abs()
    jumped = size > limit(size.to_numpy(float), math.log(LEAST_JUMP))
    for frame, label, times in zip(table["frame"][jumped], table["label"][jumped], ratio[jumped], strict=True):
        factor = max(times, 1 / times)
        text = f"{factor:.1f} times as {'large' if times > 1 else 'small'}"
        yield Hint("size jumps", int(frame), int(label), text, factor)
    speed = table["speed"].where(whole)
    far = speed > limit(speed.to_numpy(float), usual)
    for frame, label, step in zip(table["frame"][far], table["label"][far], speed[far], strict=True):
        yield Hint("position jumps", int(frame), int(label), f"{step:.0f} px in a frame", float(step))
    unlike = (1 - table["agreement"]).where(quiet & whole)
    odd = (unlike > limit(unlike.to_numpy(float), 1 - LEAST_AGREEMENT)) & ~jumped
    for frame, label, much in zip(table["frame"][odd], table["label"][odd], unlike[odd], strict=True):
        yield Hint("shape agrees little", int(frame), int(label), f"Jaccard index {1 - much:.2f}", float(much))
