"""A folder's names are read, not only sorted: which images are the frames of one movie, and in which order."""

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from embedtrack.files.names import gaps, spell
from embedtrack.movies.name_parts import (
    CHANNEL,
    COUNTER,
    DEPTH,
    SCENE,
    TIME,
    Name,
    Part,
    Value,
    clock,
    pattern,
    split,
    value,
    varying,
)
from embedtrack.movies.scenes import pick
from embedtrack.movies.selection import Choice

log = logging.getLogger(__name__)

_MASK = re.compile(
    r"[ _-](cp_masks?|cp_outlines?|cp_output|masks?|outlines?|labels?|seg|segmentation|simple segmentation"
    r"|probabilities)$"
)
_COPY = re.compile(r" ?\([0-9]+\)$|( - |[ _-])copy( ?\(?[0-9]+\)?)?$|^copy of ")
LONG = 1.6
"""Times the usual step from which on a clock jumps."""
_PROJECTION = re.compile(r"^(max|min|avg|sum|std|med)_")


class Frames(NamedTuple):
    """The images of one movie."""

    files: Mapping[tuple[int, int], Sequence[Path]]
    """(channel, plane) -> its images in the order of time."""
    channels: tuple[str, ...]
    """Names of the channels; empty where there is one."""
    planes: int
    """Planes in depth."""


def read_names(folder: Path, files: Sequence[Path], choice: Choice) -> Frames:
    """The frames of one movie among the images of a folder, by their names.

    Args:
        folder: for messages.
        files: in natural order.
        choice: scene, channel, pattern and last frame.

    Raises:
        ValueError: names of several movies, of which none is chosen; or a number is missing in the middle.
    """
    files = _one_ending(folder, sift(folder, matching(folder, files, choice.pattern)))
    if len(files) < 2:
        return Frames({(0, 0): files}, (), 1)
    names = _one_structure(folder, [split(path) for path in files])
    parts = _assign(folder, names, varying(names))
    names = _one_scene(folder, names, parts, choice.scene)
    times = [part for part in parts if part.role == TIME]
    shades, planes = (_values(names, [part for part in parts if part.role == role]) for role in (CHANNEL, DEPTH))
    grid: dict[tuple[int, int], list[Name]] = {(c, z): [] for c in range(len(shades)) for z in range(len(planes))}
    for name in names:
        where = (_key(name, parts, CHANNEL), _key(name, parts, DEPTH))
        grid[list(shades).index(where[0]), list(planes).index(where[1])].append(name)
    channels = tuple(shades.values()) if len(shades) > 1 else ()
    wanted = (
        range(len(shades))
        if choice.channel is None or not channels
        else [pick(folder, channels, choice.channel, "channel")]
    )
    ordered = {key: _in_time(folder, members, times, choice.until, key[0] in wanted) for key, members in grid.items()}
    counts = {len(members) for (c, _), members in ordered.items() if c in wanted}
    if len(counts) > 1:
        raise ValueError(
            f"{folder}: expected as many frames of each channel and plane, got {sorted(counts)}; add the missing images"
        )
    return Frames(ordered, channels, len(planes))


def matching(folder: Path, files: Sequence[Path], glob: str | None) -> list[Path]:
    """The files whose names match a pattern; all without one.

    Raises:
        ValueError: none does.
    """
    found = [path for path in files if glob is None or fnmatchcase(path.name, glob)]
    if files and not found:
        raise ValueError(
            f"{folder}: expected --pattern to match images, got {glob}; they are named like {files[0].name}"
        )
    return found


def masks_among(files: Sequence[Path]) -> list[Path]:
    """The images that are another one's masks by their names: ``img_1_cp_masks.png`` beside ``img_1.tif``."""
    stems = {path.stem.casefold() for path in files}
    found = [(path, _MASK.sub("", path.stem.casefold())) for path in files if _MASK.search(path.stem.casefold())]
    return [path for path, other in found if other in stems]


def sift(folder: Path, files: Sequence[Path]) -> list[Path]:
    """The images without masks, copies and projections of the others; what is left out is told."""
    stems = {path.stem.casefold() for path in files}
    projected = [path for path in files if _PROJECTION.match(path.stem.casefold())]
    copies = [
        path for path in files if _COPY.sub("", path.stem.casefold()) in stems and _COPY.search(path.stem.casefold())
    ]
    kinds = {
        "masks": masks_among(files),
        "copies": copies if 2 * len(copies) <= len(files) else [],
        "projections": projected if len(projected) < len(files) else [],
    }
    for kind, some in kinds.items():
        if some:
            log.warning(
                "%s: left out as %s: %d of %d images, %s among them", folder, kind, len(some), len(files), some[0].name
            )
    left = {path for some in kinds.values() for path in some}
    return [path for path in files if path not in left]


def _one_ending(folder: Path, files: list[Path]) -> list[Path]:
    endings = Counter(path.suffix.lower() for path in files)
    if len(endings) > 1:
        some = " and ".join(f"{count} {ending}" for ending, count in endings.most_common(3))
        best = endings.most_common(1)[0][0]
        raise ValueError(
            f"{folder}: expected images of one kind, got {some}; take the others out of the folder, or choose with "
            f"--pattern '*{best}'"
        )
    return files


def _one_structure(folder: Path, names: list[Name]) -> list[Name]:
    """The names, if they are built alike."""
    kinds: dict[str, list[Name]] = {}
    for name in names:
        kinds.setdefault(name.structure, []).append(name)
    if len(kinds) > 1:
        some = ", ".join(f"{len(members)} like {members[0].path.name}" for members in list(kinds.values())[:5])
        usual = max(kinds.values(), key=len)
        raise ValueError(
            f"{folder}: expected names that are built alike, got {some}; choose with --pattern, e.g. '{pattern(usual)}'"
        )
    return names


def _assign(folder: Path, names: Sequence[Name], parts: Sequence[Part]) -> list[Part]:
    """The parts with one of TIME, CHANNEL, DEPTH and SCENE as role; without TIME each name is a frame of its own."""
    if len(parts) == 1 and (parts[0].vague or parts[0].role in (COUNTER, TIME, DEPTH)):
        if parts[0].role == DEPTH:
            log.warning("%s: the names count planes in depth; they are taken for frames", folder)
        elif parts[0].vague:
            log.warning(
                "%s: what varies in the names (%s to %s) may count positions or channels; they are taken for frames",
                folder, names[0].path.name, names[-1].path.name,
            )  # fmt: skip
        return [parts[0]._replace(role=TIME)]
    counters = [part for part in parts if part.role == COUNTER]
    alone = [part for part in counters if len({value(name.parts[part.columns[0]]) for name in names}) == len(names)]
    times = [part for part in parts if part.role == TIME] or alone[:1] or counters[-1:]
    return [
        part._replace(role=TIME if part in times else SCENE if part.role == COUNTER else part.role) for part in parts
    ]


def _one_scene(folder: Path, names: list[Name], parts: Sequence[Part], asked: str | None) -> list[Name]:
    """The names of one movie."""
    scenes: dict[Value, list[Name]] = {}
    for name in names:
        scenes.setdefault(_key(name, parts, SCENE), []).append(name)
    times = [_key(name, parts, TIME) for name in names]
    if 2 * len(scenes) > len(names) and len(set(times)) == len(names):
        return names  # a note in the name of each frame, not what tells movies apart
    ordered = [scenes[key] for key in sorted(scenes)]
    labels = [_label(members[0], [part for part in parts if part.role == SCENE]) for members in ordered]
    return ordered[pick(folder, labels, asked, "scene", f" (or --pattern '{pattern(ordered[0])}')")]


def _in_time(folder: Path, names: list[Name], times: Sequence[Part], until: int | None, judged: bool) -> list[Path]:
    """The files in the order of time, up to a frame; ``judged``: none may be missing or twice."""
    columns = sorted(part.columns[0] for part in times)

    def moment(name: Name) -> Value:
        return tuple(one for number in columns for one in value(name.parts[number]))

    ordered = sorted(names, key=moment)[: None if until is None else until + 1]
    for one, other in pairwise(ordered if judged else ()):
        if moment(one) == moment(other):
            raise ValueError(
                f"{folder}: expected one image for each frame, got {one.path.name} and {other.path.name}; "
                "choose with --pattern"
            )
    if judged and len(columns) == 1:
        moments = [moment(name) for name in ordered]
        if all(len(one) == 1 and isinstance(one[0], int) for one in moments):
            _no_holes(folder, ordered, [int(one[0]) for one in moments])
        else:
            _tell_of_jumps(folder, ordered, [clock(name.parts[columns[0]]) for name in ordered])
    return [name.path for name in ordered]


def _no_holes(folder: Path, names: Sequence[Name], numbers: Sequence[int]) -> None:
    """Raise ValueError where the numbers jump; those that count in even steps of their own are whole."""
    steps = Counter(after - before for before, after in pairwise(numbers))
    if not steps:
        return
    step, often = steps.most_common(1)[0]
    if 2 * often < sum(steps.values()):
        log.warning("%s: the numbers in the names do not count evenly; frames are taken in their order", folder)
        return
    places = [(number - numbers[0]) // step for number in numbers]
    missing = [(numbers[0] + begin * step, numbers[0] + end * step) for begin, end in gaps(places, 0, places[-1])]
    if missing:
        raise ValueError(
            f"{folder}: expected every frame from {names[0].path.name} to {names[-1].path.name}, got none numbered "
            f"{spell(missing)}; add or renumber frames, or use those before with --until"
        )


def _tell_of_jumps(folder: Path, names: Sequence[Name], times: Sequence[float | None]) -> None:
    """Warn where clocks that go evenly jump: a frame may be missing, or the microscope has paused."""
    known = [time for time in times if time is not None]
    if len(known) < len(names) or len(known) < 3:
        return
    steps = [after - before for before, after in pairwise(known)]
    usual = sorted(steps)[len(steps) // 2]
    jumps = [at for at, step in enumerate(steps) if step > LONG * usual]
    if usual > 0 and jumps and 2 * len(jumps) < len(steps):
        log.warning(
            "%s: the clock in the names jumps by %g s after %s%s, where others lie %g s apart; a frame may be missing",
            folder, steps[jumps[0]], names[jumps[0]].path.name,
            f" and {len(jumps) - 1} more" if len(jumps) > 1 else "", usual,
        )  # fmt: skip


def _key(name: Name, parts: Sequence[Part], role: str) -> Value:
    """The values of all parts of a role."""
    row = name.parts
    return tuple(one for part in parts if part.role == role for one in value(row[part.columns[0]]))


def _values(names: Sequence[Name], parts: Sequence[Part]) -> dict[Value, str]:
    """The values of some parts, sorted, and how to call them."""
    role = parts[0].role if parts else ""
    found = {_key(name, parts, role): _label(name, parts) for name in names}
    return {key: found[key] for key in sorted(found)}


def _label(name: Name, parts: Sequence[Part]) -> str:
    """The words and numbers of some parts: ``A1``, ``xy02``, or ``A1_s2`` where they lie apart."""
    text, end, row = "", 0, name.parts
    for number in sorted(number for part in parts for number in part.columns):
        begin, stop = name.spans[number]
        word = row[number - 1] if number and row[number][0].isdigit() and name.spans[number - 1][1] != end else ""
        word = "" if word[:1].isdigit() else word
        text += ("_" if text and begin > end else "") + word + row[number]
        end = stop
    return f"nr{text}" if text.isdigit() else text
