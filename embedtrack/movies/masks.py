"""Masks that somebody else made: a label image for each frame, in whatever files they come."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label as connected

from embedtrack.files.names import Numbered, gaps, numbered, spell, summary
from embedtrack.movies import tiff
from embedtrack.movies.images import PICTURES, image_files, open_images
from embedtrack.movies.movie import Movie, record
from embedtrack.movies.selection import Choice
from embedtrack.movies.stack import Place, Stack
from embedtrack.movies.tiff_image import read_header, read_labels
from embedtrack.types import Labels

log = logging.getLogger(__name__)

PREFIXES = ("mask", "man_track", "man_seg")
"""Of the challenge's files: results and ERR_SEG, tracking truth, masks of truth."""
ONE_VALUE = (
    "expected a number for each cell, got one value for all of them: no frame tells its cells apart; number the parts "
    "first, e.g. with skimage.measure.label"
)
LOSSY = (".jpg", ".jpeg")
MOST = int(np.iinfo(np.int32).max)
GREY = 0.9, 0.5
"""Grey values, not labels: more of the pixels are not zero, and less of them equal their neighbour."""


def open_masks(path: Path) -> Movie:
    """Open masks; no more of them is read than headers. The frames are whole numbers [H, W] of any integer type.

    The challenge's folders (``mask000.tif``, ``man_track000.tif``, ``man_seg000.tif``, or truth with its ``TRA``), a
    folder of images with any names in natural order, a TIFF of several pages, or a single image.

    Raises:
        ValueError: there are none, they are damaged, or it is not clear which image belongs to which frame.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: expected masks, got nothing of this name; check the path")
    if path.is_dir():
        return _open_folder(path)
    if path.suffix.lower() in tiff.SUFFIXES:
        return _recorded(path, tiff.open_tiff(path))
    if path.suffix.lower() in PICTURES:
        refuse_lossy([path])
        return _recorded(path, open_images(path, [path]))
    raise ValueError(
        f"{path}: expected masks as TIFF or PNG, or a folder of them, got a file of another kind; convert it"
    )


def refuse_lossy(files: Sequence[Path]) -> None:
    """Raise ValueError if a file has a format that changes values: each edge would become cells of its own."""
    if lossy := next((file for file in files if file.suffix.lower() in LOSSY), None):
        raise ValueError(f"{lossy}: expected masks as TIFF or PNG, got JPEG, which changes labels; save them anew")


def checked(masks: Sequence[NDArray[Any]], name: object, first: int = 0) -> None:
    """Read all masks once, and raise ValueError unless each is a label image; a line per fault.

    ``first`` is the number of the first frame.

    What is one value for all cells is no label image: cells could not be told apart.
    """
    faults, value = [], SingleValue()
    for t, image in enumerate(masks, start=first):
        try:
            labels = as_labels(image, f"{name}, frame {t}")
        except ValueError as error:
            faults.append(str(error))
            continue
        if is_grey(labels):
            faults.append(
                f"{name}, frame {t}: expected labels, got grey values: hardly two neighbours are equal; "
                "segment the images first: embedtrack infer"
            )
        value.see(labels)
    if faults:
        raise ValueError(summary(faults))
    value.refuse(name)


class SingleValue:
    """Is shown the masks of a movie, and is true where all cells have one value: no frame tells them apart."""

    def __init__(self) -> None:
        self._single, self._parts = True, 0

    def see(self, labels: Labels) -> None:
        """One more mask, int32[H, W]."""
        low = int(labels.min(initial=MOST, where=labels > 0))
        self._single = self._single and low in (MOST, int(labels.max(initial=0)))
        if self._single and self._parts < 2:
            self._parts = max(self._parts, connected(labels > 0)[1])

    def __bool__(self) -> bool:
        """Whether it is so, and a frame has several parts."""
        return self._single and self._parts > 1

    def refuse(self, name: object) -> None:
        """Raise ValueError where it is so."""
        if self:
            raise ValueError(f"{name}: {ONE_VALUE}")

    def warn(self, name: object) -> None:
        """Log a warning where it is so: truth may hold one cell alone, in parts."""
        if self:
            log.warning("%s: %s", name, ONE_VALUE)


def is_grey(labels: Labels) -> bool:
    """Whether nearly all pixels belong to something, and most to something else than the next pixel does."""
    inside = labels[:, :-1] > 0
    same = (labels[:, 1:] == labels[:, :-1])[inside]
    return bool(same.size > GREY[0] * inside.size and same.mean() < GREY[1])


def as_labels(image: NDArray[Any], name: object) -> Labels:
    """A label image as int32[H, W].

    Raises:
        ValueError: other axes, or values that are not whole numbers from 0 to 2^31 - 1.
    """
    if image.ndim != 2:
        raise ValueError(f"{name}: expected masks of the axes Y, X, got {image.ndim} axes; save one channel and plane")
    if image.dtype.kind not in "buif":
        raise ValueError(f"{name}: expected whole numbers, got the type {image.dtype}; save labels as 16 bit")
    if image.dtype.kind == "f" and not (np.isfinite(image).all() and np.equal(np.rint(image), image).all()):
        raise ValueError(f"{name}: expected whole numbers, got fractions; save labels, not probabilities")
    low, high = (image.min(), image.max()) if image.size else (0, 0)
    if low < 0 or high > MOST:
        raise ValueError(f"{name}: expected labels from 0 to {MOST}, got {low} to {high}; renumber them")
    return image.astype(np.int32)


def _open_folder(folder: Path) -> Movie:
    """The challenge's masks, or images with any names."""
    for prefix in PREFIXES:
        if masks := numbered(folder, prefix):
            return _open_numbered(folder, masks)
    if numbered(folder, "t") and min(file.digits for file in numbered(folder, "t")) >= 3:
        raise ValueError(
            f"{folder}: expected masks, got the frames of a movie; name the masks first, then --raw {folder}"
        )
    if (folder / "TRA").is_dir():
        return _open_folder(folder / "TRA")
    files = image_files(folder)
    refuse_lossy(files)
    if not files:
        inside = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
        hint = f"name one of the folders in it: {', '.join(inside[:5])}" if inside else "check the path"
        raise ValueError(f"{folder}: expected masks mask000.tif, ... or other images, got none; {hint}")
    return _recorded(folder, open_images(folder, files))


def _open_numbered(folder: Path, files: list[Numbered]) -> Movie:
    """Masks with the challenge's names; they keep their numbers."""
    first, missing = files[0].number, gaps((file.number for file in files), files[0].number, files[-1].number)
    faults = (
        [f"{folder}: expected a mask for every frame, got none numbered {spell(missing)}; add them"] if missing else []
    )
    if not missing and len(files) != files[-1].number - first + 1:
        faults.append(f"{folder}: expected one mask a frame, got two of one number; keep one")
    shape = None
    for file in files:
        try:
            header = read_header(file.path)
            shape = shape or header.shape
            if header.shape != shape:
                faults.append(f"{file.path}: expected {shape} pixels as in {files[0].path.name}, got {header.shape}")
        except ValueError as error:
            faults.append(str(error))
    if faults or shape is None:
        raise ValueError(summary(faults))

    def read(place: Place) -> NDArray[Any]:
        return read_labels(files[place["T"]].path)

    stack = Stack("TYX", (len(files), *shape), np.dtype(np.int32), read)
    return replace(record(folder, stack, Choice(), labels=True), first=first, digits=files[0].digits)


def _recorded(path: Path, stack: Stack) -> Movie:
    """The masks within a stack along time; colours that lie one after the other are frames: labels have no colour."""
    if stack.axes == "SYX":  # so tifffile writes an array of three or four masks
        read, fault = (lambda place, at=at: at({"S": place["T"]}) for at in (stack.read, stack.fault))
        stack = stack._replace(axes="TYX", read=read, fault=fault)
    for name, size in zip(stack.axes, stack.shape, strict=True):
        if name in "CS" and size > 1:
            raise ValueError(f"{path}: expected a label image, got {size} channels; save the labels as one grey image")
    return record(path, stack, Choice(), labels=True)
