"""Which format is which: write a result for another program, read what it made of it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedtrack.challenge.check import TRACKS
from embedtrack.challenge.tracked import write_tracked
from embedtrack.exchange.masks import is_masks
from embedtrack.files.guard import reading
from embedtrack.files.lazy import Lazy
from embedtrack.files.whole import new_folder
from embedtrack.tracked import Tracked
from embedtrack.types import Labels

log = logging.getLogger(__name__)

MODULES = {"geff": "geff", "trackmate": "trackmate", "napari": "napari", "ome-zarr": "omezarr"}
FORMATS = (*MODULES, "isbi")
"""``isbi`` are the challenge's own files."""
READ = {**MODULES, "isbi": "isbi", "masks": "masks"}
"""``masks`` are label images without tracks, which are read only."""


def export(
    result: Tracked, to: str, out: Path, raw: Sequence[NDArray[Any]] | None = None, *, overwrite: bool = False
) -> None:
    """Write a result for another program into the folder ``out``, whole or not at all.

    Args:
        result: what to write.
        to: one of FORMATS.
        out: the folder; an older output of ours of the same kind is replaced.
        raw: the movie, for the formats that can hold it (ome-zarr, trackmate).
        overwrite: replace whatever is there.

    Raises:
        ValueError: another format, a package is missing, or nothing can be written there.
    """
    if to not in FORMATS:
        raise ValueError(f"expected --to {', '.join(FORMATS)}, got {to}")
    if to == "isbi":
        write_tracked(result, out, overwrite=overwrite)
        return
    module = import_module(f"embedtrack.exchange.{MODULES[to]}")
    with new_folder(out, to, overwrite=overwrite) as folder:
        module.write(result, folder, raw)


def load(path: Path, kind: str | None = None) -> Tracked:
    """Read what another program, or ``export``, wrote.

    Args:
        path: a folder, or TrackMate's XML.
        kind: one of READ; by default it is recognised by the files.

    Raises:
        ValueError: the format is unknown, or what is there is not valid.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: expected a folder or a file, got nothing of this name; check the path")
    kind = kind or recognise(path)
    if kind not in READ:
        raise ValueError(f"expected --from {', '.join(READ)}, got {kind}")
    with reading(path, f"what {kind} can hold"):
        result: Tracked = import_module(f"embedtrack.exchange.{READ[kind]}").read(path)
    units = result.units.sound()
    if units.count(None) > result.units.count(None):
        log.warning("%s: what it says of pixel size and interval makes no sense and is left out", path)
    within = result.masks

    def masks(t: int) -> Labels:
        with reading(path, f"whole masks of {kind}"):
            return within[t]

    return replace(result, masks=Lazy(len(within), masks), units=units)


def recognise(path: Path) -> str:
    """The format of a folder or file.

    Raises:
        ValueError: none is known.
    """
    if path.suffix == ".xml" or (path / "tracks.xml").exists():
        return "trackmate"
    if (path / "tracks.geff").exists() or any((path / "nodes" / part).exists() for part in ("ids", "props")):
        return "geff"
    if (path / "tracks.csv").exists():
        return "napari"
    if any((path / part).exists() for part in ("zarr.json", ".zattrs", ".zgroup")):
        return "ome-zarr"
    if path.is_dir() and ((path / "TRA").exists() or any((path / name).exists() for name in (TRACKS, "man_track.txt"))):
        return "isbi"
    if is_masks(path):
        return "masks"
    raise ValueError(f"{path}: expected one of {', '.join(READ)}, got nothing of these; name it with --from")
