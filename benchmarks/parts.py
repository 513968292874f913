"""A part of an annotated sequence as a sequence of its own, made of links."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from embedtrack.challenge import layout
from embedtrack.challenge.lbep import write_tracks
from embedtrack.challenge.scores import cut


def take(sequence: Path, numbers: Iterable[int], out: Path, *, silver: bool = True) -> Path:
    """The frames of some numbers that follow each other, with their truth; the new sequence's folder below ``out``."""
    frames, truth = layout.open_frames(sequence), layout.open_truth(sequence)
    numbers = sorted(frames.keys() & set(numbers))
    new, gold = out / sequence.name, out / f"{sequence.name}_GT"
    _link(new, (frames[number] for number in numbers))
    _link(gold / "SEG", _those(truth.gold, numbers))
    if silver:
        _link(out / f"{sequence.name}_ST" / "SEG", _those(truth.silver, numbers))
    if truth.markers:
        _link(gold / "TRA", _those(truth.markers, numbers))
        tracks = [
            track._replace(begin=track.begin + numbers[0], end=track.end + numbers[0])
            for track in cut(truth.tracks, numbers[0], numbers[-1])
        ]
        write_tracks(gold / "TRA" / "man_track.txt", tracks)
    return new


def _link(folder: Path, paths: Iterable[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        link = folder / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())


def _those(paths: Mapping[int, Path], numbers: Iterable[int]) -> list[Path]:
    return [paths[number] for number in numbers if number in paths]
