"""A folder of images with any names: a file is a frame."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedtrack.files.guard import PIXELS, brief, reading, require_pixels, require_regular
from embedtrack.files.names import summary
from embedtrack.movies import tiff
from embedtrack.movies.frame_names import Frames, read_names
from embedtrack.movies.selection import Choice
from embedtrack.movies.stack import Place, Stack, grey

Image.MAX_IMAGE_PIXELS = PIXELS
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
SUFFIXES = (*tiff.SUFFIXES, *PICTURES)


class _Kind(NamedTuple):
    """What all files must have in common."""

    axes: str
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape))} {self.dtype}"


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts ``a2`` before ``a10``: numbers by their value, all else by its letters."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name.casefold())]


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in natural order; hidden files are none.

    Raises:
        ValueError: the folder cannot be listed.
    """
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
    except OSError as error:
        raise ValueError(f"{folder}: expected a folder, got '{error.strerror}'; check the path") from error
    return sorted(files, key=lambda path: (natural(path.name), path.name))


def open_images(folder: Path, files: Sequence[Path], choice: Choice | None = None) -> Stack:
    """The images as one stack whose first axis is T; a single file is taken as it is.

    Args:
        folder: where they lie.
        files: in natural order; what their names say is read, see ``frame_names``.
        choice: which of them are meant.

    Raises:
        ValueError: images are damaged or do not fit together, a line per fault; or their names are those of several
            movies.
    """
    frames = read_names(folder, files, choice or Choice())
    if len(frames.files) == 1:
        return stack_files(folder, next(iter(frames.files.values())))
    return _gridded(folder, frames)


def stack_files(folder: Path, files: Sequence[Path]) -> Stack:
    """The images as one stack, in the order in which they come; a single file is taken as it is.

    Raises:
        ValueError: images are damaged or do not fit together; a line per fault.
    """
    if len(files) == 1:
        return open_image(files[0])
    one = _common(files)
    size = {name: length for name, length in zip(one.axes, one.shape, strict=True) if length > 1 or name in "YX"}
    if not size.keys() <= set("YXCS"):
        raise ValueError(f"{folder}: expected an image per file, got {one.spell()} in each; name one of the files")

    def read(place: Place) -> NDArray[Any]:
        path = files[place["T"]]
        file = open_image(path)
        return file.read(dict.fromkeys(file.axes, 0) | {name: place[name] for name in size if name not in "YX"})

    return Stack(
        f"T{''.join(size)}", (len(files), *size.values()), one.dtype, read, one.units, one.channels, notes=one.notes
    )


def _gridded(folder: Path, frames: Frames) -> Stack:
    """Channels and planes that are files of their own."""
    stacks = {key: stack_files(folder, files) for key, files in frames.files.items() if files}
    one = next(iter(stacks.values()))
    axes, shape = one.axes.removeprefix("T"), one.shape[one.axes.startswith("T") :]
    if "C" in axes or any(
        (s.axes, s.shape[1:], s.dtype) != (one.axes, one.shape[1:], one.dtype) for s in stacks.values()
    ):
        raise ValueError(f"{folder}: expected images of one kind, got {one.spell()} and others; choose with --pattern")

    def read(place: Place) -> NDArray[Any]:
        return stacks[place["C"], place["Z"]].read(place)

    count = max(len(files) for files in frames.files.values())
    return Stack(
        f"TCZ{axes}", (count, max(1, len(frames.channels)), frames.planes, *shape), one.dtype, read, one.units,
        frames.channels, notes=one.notes,
    )  # fmt: skip


def _common(files: Sequence[Path]) -> Stack:
    """The first file, if all others are of its kind; of floating point the values are looked at, which may be none."""
    kinds: dict[Path, _Kind] = {}
    faults: list[str] = []
    for path in files:
        try:
            one = open_image(path)
            kinds[path] = _Kind(one.axes, one.shape, str(one.dtype))
            if said := one.fault(dict.fromkeys((name for name in one.axes if name not in "YX"), 0)):
                faults.append(f"{path}: expected a whole image, got a fault: {said}; copy or save it again")
            elif one.dtype.kind == "f":
                for index in np.ndindex(
                    *(size for name, size in zip(one.axes, one.shape, strict=True) if name not in "YX")
                ):
                    names = (name for name in one.axes if name not in "YX")
                    grey(one.read(dict(zip(names, index, strict=True))), path)
        except ValueError as error:
            faults.append(str(error))
    if kinds:
        [(usual, often), *_] = Counter(kinds.values()).most_common()
        example = next(path.name for path, kind in kinds.items() if kind == usual)
        whose = "most images have" if 2 * often > len(kinds) else f"{example} has"
        faults += [
            f"{path}: expected {usual} as {whose}, got {kind}; convert it or take it out of the folder"
            for path, kind in kinds.items()
            if kind != usual
        ]
    if faults:
        raise ValueError(summary(faults))
    return open_image(files[0])


def open_image(path: Path) -> Stack:
    """What an image file holds.

    Raises:
        ValueError: it is damaged.
    """
    return tiff.open_tiff(path) if path.suffix.lower() in tiff.SUFFIXES else _open_picture(path)


def _open_picture(path: Path) -> Stack:
    """A picture of one channel, or of three or four samples."""
    require_regular(path)
    try:
        with Image.open(path) as header:
            (width, height), bands = header.size, len(header.getbands())
            wide = header.mode.startswith("I") or header.mode == "F"
            palette = header.mode == "P"
    except Exception as error:  # a damaged file can fail anywhere in the reader, and say that it is a bomb
        raise ValueError(f"{path}: expected a readable picture, got '{brief(error)}'; copy or save it again") from error
    require_pixels(path, (height, width))
    if palette:
        raise ValueError(f"{path}: expected grey values, got a palette of colours; save it as a grey image")

    def read(place: Place) -> NDArray[Any]:
        """The picture [H, W] of a sample. Raises ValueError where the file is cut or damaged."""
        with reading(path, "a whole picture"):
            with Image.open(path) as whole:
                whole.load()  # it refuses what is cut, where OpenCV makes up the rest
            data = np.frombuffer(path.read_bytes(), np.uint8)  # OpenCV knows no names that are not UTF-8
            image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if image is None or image.shape[:2] != (height, width):
            raise ValueError(f"{path}: expected a whole picture, got a damaged one; copy or save it again")
        if image.ndim == 2:
            return np.asarray(image)
        order = (2, 1, 0, 3)  # blue comes first
        return np.asarray(image[..., order[place.get("S", 0)]])

    axes, shape = ("YX", (height, width)) if bands == 1 else ("YXS", (height, width, bands))
    return Stack(axes, shape, np.dtype(np.uint16 if wide else np.uint8), read, loose="")
