"""The parts of file names that vary, and what each of them counts: time, channel, depth, or several movies."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

TIME, CHANNEL, DEPTH, SCENE, COUNTER = "time", "channel", "depth", "scene", "counter"
"""What a part counts; COUNTER: a number that no word explains."""

_DATE = r"(?:19|20)[0-9]{2}[-_.y]?(?:0[1-9]|1[0-2])[-_.m]?[0-3][0-9]d?"
_DAY_FIRST = r"[0-3][0-9]\.(?:0[1-9]|1[0-2])\.(?:19|20)[0-9]{2}"
"""A date with its day first, which the points tell."""
_DAYTIME = r"[0-2][0-9][-_.hH:]?[0-5][0-9](?:[-_.m:]?[0-5][0-9]s?|m)?"
_CLOCK = (
    rf"(?:{_DATE}|{_DAY_FIRST})(?:[-_ tT]*{_DAYTIME})?(?![0-9])"
    r"|[0-9]+d[-_ ]?[0-9]+h(?:[-_ ]?[0-9]+m(?:in)?)?(?:[-_ ]?[0-9]+s)?"
    r"|[0-9]+h[-_ ]?[0-9]+m(?:in)?(?:[-_ ]?[0-9]+s)?|[0-9]+m(?:in)?[-_ ]?[0-9]+s|[0-9]+\.[0-9]+"
)
"""Dates, times of day and durations such as 00d01h30m: several numbers that are one."""
_TOKEN = re.compile(rf"{_CLOCK}|[0-9]+|[^\W\d_]+", re.IGNORECASE)
_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("t", "time", "timepoint", "tp", "frame", "fr", "sk", "day", "hour", "min", "sec"), TIME),
    **dict.fromkeys(("ch", "channel", "chan", "wavelength", "wave"), CHANNEL),
    **dict.fromkeys(("z", "slice", "plane", "zstack"), DEPTH),
    **dict.fromkeys(("pos", "position", "xy", "site", "stage", "well", "fov"), SCENE),
}
UNITS = ("day", "hour", "min", "sec")
"""Words of time, the longest first."""
_VAGUE: Mapping[str, str] = {
    **dict.fromkeys(("c", "w", "wv"), CHANNEL),
    **dict.fromkeys(
        ("s", "p", "f", "m", "v", "r", "field", "series", "scene", "region", "tile", "view", "point"), SCENE
    ),
}
"""What these words may mean beside another part that varies; alone they may as well count frames."""
_DYES = frozenset(
    (
        "dapi", "hoechst", "gfp", "egfp", "yfp", "eyfp", "rfp", "cfp", "ecfp", "mcherry", "tdtomato", "cy3", "cy5",
        "fitc", "tritc", "texasred", "bf", "brightfield", "phase", "ph", "phc", "dic", "trans", "tl",
        "red", "green", "blue",
    )
)  # fmt: skip


class Name(NamedTuple):
    """A file's name in its parts."""

    path: Path
    spans: tuple[tuple[int, int], ...]
    """Where each part begins and ends in the name; what lies between does not matter."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Numbers, clocks and words."""
        return tuple(self.path.name[begin:end] for begin, end in self.spans)

    @property
    def structure(self) -> str:
        """A letter for each part: 0 number, a word."""
        return "".join("0" if part[0].isdigit() else "a" for part in self.parts)


class Part(NamedTuple):
    """A part that varies, together with all parts that vary in step with it."""

    columns: tuple[int, ...]
    role: str
    vague: bool
    """Whether the role is that of an ambiguous word."""


Value = tuple[int | float | str, ...]


def split(path: Path) -> Name:
    """The parts of a file's name."""
    return Name(path, tuple(match.span() for match in _TOKEN.finditer(path.stem)))


def value(part: str) -> Value:
    """What is compared and sorted: a number's or clock's numbers, of a date the year first; a word in small letters."""
    if not part[0].isdigit():
        return (part.casefold(),)
    numbers = tuple(map(int, re.findall("[0-9]+", part)))
    return (*numbers[2::-1], *numbers[3:]) if re.match(_DAY_FIRST, part) else numbers


def values(parts: Sequence[str]) -> list[Value]:
    """The ``value`` of each part of a column; fractions of several lengths (0.5, 0.75, 1) are numbers with a point.

    Where one of the longer ones ends in zero (1.9, 1.10) they count from 1 on: two whole numbers.
    """
    fractions = [part.partition(".")[2] for part in parts if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", part)]
    counted = any(len(one) > 1 and one.endswith("0") for one in fractions)
    if len(fractions) < len(parts) or len({len(one) for one in fractions}) == 1 or counted:
        return [value(part) for part in parts]
    return [(float(part),) for part in parts]


def clock(part: str) -> float | None:
    """The seconds that a clock, a date or a duration says, from some start; None where that is not clear."""
    text = part.casefold()
    if re.fullmatch(r"(?:[0-9.]+[-_ ]?(?:d|h|min|m|s)[-_ ]?)+", text):
        worth = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}
        return float(
            sum(float(n) * worth[unit] for n, unit in re.findall(r"([0-9]+\.?[0-9]*)[-_ ]?(min|[dhms])", text))
        )
    if re.fullmatch(r"[0-9]+\.[0-9]+", text):
        return float(text)
    if re.match(_DAY_FIRST, text):
        text = "".join(reversed(text[:10].split("."))) + text[10:]
    found = re.fullmatch(rf"({_DATE})[-_ t]*({_DAYTIME})?", text, re.IGNORECASE)
    digits = ["".join(re.findall("[0-9]", one or "")) for one in found.groups()] if found else [""]
    try:
        day = datetime.strptime(digits[0], "%Y%m%d")
        hours, minutes, seconds = (int(digits[1][at : at + 2] or 0) for at in (0, 2, 4))
    except (ValueError, IndexError):
        return None
    return (day - datetime(1900, 1, 1)).total_seconds() + 3600 * hours + 60 * minutes + seconds


def varying(names: Sequence[Name]) -> list[Part]:
    """What varies in names of one structure, in the order in which it first appears."""
    table = [tuple(map(value, name.parts)) for name in names]
    columns = list(zip(*table, strict=True))
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, column in enumerate(columns):
        if len(set(column)) > 1:
            seen: dict[Value, int] = {}
            groups.setdefault(tuple(seen.setdefault(one, len(seen)) for one in column), []).append(number)
    return [_part(names, tuple(members), columns) for members in groups.values()]


def pattern(names: Sequence[Name]) -> str:
    """A glob that matches names of one structure: ``Exp_A1_*.tif``."""
    first, rows = names[0], [name.parts for name in names]
    text, end = "", 0
    for number, (begin, stop) in enumerate(first.spans):
        same = len({value(row[number]) for row in rows}) == 1
        text += first.path.name[end:begin] + (first.path.name[begin:stop] if same else "*")
        end = stop
    return re.sub(r"\*+", "*", text + first.path.name[end:])


def _part(names: Sequence[Name], members: tuple[int, ...], columns: Sequence[tuple[Value, ...]]) -> Part:
    """The part that some columns make; the one of the clearest meaning leads."""
    meanings = {number: _meaning(names[0], number, columns) for number in members}
    order = (TIME, CHANNEL, DEPTH, SCENE, COUNTER)
    lead = min(
        members, key=lambda n: (meanings[n][1], order.index(meanings[n][0]), not isinstance(columns[n][0][0], int))
    )
    return Part((lead, *(n for n in members if n != lead)), *meanings[lead])


def _meaning(name: Name, number: int, columns: Sequence[tuple[Value, ...]]) -> tuple[str, bool]:
    """The role of a column, by the word before its number or by its own words; and whether that is vague."""
    parts = name.parts
    if not parts[number][0].isdigit():
        words = {str(one[0]) for one in columns[number]}
        return (CHANNEL, False) if words <= _DYES else (SCENE, any(len(word) == 1 for word in words))
    if len(columns[number][0]) > 1 and not re.fullmatch(r"[0-9]+\.[0-9]+", parts[number]):
        return TIME, False
    before = parts[number - 1].casefold() if number else ""
    if not before or before[0].isdigit() or len(set(columns[number - 1])) > 1:
        return COUNTER, False
    if before in _WORDS:
        return _WORDS[before], False
    known = {_WORDS.get(part.casefold()) for part in parts}
    if before in _VAGUE and not (_VAGUE[before] == CHANNEL and CHANNEL in known):
        return _VAGUE[before], True
    return (SCENE, True) if before in _VAGUE else (COUNTER, False)
