"""What a check finds."""

from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """What was looked at, what it is, and what is wrong with it."""

    topic: str
    text: str
    fault: str = ""
    """Why it is broken, and how to mend it; empty where it is not."""


def line(finding: Finding) -> str:
    """As it is printed."""
    told = f"BROKEN {finding.fault}" if finding.fault else ""
    return f"{finding.topic + ':':<16} {'; '.join(filter(None, (finding.text, told)))}"


def short(path: Path) -> str:
    """A path without the user's name."""
    return str(path).replace(str(Path.home()), "~") if len(str(Path.home())) > 1 else str(path)
