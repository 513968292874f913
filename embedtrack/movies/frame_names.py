"""A folder's names are read, not only sorted: what they count, and which images are the frames of one movie.

``sift.py`` says which images take part, ``name_parts.py`` what a part of a name counts, ``frame_order.py`` orders them.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from embedtrack.movies.frame_order import in_time
from embedtrack.movies.name_parts import (
    CHANNEL,
    COUNTER,
    DEPTH,
    SCENE,
    TIME,
    Name,
    Part,
    Value,
    pattern,
    split,
    value,
    varying,
)
from embedtrack.movies.scenes import pick
from embedtrack.movies.selection import Choice
from embedtrack.movies.sift import matching, one_ending, sift

log = logging.getLogger(__name__)


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
    files = one_ending(folder, sift(folder, matching(folder, files, choice.pattern)))
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
    ordered = {key: in_time(folder, members, times, choice.until, key[0] in wanted) for key, members in grid.items()}
    counts = {len(members) for (c, _), members in ordered.items() if c in wanted}
    if len(counts) > 1:
        raise ValueError(
            f"{folder}: expected as many frames of each channel and plane, got {sorted(counts)}; add the missing images"
        )
    return Frames(ordered, channels, len(planes))


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
