"""Is a result folder valid by the rules of the challenge? Every fault is reported, none raised."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from embedtrack.challenge.lbep import MAX_LABEL, parse_tracks
from embedtrack.files.names import Numbered, gaps, numbered, runs, spell
from embedtrack.movies.tiff_image import Header, read_header, read_image
from embedtrack.types import Track

TRACKS = "res_track.txt"


class Layout(Protocol):
    """What a result must know of its movie: a mask for each of so many frames."""

    @property
    def first(self) -> int:
        """Number of the first frame; the others follow without holes."""

    @property
    def digits(self) -> int:
        """Width of the frame numbers in file names."""

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of every frame."""

    def __len__(self) -> int: ...


def mask_name(number: int, digits: int) -> str:
    """The mask's file name for a frame number."""
    return f"mask{number:0{digits}d}.tif"


def check(folder: Path, sequence: Layout | None = None, *, labels: bool = True) -> list[str]:
    """Every violation of a result folder, one line each; none if it is valid. One mask is in memory at a time.

    Who reads every mask anyway leaves the ``labels`` out: he tests ``is_at_home`` of each, and asks for all faults
    where it is not so.

    Args:
        folder: with ``mask###.tif`` and ``res_track.txt``.
        sequence: the movie, for its frames, digits and shape; without it the first mask begins and the last one
            ends the movie, most of them tell the digits and the first one the shape.
        labels: also which labels each mask holds; without it only the masks' headers are read.
    """
    folder = Path(folder)
    try:
        files = numbered(folder, "mask")
    except ValueError as error:
        return [str(error)]
    movie = _expect(files, sequence)
    faults = list(_name_faults(folder, files, movie))
    try:
        tracks, bad_lines = parse_tracks(folder / TRACKS)
        faults += bad_lines
        faults += [f"{folder / TRACKS}: {fault}" for fault in track_faults(tracks, movie.first, movie.last)]
        presence = _Presence(tracks) if labels else None
    except ValueError as error:
        faults.append(str(error))
        presence = None  # without tracks no label is right or wrong
    # Of two masks with one number the one with the right digits counts.
    masks = {file.number: file.path for file in sorted(files, key=lambda file: file.digits == movie.digits)}
    within = {number: masks[number] for number in sorted(masks) if movie.first <= number <= movie.last}
    faults += _mask_faults(within, movie.shape, presence) if labels else _header_faults(within, movie.shape)
    return faults + ([f"{folder}: {fault}" for fault in presence.faults()] if presence else [])


def track_faults(tracks: list[Track], first: int, last: int) -> Iterator[str]:
    """What is wrong with the tracks of a movie of the frames first..last (last < first: unknown)."""
    ends = {track.label: track.end for track in tracks}
    for label, count in Counter(track.label for track in tracks).items():
        if count > 1:
            yield f"expected label {label} once, got it {count} times"
    for label, begin, end, parent in tracks:
        if not 1 <= label <= MAX_LABEL:
            yield f"expected labels from 1 to {MAX_LABEL}, got {label}"
        if begin > end:
            yield f"expected label {label} to begin before it ends, got {begin} to {end}"
        elif first <= last and not first <= begin <= end <= last:
            yield f"expected label {label} within the movie's frames {first} to {last}, got {begin} to {end}"
        if parent and parent == label:
            yield f"expected another label or 0 as parent of label {label}, got itself"
        elif parent and parent not in ends:
            yield f"expected a listed label or 0 as parent of label {label}, got {parent}"
        elif parent and ends[parent] >= begin:
            yield f"expected parent {parent} of label {label} to end before {begin}, got an end at {ends[parent]}"


def is_at_home(tracks: Iterable[Track], number: int, labels: Sequence[int] | NDArray[np.integer[Any]]) -> bool:
    """Whether the labels that a frame holds, each once in rising order, are those of the tracks that are there."""
    expected = sorted(track.label for track in tracks if track.begin <= number <= track.end)
    return np.array_equal(expected, labels)


class _Movie(NamedTuple):
    """What masks a result should have: the frames first..last, the digits of their names, their shape if known.

    Where the movie is not there its first frame is that of the first mask: tracks that begin before it tell if one is
    missing.
    """

    first: int
    last: int
    digits: int
    shape: tuple[int, int] | None


def _expect(files: list[Numbered], sequence: Layout | None) -> _Movie:
    if sequence:
        return _Movie(sequence.first, sequence.first + len(sequence) - 1, sequence.digits, sequence.shape)
    if not files:
        return _Movie(0, -1, 3, None)
    [(digits, _)] = Counter(file.digits for file in files).most_common(1)
    return _Movie(files[0].number, files[-1].number, digits, None)


def _name_faults(folder: Path, files: list[Numbered], movie: _Movie) -> Iterator[str]:
    """Missing, extra and misnamed masks."""
    first, last, digits, _ = movie
    if not files:
        yield f"{folder}: expected masks {mask_name(first, digits)} and so on, got none"
    for begin, end in gaps((file.number for file in files), first, last) if files else ():
        names = mask_name(begin, digits) + (f" to {mask_name(end, digits)}" if end > begin else "")
        yield f"{folder}: expected {names}, got nothing there"
    for number, width, path in files:
        if not first <= number <= last:
            yield f"{path}: expected masks of the movie's frames {first} to {last}, got an extra one"
        elif width != digits:
            yield f"{path}: expected {digits} digits as in {mask_name(number, digits)}, got {width}"
    known = {file.path for file in files}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".tif", ".tiff") and path not in known:
            yield f"{path}: expected masks named like {mask_name(first, digits)}, got another name"


def _mask_faults(masks: dict[int, Path], shape: tuple[int, ...] | None, presence: "_Presence | None") -> Iterator[str]:
    """What is wrong with the masks (frame number -> path) as images; their labels go to ``presence``."""
    for number, path in masks.items():
        try:
            mask = read_image(path)
        except ValueError as error:
            yield str(error)
            continue
        shape = shape or mask.shape
        expected, got = Header(shape, np.dtype(np.uint16)), Header(mask.shape, mask.dtype)
        if got != expected:
            yield f"{path}: expected {expected}, got {got}"
        if presence and mask.dtype.kind in "ui":
            presence.see(number, mask)


def _header_faults(masks: dict[int, Path], shape: tuple[int, ...] | None) -> Iterator[str]:
    """As far as the masks' headers tell, what is wrong with them."""
    for path in masks.values():
        try:
            got = read_header(path)
        except ValueError as error:
            yield str(error)
            continue
        shape = shape or got.shape
        if got != (expected := Header(shape, np.dtype(np.uint16))):
            yield f"{path}: expected {expected}, got {got}"


class _Presence:
    """Which labels are not where they should be, or are where they should not be."""

    def __init__(self, tracks: list[Track]) -> None:
        count = Counter(track.label for track in tracks)
        # A span that contradicts itself is a fault of its own and says nothing of the frames.
        sound = [t for t in tracks if count[t.label] == 1 and 1 <= t.label <= MAX_LABEL and t.begin <= t.end]
        self.spans = np.array(sound, np.int64).reshape(-1, 4).T  # [4, tracks]: label, begin, end, parent
        self.doubtful = set(count) - {track.label for track in sound}
        self.listed = set(count)
        self.absent: dict[int, list[int]] = defaultdict(list)
        self.stray: dict[int, list[int]] = defaultdict(list)

    def see(self, number: int, mask: NDArray[Any]) -> None:
        """Take in the labels of one frame's mask [H, W]."""
        present = np.unique(mask[mask != 0]).astype(np.int64)
        label, begin, end, _ = self.spans
        expected = label[(begin <= number) & (number <= end)]
        for missing in np.setdiff1d(expected, present).tolist():
            self.absent[missing].append(number)
        for stray in set(np.setdiff1d(present, expected).tolist()) - self.doubtful:
            self.stray[stray].append(number)

    def faults(self) -> Iterator[str]:
        """One line a label."""
        for label, numbers in sorted(self.absent.items()):
            yield f"expected label {label} in every frame of its span, got none in frame {spell(runs(numbers))}"
        for label, numbers in sorted(self.stray.items()):
            rule = f"label {label} within its span only" if label in self.listed else f"labels listed in {TRACKS} only"
            yield f"expected {rule}, got label {label} in frame {spell(runs(numbers))}"
