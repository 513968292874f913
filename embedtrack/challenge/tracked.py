"""A tracked movie in the challenge's files, a result or truth: read when asked for, written whole or not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtrack.challenge import layout, record
from embedtrack.challenge.check import TRACKS, check, is_at_home, track_faults
from embedtrack.challenge.record_fields import CORRECTED
from embedtrack.challenge.writer import ResultWriter
from embedtrack.files.lazy import Lazy
from embedtrack.files.names import numbered, summary
from embedtrack.movies.selection import Choice
from embedtrack.movies.tiff_image import read_header, read_labels
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import Labels


def open_tracked(folder: Path, units: Units | None = None, *, labels: bool = True) -> Tracked:
    """A result, e.g. ``DATASET/01_RES``, or tracking truth, e.g. ``DATASET/01_GT`` or ``01_GT/TRA``.

    Units that are not given are those that the record beside a result has.

    Args:
        folder: where it lies.
        units: what pixels and frames are worth.
        labels: test the labels of every mask now; without it, each mask's when it is read, which then raises
            ValueError with every fault. For who reads each mask once, and writes nothing before he has read all.

    Raises:
        ValueError: there is neither, or it is not valid; a line per fault.
    """
    folder = Path(folder)
    truth = _truth(folder)
    if not folder.is_dir() or not (truth or (folder / TRACKS).exists() or numbered(folder, "mask")):
        raise ValueError(
            f"{folder}: expected a result (mask000.tif, ..., {TRACKS}) or truth (TRA/man_track000.tif, ..., "
            f"man_track.txt), got {'neither' if folder.exists() else 'nothing of this name'}; check the path"
        )
    prefix, table = ("man_track", truth / "man_track.txt") if truth else ("mask", folder / TRACKS)
    files = numbered(truth or folder, prefix)
    faults = [] if truth else _result_faults(folder, labels=labels)
    if not faults and [file.number - files[0].number for file in files] != list(range(len(files))):
        faults = [f"{truth}: expected truth of consecutive frames, got holes or double numbers; add or rename images"]
    if not faults and not files:
        faults = [f"{table}: expected {prefix}000.tif, ... beside it, got none; add them"]
    if faults:
        raise ValueError(summary(faults))
    first = files[0].number
    tracks = [track.later(-first) for track in layout.read_tracks(table)]
    paths = [file.path for file in files]
    height, width = read_header(paths[0]).shape
    movie, confidence = (Choice(), None) if truth else record.read(folder)
    if confidence is not None:
        confidence["frame"] -= first
    tracked = Tracked(
        Lazy(len(paths), lambda i: read_labels(paths[i])),
        tracks, (height, width), first, files[0].digits, (units or Units()).over(movie.units), movie,
        confidence,
    )  # fmt: skip
    if truth and labels:
        require_valid(tracked, truth)
    elif truth:
        _require_tracks(tracked, truth)
    return tracked if labels else replace(tracked, masks=_tested(tracked, truth, folder))


def is_truth(folder: Path) -> bool:
    """Whether ``open_tracked`` takes a folder for tracking truth."""
    return _truth(folder) is not None


def write_tracked(
    tracked: Tracked, out: Path, known: Mapping[str, Any] | None = None, *, overwrite: bool = False
) -> None:
    """Write a tracked movie as a result of the challenge, whole or not at all.

    Args:
        tracked: what to write.
        out: the result's folder; an older result of ours is replaced.
        known: its record; by default its units and how its movie was read, where any of it is known.
        overwrite: replace whatever is there.

    Raises:
        ValueError: it is not valid, has more than 65535 tracks, or the place holds something else than a result.
    """
    movie = tracked.movie._replace(units=tracked.units).note()
    known = known or ({"movie": movie} if any(movie.values()) or tracked.confidence is not None else None)
    corrections = CORRECTED in (known or {})
    with ResultWriter(out, tracked, overwrite=overwrite, corrections=corrections) as writer:
        for index, labels in enumerate(tracked.masks):
            writer.write(index, labels)
        writer.commit(tracked.tracks, known, tracked.confidence)


def require_valid(tracked: Tracked, name: object) -> None:
    """Raise ValueError, a line per fault, unless each label is in the frames of its track and nowhere else."""
    _require_tracks(tracked, name)
    if faults := [f"{name}: {fault}" for fault in _presence_faults(tracked)]:
        raise ValueError(summary(faults))


def _require_tracks(tracked: Tracked, name: object) -> None:
    first, last = tracked.first, tracked.first + len(tracked) - 1
    tracks = [track.later(first) for track in tracked.tracks]
    if faults := [f"{name}: {fault}" for fault in track_faults(tracks, first, last)]:
        raise ValueError(summary(faults))


def _tested(tracked: Tracked, truth: Path | None, folder: Path) -> Lazy[Labels]:
    """The masks of truth or of the result in ``folder``, each tested when it is read."""

    def read(index: int) -> Labels:
        """The masks int32[H, W] of a frame. Raises ValueError where they are not what the tracks say."""
        labels = tracked.masks[index]
        if labels.shape != tracked.shape or not is_at_home(tracked.tracks, index, np.unique(labels[labels > 0])):
            if truth:
                require_valid(tracked, truth)
            raise ValueError(summary(_result_faults(folder)))
        return labels

    return Lazy(len(tracked), read)


def _truth(folder: Path) -> Path | None:
    """Where the tracking truth of a folder is: in its ``TRA``, or in itself."""
    return next((place for place in (folder / "TRA", folder) if (place / "man_track.txt").is_file()), None)


def _result_faults(folder: Path, *, labels: bool = True) -> list[str]:
    """What is wrong with a result whose first frame may have any number; all of it if anything is."""
    files = numbered(folder, "mask")
    if not files or [file.number - files[0].number for file in files] != list(range(len(files))):
        return check(folder)
    try:
        height, width = read_header(files[0].path).shape
    except ValueError as error:
        return [str(error)]
    movie = layout.FrameFolder(
        folder, tuple(file.path for file in files), files[0].number, files[0].digits, (height, width)
    )
    found = check(folder, movie, labels=labels)
    return check(folder, movie) if found and not labels else found


def _presence_faults(tracked: Tracked) -> Iterator[str]:
    """Labels that are missing in a frame of their track, or present elsewhere, or another shape."""
    for index, labels in enumerate(tracked.masks):
        if labels.shape != tracked.shape:
            yield f"expected {tracked.shape} pixels in frame {tracked.spell(index)}, got {labels.shape}"
        listed = {track.label for track in tracked.tracks if track.begin <= index <= track.end}
        odd = sorted(listed.symmetric_difference(np.unique(labels[labels > 0]).tolist()))
        if odd:
            where = "its track only" if odd[0] in listed else "the mask only"
            yield f"expected label {odd[0]} in track and mask alike, got it in {where} in frame {tracked.spell(index)}"
