"""Our own mark on what we write: only what carries it, and is of the same kind, is ever replaced unasked.

A file carries it where its format lets it: a tag, a comment, a box that readers skip, or for tables the names of our
columns. A folder carries it in ``.embedtrack``, or in the attributes of its Zarr root, with the kind of the folder and
a digest of the names and sizes of all its files, and one of what is in those that people edit: what a person has added
or changed since makes it another's.
"""

import hashlib
import json
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

TOKEN = b"written by embedtrack"
TABLES = (
    b"frame,label,track,parent,lineage,generation,",
    b"track,parent,lineage,generation,",
    b"name,state,why,model,agreement,",
    b"path,model,agreement,verdict,",
)
"""How our CSV files begin, which have no room for a mark."""
FILE, ATTRIBUTE = ".embedtrack", "embedtrack-written"
TEXTS = (".txt", ".csv", ".json", ".xml", ".geojson")
"""Files that people edit."""
ENDS = 1 << 16
"""Bytes of a file's begin and end in which the mark is looked for."""


def mark_file(path: Path) -> None:
    """Put the mark into a file, by its suffix; of other formats than these whoever writes them does it, or nobody."""
    place = PLACES.get(path.suffix.lower())
    if place is not None:
        place(path)


def carries_mark(path: Path) -> bool:
    """Whether something is a regular file with our mark; nothing else is opened."""
    if not stat.S_ISREG(path.stat().st_mode):
        return False
    with path.open("rb") as file:
        begin = file.read(ENDS)
        file.seek(max(0, file.seek(0, os.SEEK_END) - ENDS))
        return TOKEN in begin or TOKEN in file.read() or begin.startswith(TABLES)


def mark_folder(folder: Path, kind: str) -> None:
    """Put the mark into a folder that is filled; ``kind`` says what it is."""
    holder = _holder(folder)
    known = {"kind": kind, "by": TOKEN.decode(), "names": sorted({*os.listdir(folder), holder.name}),
             "files": _digest(folder), "texts": _digest(folder, TEXTS)}  # fmt: skip
    if holder.name == FILE:
        holder.write_text(json.dumps(known) + "\n")
        return
    about: dict[str, Any] = json.loads(holder.read_text()) if holder.exists() else {}
    (about.setdefault("attributes", {}) if holder.name == "zarr.json" else about)[ATTRIBUTE] = known
    holder.write_text(json.dumps(about, indent=2) + "\n")


def foreign(folder: Path, kind: str) -> str:
    """What in a folder is none of ours, in words; empty if it carries our mark of this kind and nothing has changed."""
    there = sorted(os.listdir(folder))
    try:
        holder = _holder(folder)
        about = json.loads(holder.read_bytes()) if stat.S_ISREG(holder.stat().st_mode) else {}
        if holder.name != FILE:
            about = (about["attributes"] if holder.name == "zarr.json" else about)[ATTRIBUTE]
        if about["kind"] == kind:
            there = [name for name in there if name not in about["names"]]
            if not there:
                same = about["files"] == _digest(folder) and about.get("texts") in (None, _digest(folder, TEXTS))
                return "" if same else "files that were changed or added since"
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no mark, or none that can be read
    if not there:
        return ""
    return there[0] + (f" and {len(there) - 1} more" if len(there) > 1 else "")


def _holder(folder: Path) -> Path:
    """Where a folder carries its mark: Zarr warns of files that are none of its own."""
    if (folder / "zarr.json").exists():
        return folder / "zarr.json"
    return folder / (".zattrs" if (folder / ".zgroup").exists() else FILE)


def _digest(folder: Path, read: tuple[str, ...] = ()) -> str:
    """A SHA-256 of the names and sizes of all files below a folder, but of the one that carries the mark.

    With endings to ``read`` it is of the files with these alone, and of what is in them: an edited number may be as
    long as it was.
    """
    holder = _holder(folder)
    lines = []
    for path, size in _files(folder):
        if path == holder or (read and path.suffix.lower() not in read):
            continue
        line = f"{path.relative_to(folder).as_posix()} {size}"
        if read and stat.S_ISREG(path.lstat().st_mode):
            with path.open("rb") as file:
                line += f" {hashlib.file_digest(file, 'sha256').hexdigest()}"
        lines.append(line)
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """All that is below a folder but is no folder itself, and empty folders; links are not followed."""
    for place, folders, names in os.walk(folder):
        for name in names:
            yield Path(place, name), os.lstat(Path(place, name)).st_size
        if not folders and not names:
            yield Path(place), 0


def _append(*parts: bytes) -> Callable[[Path], None]:
    def add(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"".join(parts))

    return add


def _before_end(path: Path, end: bytes, *parts: bytes) -> None:
    """Insert bytes before the last ones of a file, which are known."""
    with path.open("r+b") as file:
        file.seek(-len(end), os.SEEK_END)
        if file.read() == end:
            file.seek(-len(end), os.SEEK_END)
            file.write(b"".join(parts) + end)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _jpeg(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xfe" + struct.pack(">H", len(TOKEN) + 2) + TOKEN + data[2:])


def _zip(path: Path) -> None:
    """The comment of an archive."""
    with ZipFile(path, "a") as archive:
        archive.comment = TOKEN


PLACES: dict[str, Callable[[Path], None]] = {
    ".mp4": _append(struct.pack(">I", len(TOKEN) + 8), b"free", TOKEN),  # a box that players skip
    ".webm": _append(b"\xec", bytes([0x80 | len(TOKEN)]), TOKEN),  # an element of the kind Void
    ".gif": lambda path: _before_end(path, b";", b"!\xfe", bytes([len(TOKEN)]), TOKEN, b"\0"),  # a comment
    ".png": lambda path: _before_end(path, _chunk(b"IEND", b""), _chunk(b"tEXt", b"Software\0" + TOKEN)),
    ".jpg": _jpeg,
    ".jpeg": _jpeg,
    ".zip": _zip,
    ".html": _append(b"<!-- ", TOKEN, b" -->\n"),
    ".md": _append(b"<!-- ", TOKEN, b" -->\n"),
    ".htm": _append(b"<!-- ", TOKEN, b" -->\n"),
}
"""How a file of each suffix gets the mark."""
