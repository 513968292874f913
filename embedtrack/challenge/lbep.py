"""Track files: a line ``L B E P`` per track, that is label, begin, end, parent."""

import re
from collections.abc import Iterable
from pathlib import Path

from embedtrack.files.guard import require_regular
from embedtrack.types import Track

MAX_LABEL = 65535
"""Masks have 16 bits."""


def parse_tracks(path: Path) -> tuple[list[Track], list[str]]:
    """The tracks of the sound lines, in the order of the file, and one fault for every other line.

    Raises:
        ValueError: the file cannot be read.
    """
    require_regular(path)
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise ValueError(f"{path}: expected a track file, got '{error.strerror}'; add it") from error
    tracks, faults = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split()
        if len(fields) == 4 and all(re.fullmatch("[0-9]{1,18}", field) for field in fields):
            tracks.append(Track(*map(int, fields)))
        elif fields:
            got = repr(line.strip()[:60])
            faults.append(f"{path}, line {number}: expected 4 whole numbers 'label begin end parent', got {got}")
    return tracks, faults


def read_tracks(path: Path) -> list[Track]:
    """The tracks in the order of the file; blank lines are ignored, an empty file has no tracks.

    Raises:
        ValueError: the file cannot be read, or has a bad line (the first one is named).
    """
    tracks, faults = parse_tracks(path)
    if faults:
        raise ValueError(f"{faults[0]}; correct the line")
    return tracks


def write_tracks(path: Path, tracks: Iterable[Track]) -> None:
    """Write the tracks sorted by label.

    Raises:
        ValueError: a label does not fit into the 16 bits of a mask.
    """
    tracks = sorted(tracks)
    for track in tracks:
        if not 1 <= track.label <= MAX_LABEL:
            raise ValueError(
                f"{path.name}: expected labels from 1 to {MAX_LABEL}, got {track.label} ({len(tracks)} tracks); "
                "a movie with more tracks must be cut into shorter ones"
            )
    path.write_text("".join(f"{label} {begin} {end} {parent}\n" for label, begin, end, parent in tracks))
