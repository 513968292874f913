"""Numbered file names, what is wrong with them, and how to speak of many numbers or faults in few words."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

DIGITS = 9
"""Of a frame's number, at most: times as in a clock are none."""


class Numbered(NamedTuple):
    """A file ``<prefix><number>.tif``; ``digits`` is the width of its number, zeros included."""

    number: int
    digits: int
    path: Path


def numbered(folder: Path, prefix: str) -> list[Numbered]:
    """The files ``<prefix><number>.tif`` of a folder in the order of their numbers; all others are ignored.

    Raises:
        ValueError: the folder is missing or cannot be listed, or a number is longer than can be meant.
    """
    pattern = re.compile(re.escape(prefix) + r"([0-9]+)\.tif")
    try:
        matches = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    except OSError as error:
        raise ValueError(f"{folder}: expected a folder, got '{error.strerror}'; check the path") from error
    long = next((path for match, path in matches if match and len(match[1]) > DIGITS), None)
    if long:
        raise ValueError(f"{long}: expected a frame number of at most {DIGITS} digits, got more; rename the frames")
    return sorted(Numbered(int(match[1]), len(match[1]), path) for match, path in matches if match)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The numbers as runs (begin, end), inclusive: 3, 5, 6, 7 are (3, 3), (5, 7)."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def gaps(numbers: Iterable[int], first: int, last: int) -> list[tuple[int, int]]:
    """The runs of first..last that hold none of the numbers; never counted out, so ``last`` may be huge."""
    edges = [first - 1, *sorted(n for n in set(numbers) if first <= n <= last), last + 1]
    return [(before + 1, after - 1) for before, after in pairwise(edges) if after - before > 1]


def spell(numbers: list[tuple[int, int]], limit: int = 5) -> str:
    """Runs in words: ``3, 5 to 7``, the first ``limit`` of them."""
    words = [str(begin) if begin == end else f"{begin} to {end}" for begin, end in numbers[:limit]]
    return ", ".join(words) + (f" and {len(numbers) - limit} more" if len(numbers) > limit else "")


def summary(faults: list[str], limit: int = 10) -> str:
    """One fault a line, the first ``limit`` of them."""
    return "\n".join(faults[:limit]) + (f"\nand {len(faults) - limit} more" if len(faults) > limit else "")


def number_faults(folder: Path, files: Sequence[Numbered], *, holes: bool) -> Iterator[str]:
    """Holes, unless they are allowed, and mixed widths in the frame numbers."""
    widths = {file.digits: file.path.name for file in files}
    if len(widths) > 1:
        names = " and ".join(sorted(widths.values()))
        yield f"{folder}: expected frame numbers of one width, got {names}; rename the frames"
    missing = gaps((file.number for file in files), files[0].number, files[-1].number)
    if missing and not holes:
        span = f"{files[0].number} to {files[-1].number}"
        yield f"{folder}: expected every frame from {span}, got none numbered {spell(missing)}; add or renumber frames"
