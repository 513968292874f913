"""Score a result against its truth by the measures of the challenge; py-ctcmetrics knows their formulas."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ctc_metrics import metrics
from rich.table import Table

from embedtrack.challenge.aogm import Match, match_labels, operations
from embedtrack.challenge.check import TRACKS, check, is_at_home, track_faults
from embedtrack.challenge.convention import dataset_of
from embedtrack.challenge.layout import FrameFolder, Truth, open_truth, read_labels, read_tracks
from embedtrack.files.beside import beside, of_movie
from embedtrack.files.names import gaps, numbered, runs, spell, summary
from embedtrack.movies.masks import SingleValue
from embedtrack.movies.tiff_image import read_header
from embedtrack.types import Labels, Track

MEASURES = ("SEG", "DET", "TRA", "LNK", "CT", "TF", "BC", "CCA", "OP_CSB", "OP_CTB", "OP_CLB", "BIO")
"""In [0, 1], the more the better."""
OPERATIONS = ("NS", "FN", "FP", "ED", "EA", "EC")
"""Counts of errors; AOGM is their weighted sum."""

Scores = dict[str, float | None]


class Result(NamedTuple):
    """A result folder, valid but for the labels in its masks, which were not read yet."""

    folder: Path
    masks: dict[int, Path]
    """By frame number."""
    tracks: list[Track]
    movie: FrameFolder | None
    """What its frames should be."""

    def require_labels(self) -> None:
        """Raise ValueError, a line per fault, unless each label is in the frames of its track and nowhere else."""
        if faults := check(self.folder, self.movie):
            raise ValueError(summary(faults))


def evaluate(
    truth_folder: Path, result_folder: Path, *, cycle_tolerance: int | None = None, frames: range | None = None
) -> Scores:
    """All measures of the challenge, and the counts of the operations that AOGM weighs (see ``challenge/aogm.py``).

    Args:
        truth_folder: ``DATASET/01_GT`` with TRA, SEG or both; gold masks may be of some frames and some cells only.
        result_folder: ``DATASET/01_RES``.
        cycle_tolerance: i of BC(i), in frames; None: the one of the truth's data set.
        frames: the numbers of the frames to score, all of them by default. Tracks are cut to these frames.

    Returns:
        Measure -> value, None where this truth has nothing to measure: TRA without markers, SEG without gold masks, BC
        without divisions, CCA without a cell that is born and divides. A result without cells scores 0.

    Raises:
        ValueError: truth or result are missing, invalid (a line per fault) or have not the same frames.
    """
    truth = open_gold(truth_folder)
    result = _open_result(Path(result_folder), truth)
    numbers = _choose(frames, truth, result)
    if not truth.markers or len(numbers) < len(result.masks):
        result.require_labels()  # those of the frames that are not scored, too
    matches, gold, single = [], [], SingleValue()
    for number in numbers:
        labels = read_labels(result.masks[number])
        if number in truth.markers:
            matches.append(_match(truth.markers[number], labels, result.masks[number]))
            if not is_at_home(result.tracks, number, matches[-1].masks):
                result.require_labels()
        if number in truth.gold:
            gold.append(_match(truth.gold[number], labels, result.masks[number], single))
    single.warn(truth_folder)
    reference, computed = (cut(tracks, numbers[0], numbers[-1]) for tracks in (truth.tracks, result.tracks))
    if truth.markers:
        _check_markers([truth.markers[t] for t in numbers], matches, reference)
    if cycle_tolerance is None:
        cycle_tolerance = dataset_of(truth_folder).cycle_tolerance
    return score(matches if truth.markers else None, gold, reference, computed, cycle_tolerance)


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


def open_gold(folder: Path) -> Truth:
    """The truth of ``DATASET/01_GT``, with valid tracks.

    Raises:
        ValueError: there is none.
    """
    folder = Path(os.path.abspath(folder))
    if not folder.name.endswith("_GT"):
        inside = folder.parent.name.endswith("_GT")
        gold = folder.parent if inside else beside(of_movie(folder), "_GT")
        raise ValueError(f"{folder}: expected a folder of gold truth first, then the result; is it {gold}?")
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder with TRA or SEG, got none of this name; check the path")
    truth = open_truth(folder.with_name(folder.name.removesuffix("_GT")))
    if not (truth.markers or truth.gold):
        raise ValueError(f"{folder}: expected TRA/man_track000.tif, ... or SEG/man_seg000.tif, ..., got neither")
    if truth.markers:
        faults = list(track_faults(truth.tracks, min(truth.markers), max(truth.markers)))
        if faults:
            raise ValueError("\n".join(f"{folder / 'TRA' / 'man_track.txt'}: {fault}" for fault in faults))
    return truth


def _open_result(folder: Path, truth: Truth) -> Result:
    """The result, valid for a movie with the truth's shape that may begin at any frame."""
    files = numbered(folder, "mask")
    movie = None
    if files and [file.number - files[0].number for file in files] == list(range(len(files))):
        height, width = read_header(next(iter((truth.markers or truth.gold).values()))).shape
        paths = tuple(file.path for file in files)
        movie = FrameFolder(folder, paths, files[0].number, files[0].digits, (height, width))
    if check(folder, movie, labels=False):
        raise ValueError(summary(check(folder, movie)))
    return Result(folder, {file.number: file.path for file in files}, read_tracks(folder / TRACKS), movie)


def _choose(frames: range | None, truth: Truth, result: Result) -> list[int]:
    """The numbers of the frames to score; all of them are in the result, and in the truth if it has markers."""
    common = result.masks.keys() & truth.markers.keys() if truth.markers else set(result.masks)
    if frames is None:
        numbers = set(truth.markers) | set(truth.gold) | (set(result.masks) if truth.markers else set())
        missing = runs(numbers - common)
    elif frames and frames.step == 1:
        numbers = {number for number in common if number in frames}
        missing = gaps(common, frames[0], frames[-1])
    else:
        raise ValueError(f"expected one or more frames in steps of 1, got {frames}; choose among {spell(runs(common))}")
    if missing:
        have = f"score some of frames {spell(runs(common))} (--frames FIRST:LAST)" if common else "check the folders"
        raise ValueError(
            f"{result.folder}: expected frames of both truth and result, got {spell(missing)} of one at most; {have}"
        )
    if not (truth.markers or numbers & truth.gold.keys()):
        raise ValueError(f"expected annotated frames, that is {spell(runs(truth.gold))}, got {spell(runs(numbers))}")
    return sorted(numbers)


def _match(truth: Path, labels: Labels, mask: Path, single: SingleValue | None = None) -> Match:
    """The labels of the file ``mask`` with those of the file ``truth``, which ``single`` sees."""
    cells = read_labels(truth)
    if single is not None:
        single.see(cells)
    if cells.shape != labels.shape:
        raise ValueError(f"{mask}: expected the shape of {truth}, {cells.shape}, got {labels.shape}; check the folders")
    return match_labels(cells, labels)


def _check_markers(paths: list[Path], matches: list[Match], reference: list[Track]) -> None:
    """Raise ValueError unless each label is in the frames of its track and nowhere else."""
    for t, (path, match) in enumerate(zip(paths, matches, strict=True)):
        listed = {track.label for track in reference if track.begin <= t <= track.end}
        odd = listed.symmetric_difference(match.cells)
        if odd:
            raise ValueError(
                f"{path}: expected the labels of man_track.txt for this frame, got {spell(runs(odd))} in one of both "
                "only; correct the truth"
            )
