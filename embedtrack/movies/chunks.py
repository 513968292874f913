"""Are all chunks of a zarr there? For zarr a missing one is no fault: it reads as zeros, without a word."""

import math
import os
from pathlib import Path
from typing import Any


def require_chunks(path: Path, array: Any) -> None:
    """Raise ValueError unless each chunk of an array, or each of its shards, has a file.

    Only the stores of folders are looked at. The names of the chunks are those that the array itself gives.
    """
    root = getattr(getattr(array, "store", None), "root", None)
    if root is None:
        return
    folder = Path(root) / array.path
    sides = getattr(array, "shards", None) or array.chunks
    counts = [math.ceil(size / side) for size, side in zip(array.shape, sides, strict=True)]
    total = math.prod(counts)
    there = sum(_is_chunk(name) for _, _, names in os.walk(folder) for name in names)
    if there < total:
        raise ValueError(
            f"{path}: expected {total} chunks of the image, got {there}: the others would be read as zeros; copy it "
            "again (or, where empty chunks were left out when it was written, write it with write_empty_chunks)"
        )


def _is_chunk(name: str) -> bool:
    """Whether a file's name is the number of a chunk, or several with dots; all else are metadata."""
    return name.replace(".", "").removeprefix("c").isdigit()
