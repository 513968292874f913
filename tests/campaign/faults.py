"""The faults: to the process, the disk, the inputs, the options, and files of others in the way."""

import builtins
import errno
import io
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

PROCESS = ("kill", "term")
SYSTEM = ("full disk", "file limit", "failing file", "low memory")
INPUT = ("cut", "bytes", "values", "missing", "queue", "link")
OTHERS = ("foreign", "option")
FAULTS = (*PROCESS, *SYSTEM, *INPUT, *OTHERS)
TEXT = {".json", ".xml", ".csv", ".txt", ".zattrs", ".zarray", ".zgroup"}
HOSTILE = (
    "inf",
    "nan",
    "-1",
    "1e400",
    "99999999999999999999",
    "x",
    "null",
    "[]",
    "{}",
    '""',
    "0",
    "1e9",
    "\ud7ff",
    "0.5",
)
OPTIONS = ("", "nan", "inf", "-1", "x" * 5000, "0", "../..", "--", "1e999", "\x01", "9" * 20, "0:999999999")


def spoil(kind: str, place: Path, random: Random) -> str:
    """Do harm to one input file; says to which."""
    files = sorted(path for path in place.rglob("*") if path.is_file() and path.stat().st_size)
    if kind == "values":
        files = [path for path in files if path.suffix in TEXT or path.name in TEXT]
    path = random.choice(files)
    data = bytearray(path.read_bytes())
    if kind == "cut":
        path.write_bytes(data[: random.randrange(len(data))])
    elif kind == "bytes":
        for _ in range(random.choice((1, 3, 20))):
            data[random.randrange(len(data))] = random.randrange(256)
        path.write_bytes(data)
    elif kind == "values":
        text = data.decode("utf-8", "replace")
        numbers = list(re.finditer(r"-?[0-9]+(\.[0-9]+)?", text))
        if numbers:
            one = random.choice(numbers)
            path.write_text(text[: one.start()] + random.choice(HOSTILE) + text[one.end() :], encoding="utf-8")
    else:
        path.unlink()
        if kind == "queue":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to(random.choice((path.name, "/dev/zero", "/nowhere")))
    return str(path.relative_to(place))


def in_the_way(out: Path, random: Random) -> Path:
    """A file of a person where the output shall go, or in an older output; returns it."""
    if out.is_dir():
        folders = [path for path in out.rglob("*") if path.is_dir()]
        mine = random.choice([out, *folders]) / random.choice(("notes.txt", "mask999.tif", "0.tif", "labels.tif"))
    elif out.suffix:
        mine = out
    else:
        mine = out / random.choice(("labels.tif", "movie.tif", "segmentation/x", "mask000.tif", "01/t000.tif"))
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_bytes(b"mine")
    return mine


def other_option(words: list[str], random: Random) -> list[str]:
    """The words with one value changed, or with an option more."""
    more = (
        "--pixel-size",
        "--interval",
        "--channel",
        "--scene",
        "--time-axis",
        "--fps",
        "--frames",
        "--idle",
        "--border",
        "--until",
        "--z",
        "--pattern",
        "--threads",
    )
    if random.random() < 0.5:
        return [*words, random.choice(more), random.choice(OPTIONS)]
    changed = list(words)
    changed[random.randrange(1, len(words))] = random.choice(OPTIONS)
    return changed


def limit(kind: str, random: Random) -> Callable[[], None]:
    """What a child does before the command: it may write no large file, or has little memory, or files fail."""
    if kind == "file limit":
        most = random.randrange(200, 60_000)
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    if kind == "low memory":
        more = random.randrange(1 << 20, 300 << 20)
        return lambda: _less_memory(more)
    if kind == "failing file":
        after = random.randrange(60_000)
        return lambda: _failing(after)
    return lambda: None


def _less_memory(more: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


class _Failing:
    """A file that says EIO once so many bytes have passed."""

    left = 0

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_Failing":
        self._file.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        return self._file.__exit__(*error)

    def __iter__(self) -> Any:
        return iter(self._file)

    def write(self, data: Any) -> Any:
        """As any file, or not."""
        self._pass(len(data))
        return self._file.write(data)

    def read(self, *size: int) -> Any:
        """As any file, or not."""
        data = self._file.read(*size)
        self._pass(len(data))
        return data

    def _pass(self, count: int) -> None:
        _Failing.left -= count
        if _Failing.left < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(getattr(self._file, "name", "")))


def _failing(after: int) -> None:
    """Files of the trial fail after so many bytes; those of Python itself do not."""
    _Failing.left = after
    genuine = io.open

    def opened(file: Any, *args: Any, **options: Any) -> Any:
        found = genuine(file, *args, **options)
        return _Failing(found) if "campaign-" in str(file) else found

    builtins.open = io.open = opened  # type: ignore[assignment]


class SmallDisk:
    """A folder on a disk of its own, where the system allows one to be mounted."""

    def __init__(self, place: Path) -> None:
        self.place, self.mounted = place, False

    def __enter__(self) -> "SmallDisk":
        self.place.mkdir(parents=True, exist_ok=True)
        self.mounted = shutil.which("mount") is not None and not self._do("mount", "-t", "tmpfs", "tmpfs")
        return self

    def __exit__(self, *error: object) -> None:
        if self.mounted:
            self._do("umount", "-l")

    def leave(self, kilobytes: int | None) -> None:
        """Leave so much free space; None: plenty."""
        used = sum(path.lstat().st_blocks // 2 + 1 for path in self.place.rglob("*")) if kilobytes is not None else 0
        self._do("mount", "-o", f"remount,size={used + kilobytes}k" if kilobytes is not None else "remount,size=1g")

    def _do(self, *words: str) -> int:
        return subprocess.run([*words, str(self.place)], capture_output=True, check=False).returncode
