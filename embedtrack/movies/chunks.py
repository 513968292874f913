"""Are all chunks of a zarr there? For zarr a missing one is no fault: it reads as its fill value, without a word.

Writers leave out chunks that hold nothing but the fill value (zarr's own default), and a copy that was cut short leaves
out any: the two look alike. Known is only that a store with an empty chunk in it was not written so; in such a one a
missing chunk is a fault. In all others it is told and read, for a padded or masked movie is whole without it.
"""

import math
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedtrack.files.names import runs, spell
from embedtrack.movies.stack import Place

MANY = 2_000_000
"""Of so many chunks and more all must be there: a damaged shape can claim any number."""
SMALL = 64 * 2**20
"""Bytes of a chunk that is decoded for a look at it."""


class Chunks(NamedTuple):
    """What is known of an array's chunks before they are read."""

    notes: tuple[str, ...] = ()
    """What a user should know."""
    fault: Callable[[Place], str | None] = lambda place: None
    """The chunk that the image at a place lacks for sure."""


def look_at_chunks(path: Path, array: Any, axes: str) -> Chunks:
    """Which chunks of an array, or which of its shards, have no file; only stores of folders are looked at.

    Args:
        path: for messages.
        array: of zarr.
        axes: a letter for each.

    Raises:
        ValueError: no chunk is there.
    """
    root = getattr(getattr(array, "store", None), "root", None)
    if root is None:
        return Chunks()
    folder = Path(root) / array.path
    sides = getattr(array, "shards", None) or array.chunks
    counts = [math.ceil(size / side) for size, side in zip(array.shape, sides, strict=True)]
    there = {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    files, total = sum(map(_is_chunk, there)), math.prod(counts)
    if files >= total:
        return Chunks()
    if total > MANY:
        raise ValueError(f"{path}: expected {total} chunks of the image, got {files}; copy it again")
    sizes = {where: there.get(array.metadata.encode_chunk_key(where)) for where in product(*map(range, counts))}
    missing = {where for where, size in sizes.items() if size is None}
    if len(missing) == len(sizes):
        raise ValueError(f"{path}: expected {len(sizes)} chunks of the image, got none; copy it again")
    if not missing:
        return Chunks()
    smallest = min(sizes.keys() - missing, key=lambda where: sizes[where] or 0)
    if array.fill_value is None or _is_empty(array, sides, smallest):

        def fault(place: Place) -> str | None:
            lies = [None if name in "YX" else place[name] // side for name, side in zip(axes, sides, strict=True)]
            lacks = [one for one in missing if all(a is None or a == b for a, b in zip(lies, one, strict=True))]
            return f"the chunk {array.metadata.encode_chunk_key(min(lacks))} is missing" if lacks else None

        return Chunks(fault=fault)
    return Chunks(notes=tuple(_notes(array, axes, sides, counts, missing)))


def _notes(
    array: Any, axes: str, sides: tuple[int, ...], counts: list[int], missing: set[tuple[int, ...]]
) -> list[str]:
    """What to say of chunks that may have been left out."""
    found, fill, whole = [], array.fill_value, set[int]()
    if "T" in axes:
        time = axes.index("T")
        lost = Counter(where[time] for where in missing)
        whole = {block for block, count in lost.items() if count == math.prod(counts) // counts[time]}
        frames = [t for block in whole for t in range(block * sides[time], (block + 1) * sides[time])]
        if whole:
            found.append(
                f"no chunk of the frames {spell(runs(t for t in frames if t < array.shape[time]))} is there: they are "
                f"read as {fill} everywhere, which is right only if they were so when it was written; --until FRAME "
                "leaves later ones out"
            )
        missing = {where for where in missing if where[time] not in whole}
    if missing:
        found.append(
            f"{len(missing)} of {math.prod(counts)} chunks are not there: their pixels are read as {fill}, which is "
            "right only if the image was empty there; else copy it again"
        )
    return found


def _is_empty(array: Any, sides: tuple[int, ...], where: tuple[int, ...]) -> bool:
    """Whether the chunk at some place holds the fill value alone; the smallest file is the likeliest one."""
    if getattr(array, "shards", None) or math.prod(sides) * array.dtype.itemsize > SMALL:
        return False
    region = tuple(slice(at * side, (at + 1) * side) for at, side in zip(where, sides, strict=True))
    try:
        return bool((np.asarray(array[region]) == array.fill_value).all())
    except Exception:  # a damaged chunk can fail anywhere in zarr and its codecs; whoever reads its frame says so
        return False


def _is_chunk(name: str) -> bool:
    """Whether a file's path is the number of a chunk, or several with dots or slashes; all else are metadata."""
    return name.replace(".", "").replace("/", "").removeprefix("c").isdigit()
