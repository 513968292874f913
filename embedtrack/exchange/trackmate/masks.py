"""Masks of spots: those of our hyperstack pixel by pixel, and outlines or discs of the spots that have none there."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.draw import ellipse, polygon

from embedtrack.exchange.stack import open_stack
from embedtrack.files.guard import require_pixels
from embedtrack.files.lazy import Lazy

log = logging.getLogger(__name__)

MOST_FRAMES = 100_000
"""The file names no images by which a number of frames could be checked."""
STACK = "movie.tif"
NOISE = 1e-3
"""Pixels by which a place may have changed in its way through a text."""


class Spot(NamedTuple):
    """A cell as TrackMate has it, in pixels."""

    name: str
    frame: int
    place: NDArray[np.float64]
    """float[2]: (y, x)."""
    radii: NDArray[np.float64]
    """float[2], along y and x: a circle in micrometres is none in pixels that are not square."""
    outline: NDArray[np.float64]
    """float[N, 2]: (y, x); empty where there is none."""


class Masks(NamedTuple):
    """Label images, and what their values are."""

    images: Sequence[NDArray[Any]]
    """Integers [H, W] of every frame."""
    values: dict[int, int]
    """A spot's ID -> its value in the image of its frame."""
    own: bool
    """Whether these are the labels that we wrote, or go on with them."""


def masks_of(
    path: Path, spots: Mapping[int, Spot], links: Sequence[tuple[int, int]], shape: tuple[int, int], frames: int
) -> Masks:
    """The masks of all spots.

    Args:
        path: of the XML; the hyperstack lies beside it.
        spots: by their IDs.
        links: from a spot to a later one.
        shape: (height, width) of the image.
        frames: their number, of which there are more where a spot is later.

    Raises:
        ValueError: the size of the image is missing or beyond reason, there are too many frames, and when an image is
            read: one of its spots has no pixel.
    """
    stack = _stack(path)
    kept = _kept(stack, spots)
    if len(stack) and len(kept) == len(spots):
        return Masks(stack, kept, own=True)
    if path.with_name(STACK).exists():
        log.warning(
            "%s: %d of %d spots lie on no mask of their name in %s; they are drawn where no other mask is",
            path, len(spots) - len(kept), len(spots), STACK,
        )  # fmt: skip
    stack = stack if kept else ()
    frames = max([frames, len(stack), *(spot.frame + 1 for spot in spots.values())])
    if frames > MOST_FRAMES:
        raise ValueError(f"{path}: expected at most {MOST_FRAMES} frames, got {frames}; correct nframes and FRAME")
    height, width = stack[0].shape if kept else shape
    if not height or not width:
        raise ValueError(f"{path}: expected the size of the image in Settings/ImageData, got none; save it again")
    require_pixels(path, (height, width))
    values = kept | _new_values(spots, links, kept)
    return Masks(_drawn(path, spots, values, kept, stack, (frames, height, width)), values, own=bool(kept))


def _stack(path: Path) -> Sequence[NDArray[Any]]:
    """The last channel of the hyperstack; empty where there is none, or another's movie."""
    try:
        return open_stack(path.with_name(STACK))
    except ValueError:
        return ()


def _by_frame(names: Iterable[int], spots: Mapping[int, Spot]) -> dict[int, list[int]]:
    """Frame -> those of the spots that are in it."""
    frames: dict[int, list[int]] = defaultdict(list)
    for name in names:
        frames[spots[name].frame].append(name)
    return frames


def _kept(stack: Sequence[NDArray[Any]], spots: Mapping[int, Spot]) -> dict[int, int]:
    """The spots that lie on the mask of their name, and its value; of two on one mask the first."""
    kept: dict[int, int] = {}
    frames = _by_frame(spots, spots)
    for t, image in enumerate(stack):
        found: dict[int, int] = {}
        for name in frames.get(t, ()):
            y, x = spots[name].place + NOISE  # rounded down: a place that we write is within its mask so
            value = int(image[int(y), int(x)]) if 0 <= y < image.shape[0] and 0 <= x < image.shape[1] else 0
            if value and spots[name].name == str(value):
                found.setdefault(value, name)
        kept |= {name: value for value, name in found.items()}
    return kept


def _new_values(spots: Mapping[int, Spot], links: Sequence[tuple[int, int]], kept: Mapping[int, int]) -> dict[int, int]:
    """Values for the other spots: that of the spot a frame before that goes on as this one alone, or new ones."""
    before, after = {end: start for start, end in links}, Counter(start for start, _ in set(links))
    used = set(kept.values())
    taken = {(spots[name].frame, value) for name, value in kept.items()}
    unused = (value for value in count(1) if value not in used)
    values: dict[int, int] = {}
    for name in sorted((name for name in spots if name not in kept), key=lambda name: spots[name].frame):
        start, frame = before.get(name, name), spots[name].frame
        goes_on = spots[start].frame == frame - 1 and after[start] == 1
        value = kept.get(start) or values.get(start) if goes_on else None
        values[name] = value = next(unused) if value is None or (frame, value) in taken else value
        taken.add((frame, value))
    return values


def _drawn(
    path: Path, spots: Mapping[int, Spot], values: dict[int, int], kept: Mapping[int, int],
    stack: Sequence[NDArray[Any]], shape: tuple[int, int, int],
) -> Lazy[NDArray[Any]]:  # fmt: skip
    """Label images int32[H, W]: the masks of ``stack`` that are kept, and the other spots where these are not."""
    old = _by_frame(kept, spots)
    new = _by_frame((name for name in spots if name not in kept), spots)

    def draw(t: int) -> NDArray[Any]:
        """The masks of a frame; where two are drawn, the later spot has the pixels."""
        image = np.zeros(shape[1:], np.int32)
        for name in new.get(t, ()):
            image[_inside(spots[name], image.shape)] = values[name]
        if t in old:
            before = stack[t]
            image = np.where(np.isin(before, [kept[name] for name in old[t]]), before, image)
        shown = set(np.unique(image).tolist())
        if lost := [name for name in new.get(t, ()) if values[name] not in shown]:
            raise ValueError(f"{path}: {_no_pixel(lost[0], spots[lost[0]], image.shape)}")
        return image

    return Lazy(shape[0], draw)


def _inside(spot: Spot, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pixels (rows, columns) of a spot in an image [H, W]."""
    if len(spot.outline):
        found = polygon(spot.outline[:, 0], spot.outline[:, 1], shape)  # type: ignore[no-untyped-call]
    else:
        (y, x), (along_y, along_x) = spot.place, np.maximum(spot.radii, 1)
        found = ellipse(y, x, along_y, along_x, shape)  # type: ignore[no-untyped-call]
    return found[0], found[1]


def _no_pixel(name: int, spot: Spot, shape: tuple[int, ...]) -> str:
    """The fault of a spot that no pixel is left for."""
    (y, x), (height, width) = spot.place, shape
    why = "it is covered by other cells" if len(_inside(spot, shape)[0]) else "there is no pixel within it"
    return (
        f"expected pixels of the image ({width} x {height}) for each spot, got none for the spot of ID {name} in frame "
        f"{spot.frame} at pixel x {x:.1f}, y {y:.1f}: {why}; move, enlarge or remove it"
    )
