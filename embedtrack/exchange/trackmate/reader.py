"""What TrackMate's files say, ours or others': spots and links, with the masks of our hyperstack or drawn ones."""

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.draw import disk, polygon

from embedtrack.exchange.graph import tracked
from embedtrack.exchange.stack import open_stack
from embedtrack.files.guard import LARGEST, brief, number, require_pixels, require_regular, whole
from embedtrack.files.lazy import Lazy
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked

MOST_FRAMES = 100_000
"""The file names no images by which a number of frames could be checked."""


class Spot(NamedTuple):
    """A cell as TrackMate has it, in pixels."""

    name: str
    frame: int
    y: float
    x: float
    radius: float
    outline: NDArray[np.float64]
    """float[N, 2]: (y, x); empty where there is none."""


def read(path: Path) -> Tracked:
    """Read ``tracks.xml`` of a folder, or any file of TrackMate's; only links of tracks that its filters keep.

    Raises:
        ValueError: it is not TrackMate's, or its tracks merge.
    """
    path = path / "tracks.xml" if path.is_dir() else path
    require_regular(path)
    try:
        root = ET.parse(path).getroot()
        model, image = root.find("Model"), root.find("Settings/ImageData")
        if root.tag != "TrackMate" or model is None or image is None:
            raise ValueError("no TrackMate model with its image data")
        about = {key: number(image.attrib, key, 0) for key in ("pixelwidth", "pixelheight", "timeinterval")}
        about |= {key: float(whole(image.attrib, key, 0)) for key in ("width", "height", "nframes")}
        if min(about.values()) < 0:
            raise ValueError(f"{min(about, key=lambda key: about[key])}: a number below 0")
        pixel = about["pixelwidth"] or 1.0
        shown = [spot for spot in model.iterfind("AllSpots/SpotsInFrame/Spot") if spot.get("VISIBILITY", "1") != "0"]
        spots = {_id(spot, "ID"): _spot(spot, pixel) for spot in shown}
        if len(spots) < len(shown):
            raise ValueError(f"{len(shown) - len(spots)} spots with the ID of another one")
        if not spots and (model.find("AllSpots") is None or model.find("AllSpots/SpotsInFrame/Spot") is not None):
            raise ValueError("no spot that is shown")
        kept = {one.get("TRACK_ID") for one in model.iterfind("FilteredTracks/TrackID")}
        pairs = [
            (_id(edge, "SPOT_SOURCE_ID"), _id(edge, "SPOT_TARGET_ID"))
            for track in model.iterfind("AllTracks/Track") if track.get("TRACK_ID") in kept
            for edge in track.iterfind("Edge")
        ]  # fmt: skip
    except OSError as error:
        raise ValueError(f"{path}: expected TrackMate's XML, got '{error.strerror}'; check the path") from error
    except (ET.ParseError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: expected TrackMate's XML, got '{brief(error)}'; save it again") from error
    found = _pseudo_labels(path, spots)
    masks, values = found or _drawn_masks(path, spots, about)
    nodes = {name: (spot.frame, values[name]) for name, spot in spots.items()}
    links = [
        tuple(sorted((nodes[start], nodes[end]))) for start, end in pairs if start in nodes and end in nodes
    ]  # TrackMate does not say which end is the earlier one
    known = model.get("spatialunits", "").lower() in ("micron", "µm", "um", "micrometer")
    seconds = model.get("timeunits", "").lower() in ("sec", "s", "second", "seconds")
    units = Units(pixel if known else None, about["timeinterval"] or None if seconds else None)
    return tracked(path, masks, list(nodes.values()), [(a, b) for a, b in links], units=units, own=found is not None)


def _id(element: ET.Element, name: str) -> int:
    return whole(element.attrib, name, most=LARGEST)


def _spot(spot: ET.Element, pixel: float) -> Spot:
    y, x = number(spot.attrib, "POSITION_Y") / pixel, number(spot.attrib, "POSITION_X") / pixel
    count = whole(spot.attrib, "ROI_N_POINTS", 0)
    points = np.array((spot.text or "").split(), np.float64).reshape(count, -1)[:, 1::-1] / pixel if count else None
    outline = np.zeros((0, 2)) if points is None else points + np.array([y, x])
    if not np.isfinite(outline).all():
        raise ValueError("an outline with points that are no numbers")
    radius = number(spot.attrib, "RADIUS", 0) / pixel
    return Spot(spot.get("name", ""), whole(spot.attrib, "FRAME"), y, x, radius, outline)


def _pseudo_labels(path: Path, spots: dict[int, Spot]) -> tuple[Sequence[NDArray[Any]], dict[int, int]] | None:
    """The masks of our hyperstack and each spot's value there; None where it is missing or does not have them all."""
    stack = path.with_name("movie.tif")
    if not stack.exists():
        return None
    try:
        images = open_stack(stack)
    except ValueError:  # another's movie, which is no stack of masks
        return None
    present = [set(np.unique(image).tolist()) for image in images]
    values = {
        name: int(spot.name)
        for name, spot in spots.items()
        if spot.name.isdigit() and spot.frame < len(images) and int(spot.name) in present[spot.frame] - {0}
    }
    apart = len({(spots[name].frame, value) for name, value in values.items()}) == len(spots)
    return (images, values) if apart else None


def _drawn_masks(
    path: Path, spots: dict[int, Spot], about: dict[str, float]
) -> tuple[Sequence[NDArray[Any]], dict[int, int]]:
    """Label images with each spot's outline or disc, and its value there."""
    count = max([int(about["nframes"]), *(spot.frame + 1 for spot in spots.values())])
    if count > MOST_FRAMES:
        raise ValueError(f"{path}: expected at most {MOST_FRAMES} frames, got {count}; correct nframes and FRAME")
    if not about["width"] or not about["height"]:
        raise ValueError(f"{path}: expected the size of the image in Settings/ImageData, got none; save it again")
    require_pixels(path, (int(about["height"]), int(about["width"])))
    values = {name: value for value, name in enumerate(spots, start=1)}
    frames: dict[int, list[int]] = defaultdict(list)
    for name, spot in spots.items():
        frames[spot.frame].append(name)

    def drawn(t: int) -> NDArray[Any]:
        """The masks int32[H, W] of a frame; where two overlap, the later spot has the pixels."""
        image = np.zeros((int(about["height"]), int(about["width"])), np.int32)
        for name in frames[t]:
            spot = spots[name]
            if len(spot.outline):
                inside = polygon(spot.outline[:, 0], spot.outline[:, 1], image.shape)  # type: ignore[no-untyped-call]
            else:
                inside = disk((spot.y, spot.x), max(spot.radius, 1), shape=image.shape)  # type: ignore[no-untyped-call]
            image[inside] = values[name]
        return image

    return Lazy(count, drawn), values
