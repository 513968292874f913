"""Single images -> masks: each by itself, of any size, and nothing of a track."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from embedtrack import checkpoint
from embedtrack.challenge.stills import IMAGES, has_stills
from embedtrack.exchange.geojson import collection, features
from embedtrack.files.packed import Packed, pack
from embedtrack.files.whole import check_apart, check_folder, new_folder, resolved
from embedtrack.inference.adapt import adapt
from embedtrack.inference.segmenter import Image, Segmenter
from embedtrack.model import Model
from embedtrack.movies.images import image_files
from embedtrack.movies.memory import frames_of
from embedtrack.movies.movie import Movie
from embedtrack.movies.open import open_movie
from embedtrack.movies.selection import Choice
from embedtrack.options import Options
from embedtrack.types import Labels

KIND = "masks of single images"
OUTLINES = ("geojson",)

OnImage = Callable[[int, int | None], None]


class Summary(NamedTuple):
    """What was found."""

    images: int
    cells: int


def segment(
    images: Path,
    model: Path,
    out: Path,
    options: Options | None = None,
    *,
    choice: Choice | None = None,
    outlines: str | None = None,
    overwrite: bool = False,
    on_image: OnImage = lambda done, total: None,
) -> Summary:
    """Write the masks of some images: ``NAME.tif`` in ``out`` for each file, and ``NAME.geojson`` where asked for.

    A mask is uint16, or uint32 where an image holds more than 65535 cells; of a stack, whose pages are taken for
    images that have nothing to do with each other, it is a stack too. All of them appear together, when the last is
    done.

    Args:
        images: a file, a folder of images of any sizes, or a data set of ``images`` and ``masks``.
        model: a model's folder, of any method.
        out: a new folder, or one that this function wrote.
        options: how; by default in as many views as the model says, on the best device.
        choice: the channel, where images have several.
        outlines: ``geojson``, or none.
        overwrite: replace another folder too.
        on_image: told of each finished image.

    Raises:
        ValueError: anything that is wrong with images, model or place, before the first image is segmented, or an
            image's pixels when it is its turn; nothing is written then.
    """
    if outlines is not None and outlines not in OUTLINES:
        raise ValueError(f"expected --outlines {', '.join(OUTLINES)}, got {outlines}")
    out = resolved(out)
    if out.suffix.lower() in (".tif", ".tiff", ".png", ".geojson"):
        raise ValueError(f"{out}: expected --out to name a folder, which gets a mask for each image; leave the ending")
    check_apart(out, images, model)
    check_folder(out, KIND, overwrite=overwrite)
    files = _open(images, choice or Choice())
    look = each_by_itself(checkpoint.load(model), options)
    total, done, cells = sum(map(len, files.values())), 0, 0
    with new_folder(out, KIND, overwrite=overwrite) as folder:
        for name, movie in files.items():
            found: list[Packed] = []
            most = 0
            for image in frames_of(movie.frames)[0]:
                labels = look(image)
                found.append(pack(labels))
                most = max(most, int(labels.max(initial=0)))
                cells += np.unique(labels[labels > 0]).size
                done += 1
                on_image(done, total)
            _write(folder / f"{name}.tif", found, most)
            if outlines:
                _write_outlines(folder / f"{name}.geojson", found)
    return Summary(total, cells)


def each_by_itself(model: Model, options: Options | None = None) -> Callable[[Image], Labels]:
    """What gives the cells int32[H, W] of one image after the other, of any sizes.

    Raises:
        ValueError: what ``Segmenter`` raises; and for an image, what ``adapt`` does.
    """
    segmenter = Segmenter(model, options)

    def look(image: Image) -> Labels:
        segmenter.model = adapt(model, [image], segmenter.options)
        return segmenter.image(image).labels

    return look


def _open(images: Path, choice: Choice) -> dict[str, Movie]:
    """The files by the names of their masks; headers alone are read.

    Raises:
        ValueError: there is none, two of one name, or a file that is no image; a line per fault.
    """
    if not images.exists():
        raise ValueError(f"{images}: expected images, got nothing of this name; check the path")
    folder = images / IMAGES if images.is_dir() and has_stills(images) else images
    files = image_files(folder) if folder.is_dir() else [folder]
    if not files:
        raise ValueError(f"{images}: expected images, got none in this folder; check the path")
    found: dict[str, Movie] = {}
    faults: list[str] = []
    for path in files:
        name = path.name.removesuffix(path.suffix)
        if name in found:
            faults.append(f"{path}: expected one image {name}, got {found[name].path.name} too; rename one of them")
            continue
        try:
            found[name] = open_movie(path, choice)
        except ValueError as error:
            faults.append(str(error))
    if faults:
        more = f"\n... and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise ValueError("\n".join(faults[:5]) + more)
    return found


def _write(path: Path, found: Sequence[Packed], most: int) -> None:
    """One mask, or a stack of them, page by page, whose labels are ``most`` at most."""
    dtype = np.uint16 if most <= np.iinfo(np.uint16).max else np.uint32
    shape = found[0].shape if len(found) == 1 else (len(found), *found[0].shape)
    tifffile.imwrite(
        path, (one.opened().astype(dtype) for one in found), shape=shape, dtype=dtype,
        photometric="minisblack", compression="zlib", metadata=None,
    )  # fmt: skip


def _write_outlines(path: Path, found: Sequence[Packed]) -> None:
    pages = [None] if len(found) == 1 else range(len(found))
    made = [one for page, masks in zip(pages, found, strict=True) for one in features(masks.opened(), page)]
    path.write_text(json.dumps(collection(made)) + "\n", encoding="utf-8")
