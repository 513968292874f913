"""Score a result folder against its truth: both are opened, checked and matched frame by frame."""

import os
from pathlib import Path
from typing import NamedTuple

from embedtrack.challenge.aogm import Match, match_labels
from embedtrack.challenge.check import TRACKS, check, is_at_home, track_faults
from embedtrack.challenge.convention import dataset_of
from embedtrack.challenge.layout import FrameFolder, Truth, open_truth, read_labels, read_tracks
from embedtrack.challenge.scores import Scores, cut, score
from embedtrack.files.beside import beside, of_movie
from embedtrack.files.names import gaps, numbered, runs, spell, summary
from embedtrack.movies.masks import SingleValue
from embedtrack.movies.tiff_image import read_header
from embedtrack.types import Labels, Track


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
