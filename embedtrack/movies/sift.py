"""Which images of a folder are frames, by their names: not the masks, copies and projections of others."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

log = logging.getLogger(__name__)

_MASK = re.compile(
    r"[ _-](cp_masks?|cp_outlines?|cp_output|masks?|outlines?|labels?|seg|segmentation|simple segmentation"
    r"|probabilities)$"
)
_COPY = re.compile(r" ?\([0-9]+\)$|( - |[ _-])copy( ?\(?[0-9]+\)?)?$|^copy of ")
_PROJECTION = re.compile(r"^(max|min|avg|sum|std|med)_")


def matching(folder: Path, files: Sequence[Path], glob: str | None) -> list[Path]:
    """The files whose names match a pattern; all without one.

    Raises:
        ValueError: none does.
    """
    found = [path for path in files if glob is None or fnmatchcase(path.name, glob)]
    if files and not found:
        raise ValueError(
            f"{folder}: expected --pattern to match images, got {glob}; they are named like {files[0].name}"
        )
    return found


def masks_among(files: Sequence[Path]) -> list[Path]:
    """The images that are another one's masks by their names: ``img_1_cp_masks.png`` beside ``img_1.tif``."""
    stems = {path.stem.casefold() for path in files}
    found = [(path, _MASK.sub("", path.stem.casefold())) for path in files if _MASK.search(path.stem.casefold())]
    return [path for path, other in found if other in stems]


def sift(folder: Path, files: Sequence[Path]) -> list[Path]:
    """The images without masks, copies and projections of the others; what is left out is told."""
    stems = {path.stem.casefold() for path in files}
    projected = [path for path in files if _PROJECTION.match(path.stem.casefold())]
    copies = [
        path for path in files if _COPY.sub("", path.stem.casefold()) in stems and _COPY.search(path.stem.casefold())
    ]
    kinds = {
        "masks": masks_among(files),
        "copies": copies if 2 * len(copies) <= len(files) else [],
        "projections": projected if len(projected) < len(files) else [],
    }
    for kind, some in kinds.items():
        if some:
            log.warning(
                "%s: left out as %s: %d of %d images, %s among them", folder, kind, len(some), len(files), some[0].name
            )
    left = {path for some in kinds.values() for path in some}
    return [path for path in files if path not in left]


def one_ending(folder: Path, files: list[Path]) -> list[Path]:
    """The images, if all are of one kind.

    Raises:
        ValueError: they are of several.
    """
    endings = Counter(path.suffix.lower() for path in files)
    if len(endings) > 1:
        some = " and ".join(f"{count} {ending}" for ending, count in endings.most_common(3))
        best = endings.most_common(1)[0][0]
        raise ValueError(
            f"{folder}: expected images of one kind, got {some}; take the others out of the folder, or choose with "
            f"--pattern '*{best}'"
        )
    return files
