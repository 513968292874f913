"""The challenge's own files, also where they do not obey its rules: gaps are cut, large labels are renumbered."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.aogm import Edge, Node
from embedtrack.challenge.check import TRACKS
from embedtrack.challenge.lbep import read_tracks
from embedtrack.challenge.tracked import open_tracked
from embedtrack.exchange.graph import tracked
from embedtrack.files.lazy import Lazy
from embedtrack.files.names import Numbered, numbered
from embedtrack.movies.tiff_image import read_image
from embedtrack.tracked import Tracked
from embedtrack.types import Track

log = logging.getLogger(__name__)


def read(path: Path) -> Tracked:
    """A result or truth; one that is not valid is mended where nothing is lost by that, and the log says so.

    A track that skips frames is cut there, labels above 16 bits are renumbered, spans become those of the masks.

    Raises:
        ValueError: frames are missing, a label is in no line of the table, or links contradict each other.
    """
    try:
        return open_tracked(path)
    except ValueError as error:
        prefix, place = next(
            ((name, place) for name, place in (("man_track", path / "TRA"), ("man_track", path), ("mask", path))
             if place.is_dir() and numbered(place, name)), ("", path),
        )  # fmt: skip
        files = numbered(place, prefix) if prefix else []
        if not files or [file.number - files[0].number for file in files] != list(range(len(files))):
            raise
        mended = _mended(path, files, read_tracks(place / (TRACKS if prefix == "mask" else "man_track.txt")))
        log.warning("%s: mended, for it is not valid by the challenge's rules: %s", path, str(error).splitlines()[0])
        return mended


def _mended(path: Path, files: Sequence[Numbered], tracks: Sequence[Track]) -> Tracked:
    """The masks with the links that the table has between labels."""
    masks = Lazy(len(files), lambda t: _labels(files[t].path))
    seen: dict[int, list[int]] = defaultdict(list)
    for t, image in enumerate(masks):
        for label in np.unique(image[image > 0]).tolist():
            seen[label].append(t)
    lines = Counter(track.label for track in tracks)
    if wrong := [label for label in sorted(seen.keys() | lines.keys()) if lines[label] != 1]:
        where = f" of {files[seen[wrong[0]][0]].path.name}" if wrong[0] in seen else ""
        raise ValueError(
            f"{path}: expected one line for each label in the table of tracks, got {lines[wrong[0]] or 'none'} for "
            f"label {wrong[0]}{where}; correct it"
        )
    nodes: list[Node] = [(t, label) for label, times in seen.items() for t in times]
    links: list[Edge] = [
        ((before, label), (after, label)) for label, times in seen.items()
        for before, after in pairwise(times)
    ]  # fmt: skip
    for track in tracks:
        if track.parent in seen and track.label in seen:
            links.append(((seen[track.parent][-1], track.parent), (seen[track.label][0], track.label)))
    return tracked(path, masks, sorted(nodes), links, files[0].number, files[0].digits, own=True)


def _labels(path: Path) -> NDArray[Any]:
    """A label image [H, W] of any integer type."""
    image = read_image(path)
    if image.dtype.kind not in "ui" or image.min() < 0:
        got = image.dtype if image.dtype.kind not in "ui" else f"the label {image.min()}"
        raise ValueError(f"{path}: expected whole numbers from 0 on, 0 for background, got {got}; save them so")
    return image
