"""A TIFF of several pages as a lazy sequence of label images."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from embedtrack.files.guard import brief, reading, require_pixels, require_regular
from embedtrack.files.lazy import Lazy
from embedtrack.movies.masks import as_labels


def open_stack(path: Path, channel: int = -1) -> Lazy[NDArray[Any]]:
    """The images [H, W] of the axes T, Y, X, and C or S of which one is taken.

    Raises:
        ValueError: no TIFF, other axes, or values that are no labels.
    """
    require_regular(path)
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            axes, shape, dtype, count = series.axes, series.shape, series.dtype, len(series.pages)
    except OSError as error:
        raise ValueError(f"{path}: expected a stack of masks, got '{error.strerror or error}'; add it") from error
    except Exception as error:  # a damaged file can fail anywhere in the reader
        raise ValueError(f"{path}: expected a TIFF, got '{brief(error)}'; save it again") from error
    require_pixels(path, shape[-2:])
    # A stack without metadata calls its pages Q or I, and a slider that is no time at all Z.
    axes = "".join("T" if name in "QIZ" and "T" not in axes else name for name in axes)
    channels = shape[axes.index("C")] if "C" in axes else 1
    if axes.replace("C", "") not in ("TYX", "YX") or dtype.kind not in "uif" or count % channels:
        raise ValueError(f"{path}: expected a stack of the axes T, Y, X, got {axes} {shape} of {dtype}; save it as one")
    if "T" in axes and "C" in axes and axes.index("C") < axes.index("T"):
        raise ValueError(f"{path}: expected the axes T, C, Y, X in this order, got {axes}; save it as a hyperstack")
    wanted = range(channels)[channel]

    def page(t: int) -> NDArray[Any]:
        with reading(path, "a whole stack of masks"):
            image = np.asarray(tifffile.imread(path, key=t * channels + wanted))
        return as_labels(image, f"{path}, frame {t}") if image.dtype.kind == "f" else image

    return Lazy(count // channels, page)
