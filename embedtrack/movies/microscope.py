"""Microscopes' own files (nd2, lif, czi, ...) through the readers of bioio."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtrack.movies.scenes import pick
from embedtrack.movies.stack import Place, Stack
from embedtrack.movies.units import Units, micrometres, seconds, square
from embedtrack.optional_packages import need

READERS = {".nd2": "bioio-nd2", ".lif": "bioio-lif", ".czi": "bioio-czi"}
"""bioio's readers of the usual files."""
BOUND = (".czi",)
"""Their readers are under the GPL, so that no extra brings them."""


def open_foreign(path: Path, scene: str | None = None) -> Stack:
    """A movie that bioio has a reader for; dask reads the images that are asked for.

    Raises:
        ValueError: bioio or the reader is missing, the file is damaged, or holds several movies.
    """
    suffix = path.suffix.lower()
    bioio = need("bioio", "bioio", str(path))
    try:
        image = bioio.BioImage(path)
    except Exception as error:  # each reader has its own errors
        missing = type(error).__name__ == "UnsupportedFileFormatError" and _missing(suffix)
        fault = missing or f"expected a whole {suffix} file, got '{_line(error)}'; copy it again"
        raise ValueError(f"{path}: {fault}") from error
    image.set_scene(pick(path, list(image.scenes), scene))
    return stack_of(path, image)


def stack_of(path: Path, image: Any) -> Stack:
    """The images of a ``bioio.BioImage``, in its current scene."""
    reader = image.reader  # its own axes: BioImage pads them to TCZYX and hides colour samples
    axes, data = reader.dims.order.upper(), reader.xarray_dask_data.data

    def read(place: Place) -> NDArray[Any]:
        """The image [H, W] at a place of the other axes. Raises ValueError where the file is cut or damaged."""
        where = tuple(slice(None) if name in "YX" else place[name] for name in axes)
        try:
            picked = np.asarray(data[where].compute(scheduler="synchronous"))
        except Exception as error:
            raise ValueError(f"{path}: expected a whole file, got '{_line(error)}'; copy it again") from error
        return picked if axes.index("Y") < axes.index("X") else picked.T

    names = tuple(image.channel_names or ())
    return Stack(axes, tuple(map(int, data.shape)), np.dtype(data.dtype), read, _units(image), names)


def _units(image: Any) -> Units:
    """Micrometres and seconds; readers differ in where they have them, and fail on some files."""
    step = _found(image, "time_interval") or _found(image, "standard_metadata", "timelapse_interval")
    height, width = (micrometres(_found(image, "physical_pixel_sizes", axis), "um") for axis in "YX")
    return Units(square(height, width), seconds(getattr(step, "total_seconds", lambda: step)(), "s"))


def _found(image: Any, *names: str) -> Any:
    """An attribute of an attribute, or None: metadata are a bonus, without them the images are still good."""
    try:
        for name in names:
            image = getattr(image, name)
    except Exception:
        return None
    return image


def _missing(suffix: str) -> str | None:
    """What to install for a file that no installed reader knows; None if its reader is there."""
    if suffix not in READERS:
        return (
            "expected a TIFF, an OME-Zarr, a folder of images, or a file that bioio reads, got another one; install a "
            "reader for it (bioio-devs.github.io/bioio), or save it as OME-TIFF"
        )
    package = READERS[suffix]
    if find_spec(package.replace("-", "_")):
        return None
    if suffix in BOUND:
        return (
            f"expected the reader {package}, got none; install it: pip install {package} "
            "(its licence is the GPL, so no extra brings it), or save the movie as OME-TIFF"
        )
    return f"expected the reader {package}, got none; install it: pip install '.[bioio]' in a clone of the repository"


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
