"""The net under every command: whatever ends it is one line of bounded length, and an exit code."""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from embedtrack import __version__
from embedtrack.files.guard import brief, clipped, is_python, plain, short_of_memory

FAILED, INTERRUPTED, TERMINATED = 2, 130, 143
LINE, LINES = 2000, 110
"""Letters of a line, and lines, that a person is shown."""


def run(command: Callable[[], Any]) -> int:
    """Run a command; returns the exit code, after the line that says why it is not 0."""
    told: list[int] = []

    def terminate(number: int, frame: FrameType | None) -> None:
        told.append(number)
        signal.default_int_handler(number, frame)  # what stops a container tidies up as Ctrl-C does

    signal.signal(signal.SIGTERM, terminate)
    try:
        code = command() or 0
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        code = FAILED
        if not told:
            _say(f"error: {explain(error)}")
    if told:
        _say("terminated")
        return TERMINATED
    if code == INTERRUPTED:  # typer returns it by itself when Ctrl-C comes within a command
        _say("interrupted")
    return int(code)


def _is_ours(error: Exception) -> bool:
    """Whether an error is a ValueError, or a kind of it that we made; those of libraries do not speak to people."""
    return isinstance(error, ValueError) and type(error).__module__.partition(".")[0] in ("builtins", "embedtrack")


def explain(error: Exception) -> str:
    """What ended a command, in words for a person."""
    if isinstance(error, typer.TyperException):
        return error.format_message().replace("Value error, ", "")  # what the parser of options puts before our words
    if short_of_memory(error):
        return "out of memory: try --views 1 or --tile 512, in training a smaller --batch"
    if isinstance(error, ModuleNotFoundError):
        return (
            f"expected the package {error.name}, got none: this installation was made without what this command needs; "
            "see requirements.txt"
        )
    if isinstance(error, UnicodeError):
        return f"expected names and texts in UTF-8, got '{brief(error)}'; rename the file{_kept(error)}"
    if _is_ours(error) and not is_python(error):
        return str(error)
    if isinstance(error, OSError):
        first = error.args[0] if error.args else None
        if isinstance(first, list) and first:  # of many files that could not be copied
            return f"{first[0][1]}: {clipped(str(first[0][2]), 300)}, and {len(first) - 1} files more"
        return f"{error.filename or 'the system'}: {error.strerror or clipped(str(error), 300)}"
    return f"expected to go on, got '{brief(error)}' in the program itself{_kept(error)}"


def _kept(error: Exception) -> str:
    """Keep the traceback in a file; what to say of it."""
    try:
        handle, name = tempfile.mkstemp(prefix="embedtrack-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"embedtrack {__version__}: {' '.join(map(plain, sys.argv[1:]))}\n")
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return ""
    return f"; the whole is in {Path(name)}: please send it"


def _say(text: str) -> None:
    lines = text.splitlines()
    more = [f"and {len(lines) - LINES} lines more"] if len(lines) > LINES else []
    with suppress(OSError):  # where nothing can be said the exit code still tells
        sys.stderr.write("".join(f"{plain(clipped(line, LINE))}\n" for line in [*lines[:LINES], *more]))
        sys.stderr.flush()
