"""One 2D image of a TIFF file, or clear words why there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.files.guard import brief, require_pixels, require_regular, short_of_memory
from embedtrack.movies.stack import grey
from embedtrack.types import Labels


class Header(NamedTuple):
    """Shape (H, W) and dtype of a 2D image."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape))} {self.dtype}"


def read_header(path: Path) -> Header:
    """Shape and dtype of a 2D TIFF; cheap, for no pixel is read.

    Raises:
        ValueError: no TIFF file, not one 2D image of one channel, or shorter than its header says.
    """
    with readable(path), tifffile.TiffFile(path) as file:
        page, fault = file.pages.first, _fault(file)
        header = Header(tuple(page.shaped[2:4]), np.dtype(page.dtype))
    require_pixels(path, header.shape)
    if fault:
        raise ValueError(f"{path}: {fault}")
    return header


def read_image(path: Path) -> NDArray[Any]:
    """The pixels [H, W] of a 2D TIFF in the dtype of the file and the byte order of the machine.

    Raises:
        ValueError: as ``read_header``, or the pixels cannot be decoded.
    """
    header = read_header(path)
    with readable(path):
        image: NDArray[Any] = tifffile.imread(path).reshape(header.shape)
    return image


def read_frame(path: Path) -> NDArray[Any]:
    """A frame's grey values [H, W]: uint8, uint16 or float32, whatever numbers the file has; white is high.

    Raises:
        ValueError: as ``read_image``, or a value that is not finite.
    """
    image = read_image(path)
    with readable(path), tifffile.TiffFile(path) as file:
        upside_down = is_white_zero(file.pages.first)
    return grey(white_is_high(image) if upside_down else image, path)


def is_white_zero(page: Any) -> bool:
    """Whether a page says that its highest value is black: WhiteIsZero; of single bits never, they are masks."""
    return bool(page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and page.bitspersample != 1)


def white_is_high(image: NDArray[Any]) -> NDArray[Any]:
    """The image with its grey values turned round: 255 - x of 8 bit, -x of floating point."""
    return -image if image.dtype.kind == "f" else np.invert(image)


def read_labels(path: Path) -> Labels:
    """A label image int32[H, W], 0 for background.

    Raises:
        ValueError: as ``read_image``, or values that are not whole numbers from 0 to 2^31 - 1.
    """
    image = read_image(path)
    if image.dtype.kind not in "ui":
        raise ValueError(f"{path}: expected labels of an integer type, got {image.dtype}; save them as uint16")
    low, high, most = int(image.min()), int(image.max()), np.iinfo(np.int32).max
    if low < 0 or high > most:
        raise ValueError(f"{path}: expected labels from 0 to {most}, got {low} to {high}; renumber them")
    return image.astype(np.int32)


def _fault(file: tifffile.TiffFile) -> str | None:
    """What keeps the file from being one whole 2D image of one channel."""
    page, size = file.pages.first, file.filehandle.size
    separate, _, height, width, samples = page.shaped
    if separate * samples > 1:
        return f"expected a grey image, got {separate * samples} channels; save one of them"
    if page.dtype is None or height * width == 0:
        return f"expected an image, got {height} x {width} pixels of type {page.dtype}; save it again"
    # An ImageJ stack may have a single page: only the series know of all its planes.
    if sum(series.size for series in file.series) != height * width:
        shapes = " and ".join(str(tuple(series.shape)) for series in file.series)
        return f"expected one 2D image, got a stack of shape {shapes}; save one file per frame"
    if not page.databytecounts or 0 in page.databytecounts:
        return "expected all pixels, got a file without some of them; copy or save it again"
    end = max(offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    return f"expected {end} bytes, got {size}: the file is truncated; copy it again" if end > size else None


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file within becomes a ValueError."""
    require_regular(path)
    try:
        yield
    except OSError as error:
        if short_of_memory(error):
            raise MemoryError(brief(error)) from error
        raise ValueError(f"{path}: expected a readable file, got '{brief(error)}'; check it") from error
    except Exception as error:  # a damaged file can fail anywhere in the reader and its many codecs
        if short_of_memory(error):
            raise MemoryError(brief(error)) from error
        raise ValueError(f"{path}: expected a whole TIFF file, got '{brief(error)}'; copy or save it again") from error
