"""The measures of the challenge, of a result that was matched with its truth; py-ctcmetrics knows their formulas."""

from collections.abc import Iterable, Mapping

import numpy as np
from ctc_metrics import metrics
from rich.table import Table

from embedtrack.challenge.aogm import Match, match_labels, operations
from embedtrack.types import Labels, Track

MEASURES = ("SEG", "DET", "TRA", "LNK", "CT", "TF", "BC", "CCA", "OP_CSB", "OP_CTB", "OP_CLB", "BIO")
"""In [0, 1], the more the better."""
OPERATIONS = ("NS", "FN", "FP", "ED", "EA", "EC")
"""Counts of errors; AOGM is their weighted sum."""

Scores = dict[str, float | None]


def score(
    matches: list[Match] | None,
    gold: list[Match],
    reference: list[Track],
    computed: list[Track],
    cycle_tolerance: int,
) -> Scores:
    """As ``evaluate``, of a result that was matched with its truth.

    Args:
        matches: of the markers of each frame; None where the truth has no tracks.
        gold: of the gold masks, of the frames that have some.
        reference: the tracks of the truth, whose first frame is 0.
        computed: those of the result.
        cycle_tolerance: i of BC(i), in frames.
    """
    scores: Scores = dict.fromkeys((*MEASURES, "AOGM", *OPERATIONS))
    scores["SEG"] = _seg(gold)
    if matches is not None:
        scores |= track_scores(matches, reference, computed, cycle_tolerance)
    scores["OP_CSB"] = _mean(scores["SEG"], scores["DET"])
    scores["OP_CTB"] = _mean(scores["SEG"], scores["TRA"])
    scores["OP_CLB"] = _mean(scores["LNK"], scores["BIO"])
    return scores


def jaccards(gold: Labels, labels: Labels) -> list[float]:
    """The Jaccard index of every mask of ``gold`` int32[H, W] with the one of ``labels`` int32[H, W] that finds it.

    It is 0 where no mask covers more than half of the gold mask. SEG is the mean over all gold masks of a movie.
    """
    match = match_labels(gold, labels)
    index = dict(zip(match.found, match.jaccards, strict=True))
    return [index.get(cell, 0.0) for cell in match.cells]


def cut(tracks: Iterable[Track], first: int, last: int) -> list[Track]:
    """The tracks within the frames first..last, counted from ``first``; a parent that ended before becomes 0."""
    inside = {track.label: track for track in tracks if track.begin <= last and track.end >= first}
    return [
        Track(label, max(begin, first) - first, min(end, last) - first, parent if parent in inside else 0)
        for label, begin, end, parent in inside.values()
    ]


def table(scores: Mapping[str, float | None]) -> Table:
    """The scores for a person to read."""
    rows = Table("measure", "value")
    rows.columns[1].justify = "right"
    for name, value in scores.items():
        rows.add_row(name, "-" if value is None else f"{value:.6f}" if name in MEASURES else str(value))
    return rows


def _seg(matches: list[Match]) -> float | None:
    """SEG of the matches with gold masks."""
    if not any(match.cells for match in matches):
        return None
    return float(metrics.seg([match.cells for match in matches], [match.jaccards for match in matches]))


def track_scores(matches: list[Match], reference: list[Track], computed: list[Track], cycle_tolerance: int) -> Scores:
    """What is measured on tracks: matches[t] is of frame t of both the truth's and the result's tracks.

    Args:
        matches: one per frame.
        reference: the tracks of the truth, whose first frame is 0.
        computed: those of the result.
        cycle_tolerance: i of BC(i), in frames.
    """
    counts = operations(matches, reference, computed)
    scores: Scores = {name: counts[name] for name in OPERATIONS}
    if not reference:
        return scores | {"AOGM": float(counts["FP"])}  # nothing to find or to link, and no formula holds
    # py-ctcmetrics wants a list of labels per frame, and tracks as int[N, 4].
    cells, found, finders = ([getattr(match, part) for match in matches] for part in ("cells", "found", "finders"))
    true, made = (np.array(tracks, np.int64).reshape(-1, 4) for tracks in (reference, computed))
    tra, aogm, _ = metrics.tra(**counts)
    bio: Scores = {
        "CT": metrics.ct(made, true, cells, found, finders),
        "TF": float(metrics.tf(true, cells, found, finders)),
        "BC": metrics.bc(*metrics.raw_division_metrics(made, true, found, finders, cycle_tolerance)),
        "CCA": metrics.cca(made, true),
    }
    lnk = metrics.lnk(**counts) if counts["num_edges"] else None
    return scores | bio | {
        "DET": metrics.det(**counts), "TRA": tra, "LNK": lnk, "BIO": metrics.bio(*bio.values()), "AOGM": float(aogm),
    }  # fmt: skip


def _mean(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else (first + second) / 2
