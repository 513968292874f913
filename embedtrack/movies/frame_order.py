"""The order of frames in time, by the numbers or clocks in their names, and whether any are missing."""

import logging
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from embedtrack.files.names import gaps, spell
from embedtrack.movies.name_parts import UNITS, Name, Part, Value, clock, values

log = logging.getLogger(__name__)

LONG = 1.6
"""Times the usual step from which on a clock jumps."""


def in_time(folder: Path, names: list[Name], times: Sequence[Part], until: int | None, judged: bool) -> list[Path]:
    """The files in the order of time.

    Args:
        folder: for messages.
        names: of one channel and plane of one movie.
        times: the parts of the names that count time.
        until: the last frame that is used.
        judged: whether it matters that none is missing or there twice.

    Raises:
        ValueError: one is.
    """
    if not names:
        return []
    columns = _longest_first(names[0], [part.columns[0] for part in times])
    table = [values([name.parts[number] for name in names]) for number in columns]
    moments: dict[Path, Value] = {
        name.path: tuple(number for column in table for number in column[row]) for row, name in enumerate(names)
    }
    ordered = sorted(names, key=lambda name: moments[name.path])[: None if until is None else until + 1]
    for one, other in pairwise(ordered if judged else ()):
        if moments[one.path] == moments[other.path]:
            raise ValueError(
                f"{folder}: expected one image for each frame, got {one.path.name} and {other.path.name}; "
                "choose with --pattern"
            )
    if judged and len(columns) == 1:
        rows = [moments[name.path] for name in ordered]
        counts = [row[0] for row in rows if len(row) == 1 and isinstance(row[0], int)]
        if len(counts) == len(ordered):
            _no_holes(folder, ordered, counts)
        else:
            _tell_of_jumps(folder, ordered, [clock(name.parts[columns[0]]) for name in ordered])
    return [name.path for name in ordered]


def _longest_first(name: Name, columns: Sequence[int]) -> list[int]:
    """The columns from the one that counts the longest time down; as they stand where no words say what they count."""
    order = sorted(columns)
    words = [name.parts[number - 1].casefold() if number else "" for number in order]
    if set(words) <= set(UNITS) and len(set(words)) == len(words):
        order = [number for _, number in sorted(zip(map(UNITS.index, words), order, strict=True))]
    return order


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
