"""One guard for all that others have written: whatever goes wrong with a file becomes one line that names it.

Metadata, states, tables and images of other programs, and damaged ones of our own, can fail anywhere in a library.
Within ``reading`` any exception becomes a ValueError in the field's words; short memory stays a MemoryError.
"""

import logging
import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST = 300
"""Letters of what a library says that a person is shown."""
PIXELS = 1 << 30
"""Of an image: larger ones are refused before they are decoded, for a small file can claim any size."""
FRAMES = 1_000_000
"""Of a movie."""
LARGEST = 1 << 53
"""Of the numbers by which programs name their things: a double holds it."""
MEMORY = re.compile(
    r"out of memory|can.t allocate memory|cannot allocate memory|unable to allocate|bad_alloc|insufficient memory|"
    r"can.t start new thread|defaultcpuallocator|could not create a (primitive|memory)|failed to map segment|alloc_cpu",
    re.IGNORECASE,
)
"""What torch, oneDNN, OpenCV, the C++ library and the loader say where memory is short."""
OWN = re.compile(r"expected .+, got[: ]")
"""What all lines of our own have in common."""
WORDS = (
    (r"invalid literal for int\(\) with base 10: (.*)", r"\1 where a whole number belongs"),
    (r"could not convert string to float: (.*)", r"\1 where a number belongs"),
    (r"cannot convert float (NaN|infinity) to integer", r"\1 where a whole number belongs"),
    (r".*(division|modulo) by zero.*", "a 0 where none may be"),
    (r"not a TIFF file.*", "a file of another kind"),
    (r"(.*)codec can't (decode|encode).*", "letters that are no text"),
    (r".*(object is not|object has no attribute|unsupported operand|expected at most|positional arg|indices must be|"
     r"not supported between).*", "a value of another kind than belongs there"),
    (r".*(out of range|out of bounds|too large to convert|Python int too large).*", "a number out of range"),
    (r".*(maximum recursion depth|recursion).*", "values that are nested too deeply"),
)  # fmt: skip
"""What Python says -> what a person understands."""


@contextmanager
def reading(path: object, what: str, mend: str = "copy or save it again") -> Iterator[None]:
    """Whatever goes wrong within becomes a ValueError of one line: the file, what was expected, what came.

    Args:
        path: of the file; a fault that names it, or an option, stays as it is.
        what: was expected, e.g. ``a track file``.
        mend: what to do.

    Raises:
        ValueError: anything but short memory went wrong.
        MemoryError: memory was short.
    """
    try:
        yield
    except Exception as error:
        if short_of_memory(error):
            raise MemoryError(brief(error)) from error
        if isinstance(error, ValueError) and str(error).startswith((str(path), "expected --")):
            raise
        raise ValueError(f"{path}: expected {what}, got '{brief(error)}'; {mend}") from error


def bonus(path: object, what: str, read: Callable[[], T], otherwise: T) -> T:
    """What ``read`` makes of metadata without which a file is still good; whatever fails is told, and left out."""
    try:
        return read()
    except Exception as error:
        if short_of_memory(error):
            raise
        log.warning("%s: %s cannot be understood and is left out: %s", path, what, brief(error))
        return otherwise


def short_of_memory(error: BaseException | None) -> bool:
    """Whether an exception, or one that led to it, says that memory was short."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == 12:  # ENOMEM
            return True
        library = isinstance(error, RuntimeError | ImportError | OSError) or type(error).__module__.startswith("cv2")
        if library and MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def brief(error: BaseException) -> str:
    """What an exception says in one line of bounded length, without Python's own words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        said = f"no {said.strip(chr(39))}"
    for pattern, words in WORDS:
        if re.fullmatch(pattern, said, re.IGNORECASE):
            said = re.sub(pattern, words, said, flags=re.IGNORECASE)
            break
    return clipped(said, LONGEST)


def is_python(error: BaseException) -> bool:
    """Whether an exception speaks Python's words, which are not meant for the one who uses the program.

    What says what was expected and what came is a line of our own, whatever words it quotes.
    """
    said = " ".join(str(error).split())
    return not OWN.search(said) and any(re.fullmatch(pattern, said, re.IGNORECASE) for pattern, _ in WORDS)


def clipped(text: str, most: int) -> str:
    """The text, or its begin and end where it is longer."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]} ... {text[len(text) - most // 3 :]}"


def plain(text: object) -> str:
    """A name or a path as text that can be written: bytes that are no UTF-8 are shown by their numbers."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def is_text(path: object) -> bool:
    """Whether a path is UTF-8, as libraries in C++ want it."""
    return plain(path) == str(path)


def require_regular(path: Path) -> None:
    """Raise ValueError if something is there that is no regular file: to open a queue or a device may wait for ever."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever opens it says so
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or a queue"
        raise ValueError(f"{path}: expected a file, got {kind}; check the path")


def require_regular_tree(folder: Path) -> None:
    """Raise ValueError if anything below a folder is neither a file nor a folder; no file is opened for it."""
    for place, _, names in os.walk(folder):
        with os.scandir(place) as entries:
            for entry in entries:
                if names and not entry.is_dir() and not entry.is_file():
                    require_regular(Path(entry.path))


def require_pixels(path: object, shape: tuple[int, ...]) -> None:
    """Raise ValueError if an image of this shape is more than can be meant."""
    if math.prod(max(int(side), 0) for side in shape) > PIXELS:
        raise ValueError(
            f"{path}: expected an image of at most {PIXELS} pixels, got {' x '.join(map(str, shape))}; cut it"
        )


def number(about: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """A finite number of some metadata, by its field's name; text may stand for it.

    Raises:
        ValueError: it is missing without a default, or is none.
    """
    value = about.get(name)
    if value is None:
        value = default
    try:
        found = float(value) if not isinstance(value, bool) and value is not None else math.nan
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name}: {clipped(repr(value), 40)} where a number belongs")
    return found


def whole(about: Mapping[str, Any], name: str, default: int | None = None, most: int = FRAMES) -> int:
    """A whole number from 0 to ``most`` of some metadata, by its field's name.

    Raises:
        ValueError: as ``number``, or it is another one.
    """
    found = number(about, name, default)
    if found != int(found) or not 0 <= found <= most:
        raise ValueError(f"{name}: {found:g} where a whole number from 0 to {most} belongs")
    return int(found)
