"""Which of several movies in one file is meant."""

from collections.abc import Sequence
from pathlib import Path


def pick(path: Path, names: Sequence[str], asked: str | None) -> int:
    """The index of the chosen scene.

    Raises:
        ValueError: there are several and none is chosen, or there is none of this number or name.
    """
    if asked is None and len(names) == 1:
        return 0
    there = ", ".join(f"{i} {name}".strip() for i, name in enumerate(names[:20], start=1))
    there += f" and {len(names) - 20} more" if len(names) > 20 else ""
    if asked is None:
        raise ValueError(f"{path}: expected one movie, got {len(names)}; choose with --scene: {there}")
    if asked in names:
        return list(names).index(asked)
    if asked.isdigit() and 1 <= int(asked) <= len(names):
        return int(asked) - 1
    raise ValueError(f"{path}: expected --scene to be one of {there}; got {asked}")
