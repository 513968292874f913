"""Where what belongs to a movie lies: its result and its truth are its neighbours."""

import os
import re
from pathlib import Path

ENDINGS = (".ome", ".zarr")
"""Second suffixes that are no part of a movie's name."""


def beside(movie: Path, ending: str) -> Path:
    """The place beside a movie: ``a/01`` and ``_RES`` make ``a/01_RES``, ``a/cells.ome.tif`` makes ``a/cells_RES``."""
    movie = Path(os.path.abspath(movie))
    name = movie.name
    if movie.is_file() or movie.suffix.lower() == ".zarr":
        name = movie.stem
        while Path(name).suffix.lower() in ENDINGS:
            name = Path(name).stem
    return movie.with_name(f"{name}{ending}")


def of_movie(folder: Path) -> Path:
    """The place of a movie, as far as a result's or a truth's name tells: ``a/01`` for ``a/01_RES`` or ``a/01_GT``.

    Words after the ending count to it (``a/01_RES-old``), and of several endings the last one does. Any other folder is
    its own movie.
    """
    return folder.with_name(re.sub("(.+)_(RES|GT|ST)(?![A-Za-z]).*", r"\1", folder.name))
