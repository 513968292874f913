"""Of which commit this program is."""

import os
import subprocess

from embedtrack.challenge.convention import PACKAGE, REPOSITORY

NOTE = "revision.txt"
"""Within a wheel's package: setup.py writes it."""


def revision() -> str:
    """The commit: ``$EMBEDTRACK_REVISION`` of a build, a wheel's note, else git's with ``+`` where it was changed."""
    if built := os.environ.get("EMBEDTRACK_REVISION"):
        return built
    if (PACKAGE / NOTE).is_file():
        return (PACKAGE / NOTE).read_text().strip()
    words = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    if not (REPOSITORY / ".git").exists():
        return "unknown"
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git
        return "unknown"
    return done.stdout.strip() or "unknown"
