"""The annotated sequences of a data set."""

import os
import re
from pathlib import Path

from embedtrack.files.beside import beside


def sequences(dataset: Path) -> list[Path]:
    """The annotated sequences of a data set: ``01``, or ``01.tif`` and the like, with ``01_GT`` or ``01_ST``.

    Raises:
        ValueError: there are none, or two movies of one name.
    """
    found: dict[str, Path] = {}
    for path in sorted(dataset.glob("[0-9]*")):
        name = beside(path, "").name
        if re.fullmatch(r"[0-9]+", name) and any(beside(path, end).is_dir() for end in ("_GT", "_ST")):
            if name in found:
                raise ValueError(f"{dataset}: expected one movie {name}, got {found[name].name} and {path.name}")
            found[name] = path
    if not found:
        one = any(beside(dataset, end).is_dir() for end in ("_GT", "_ST"))
        hint = f"give the folder above, {Path(os.path.abspath(dataset)).parent}" if one else "check the path"
        raise ValueError(f"expected annotated sequences like 01 with 01_GT in {dataset}, found none; {hint}")
    return list(found.values())
