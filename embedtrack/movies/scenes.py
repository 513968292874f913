"""Which of several movies, channels or planes is meant."""

from collections.abc import Sequence
from pathlib import Path

from embedtrack.files.guard import clipped

MANY, LONGEST = 20, 10
"""So many are listed, and letters of a number that can be meant."""


def pick(path: Path, names: Sequence[str], asked: str | None, option: str = "scene", hint: str = "") -> int:
    """The index of the chosen one: its number from 1, or its name.

    Args:
        path: of the file or folder, for messages.
        names: of all; may be empty strings.
        asked: what the user says.
        option: of the command line, without its dashes.
        hint: what else the user can do.

    Raises:
        ValueError: there are several and none is chosen, or there is none of this number or name.
    """
    if asked is None and len(names) == 1:
        return 0
    if asked is None:
        noun = "movie" if option == "scene" else option
        raise ValueError(
            f"{path}: expected one {noun}, got {len(names)}; choose with --{option}: {listed(names)}{hint}"
        )
    if asked in names:
        return list(names).index(asked)
    if asked.isdecimal() and len(asked) < LONGEST and 1 <= int(asked) <= len(names):
        return int(asked) - 1
    raise ValueError(f"{path}: expected --{option} to be one of {listed(names)}; got {clipped(asked, 100)}")


def listed(names: Sequence[str]) -> str:
    """``1 left, 2 right``, the first of them."""
    text = ", ".join(f"{i} {name}".strip() for i, name in enumerate(names[:MANY], start=1))
    return text + (f" and {len(names) - MANY} more" if len(names) > MANY else "")
