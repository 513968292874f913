"""TrackMate: ``OUT/tracks.xml`` with every cell's outline, and ``OUT/movie.tif``, the hyperstack that it belongs to.

An outline cannot say that a mask has a hole or two parts, so the masks are the last channel of the hyperstack. A spot's
name is its value there. In others' files spots without a mask become their outline, or a disc of their radius.
"""

import math
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.draw import disk, polygon
from skimage.measure import find_contours

from embedtrack.challenge.aogm import Edge, Node
from embedtrack.exchange.graph import links_of, places, tracked
from embedtrack.exchange.stack import open_stack
from embedtrack.files.guard import LARGEST as LARGEST_ID
from embedtrack.files.guard import brief, number, require_pixels, require_regular, whole
from embedtrack.files.lazy import Lazy
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import cell_of_track, lives
from embedtrack.types import Labels

VERSION = "7.13.2"
MOST_FRAMES = 100_000
"""The file names no images by which a number of frames could be checked."""
LARGEST = 4 * 10**9
"""Bytes that ImageJ's format can hold."""
SPOT_FEATURES = (
    ("QUALITY", "Quality", "QUALITY"), ("POSITION_X", "X", "POSITION"), ("POSITION_Y", "Y", "POSITION"),
    ("POSITION_Z", "Z", "POSITION"), ("POSITION_T", "T", "TIME"), ("FRAME", "Frame", "NONE"),
    ("RADIUS", "Radius", "LENGTH"), ("VISIBILITY", "Visibility", "NONE"), ("AREA", "Area", "AREA"),
)  # fmt: skip
EDGE_FEATURES = (
    ("SPOT_SOURCE_ID", "Source spot ID", "NONE"), ("SPOT_TARGET_ID", "Target spot ID", "NONE"),
    ("LINK_COST", "Edge cost", "COST"),
)  # fmt: skip
TRACK_FEATURES = (("TRACK_INDEX", "Index", "NONE"), ("TRACK_ID", "ID", "NONE"), ("NUMBER_SPOTS", "N spots", "NONE"))
WHOLE = {"FRAME", "VISIBILITY", "SPOT_SOURCE_ID", "SPOT_TARGET_ID", "TRACK_INDEX", "TRACK_ID", "NUMBER_SPOTS"}


class Spot(NamedTuple):
    """A cell as TrackMate has it, in pixels."""

    name: str
    frame: int
    y: float
    x: float
    radius: float
    outline: NDArray[np.float64]
    """float[N, 2]: (y, x); empty where there is none."""


def write(result: Tracked, folder: Path, raw: Sequence[NDArray[Any]] | None = None) -> None:
    """Write both files; the hyperstack holds the movie too if there is ``raw``."""
    pixel, interval = result.units.pixel or 1.0, result.units.interval or 1.0
    _write_stack(result, folder / "movie.tif", raw)
    root = ET.Element("TrackMate", version=VERSION)
    units = {"spatialunits": "micron" if result.units.pixel else "pixel",
             "timeunits": "sec" if result.units.interval else "frame"}  # fmt: skip
    model = ET.SubElement(root, "Model", units)
    declarations = ET.SubElement(model, "FeatureDeclarations")
    for kind, features in (("Spot", SPOT_FEATURES), ("Edge", EDGE_FEATURES), ("Track", TRACK_FEATURES)):
        group = ET.SubElement(declarations, f"{kind}Features")
        for key, name, dimension in features:
            whole = str(key in WHOLE).lower()
            ET.SubElement(group, "Feature", feature=key, name=name, shortname=name, dimension=dimension, isint=whole)
    number = _add_spots(model, result, pixel, interval)
    _add_tracks(model, result, number)
    _add_settings(root, result, pixel, interval)
    ET.indent(root)
    ET.ElementTree(root).write(folder / "tracks.xml", encoding="UTF-8", xml_declaration=True)


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


def _add_spots(model: ET.Element, result: Tracked, pixel: float, interval: float) -> dict[Node, int]:
    """The spots, frame by frame, their quality is how likely there is a cell; returns the ID of each."""
    number: dict[Node, int] = {}
    total = sum(track.end - track.begin + 1 for track in result.tracks)
    sure = {} if result.confidence is None else {(t, label): one for t, label, one, _ in result.confidence.tolist()}
    spots = ET.SubElement(model, "AllSpots", nspots=str(total))
    for t, labels in enumerate(result.masks):
        group = ET.SubElement(spots, "SpotsInFrame", frame=str(t))
        for (label, (y, x)), (outline, area) in zip(sorted(places(labels).items()), _outlines(labels), strict=True):
            number[t, label] = len(number)
            values = {"QUALITY": sure.get((t, label), 1.0), "POSITION_X": x * pixel, "POSITION_Y": y * pixel,
                      "POSITION_Z": 0.0, "POSITION_T": t * interval, "RADIUS": np.sqrt(area / np.pi) * pixel,
                      "AREA": area * pixel**2}  # fmt: skip
            relative = ((outline - (y, x)) * pixel)[:, ::-1]
            whole = {"ID": number[t, label], "name": label, "FRAME": t, "VISIBILITY": 1, "ROI_N_POINTS": len(relative)}
            attributes = {key: str(value) for key, value in whole.items()}
            attributes |= {key: f"{value:.9g}" for key, value in values.items()}
            spot = ET.SubElement(group, "Spot", attributes)
            spot.text = " ".join(f"{value:.7g}" for value in relative.ravel())
    return number


def _add_tracks(model: ET.Element, result: Tracked, number: dict[Node, int]) -> None:
    """A family with its links is one track; cells without any link are in none, as in TrackMate itself.

    The cost of a link is minus the logarithm of how likely it is right.
    """
    cell, life = cell_of_track(result.tracks), lives(result.tracks)
    families: dict[int, list[Edge]] = defaultdict(list)
    sure = {} if result.confidence is None else {(t, label): one for t, label, _, one in result.confidence.tolist()}
    for start, end in links_of(result.tracks):
        families[life[cell[start[1]]].lineage].append((start, end))
    tracks, kept = ET.SubElement(model, "AllTracks"), ET.SubElement(model, "FilteredTracks")
    for index, (name, links) in enumerate(sorted(families.items())):
        spots = {node for link in links for node in link}
        track = ET.SubElement(tracks, "Track", name=f"Track_{name}", TRACK_INDEX=str(index), TRACK_ID=str(index),
                              NUMBER_SPOTS=str(len(spots)))  # fmt: skip
        for start, end in links:
            ends = {"SPOT_SOURCE_ID": str(number[start]), "SPOT_TARGET_ID": str(number[end])}
            ET.SubElement(track, "Edge", ends | {"LINK_COST": f"{-math.log(max(sure.get(end, 1.0), 1e-9)):.4g}"})
        ET.SubElement(kept, "TrackID", TRACK_ID=str(index))


def _add_settings(root: ET.Element, result: Tracked, pixel: float, interval: float) -> None:
    height, width = result.shape
    settings = ET.SubElement(root, "Settings")
    sizes = {"width": width, "height": height, "nslices": 1, "nframes": len(result), "pixelwidth": pixel,
             "pixelheight": pixel, "voxeldepth": 1.0, "timeinterval": interval}  # fmt: skip
    image = {"filename": "movie.tif", "folder": ""} | {key: str(size) for key, size in sizes.items()}
    ET.SubElement(settings, "ImageData", image)
    ends = {"x": width, "y": height, "z": 1, "t": len(result)}
    ET.SubElement(settings, "BasicSettings", {f"{axis}start": "0" for axis in ends} | {
        f"{axis}end": str(size - 1) for axis, size in ends.items()})  # fmt: skip
    ET.SubElement(settings, "DetectorSettings", DETECTOR_NAME="MANUAL_DETECTOR", RADIUS="5.0")
    ET.SubElement(settings, "InitialSpotFilter", feature="QUALITY", value="0.0", above="true")
    ET.SubElement(settings, "SpotFilterCollection")
    ET.SubElement(settings, "TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
    ET.SubElement(settings, "TrackFilterCollection")
    analyzers = ET.SubElement(settings, "AnalyzerCollection")
    for kind in ("SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"):
        ET.SubElement(analyzers, kind)
    state = ET.SubElement(root, "GUIState", state="ConfigureViews")
    ET.SubElement(state, "View", key="HYPERSTACKDISPLAYER")  # else it opens without the overlay


def _outlines(labels: Labels) -> Iterator[tuple[NDArray[np.float64], int]]:
    """The outline float[N, 2] of (y, x) around the largest part, and the pixels, of every label in rising order.

    It passes between the centres of the pixels within and those without.
    """
    for label, box in enumerate(find_objects(labels), start=1):
        if box is not None:
            mask = np.pad(labels[box] == label, 1)
            contours = find_contours(mask.astype(float), 0.5, "high")  # type: ignore[no-untyped-call]
            outline = max(contours, key=len)[:-1] + np.array([box[0].start - 1, box[1].start - 1])
            yield outline, int(mask.sum())


def _write_stack(result: Tracked, path: Path, raw: Sequence[NDArray[Any]] | None) -> None:
    """The hyperstack [T, C, H, W] of ImageJ: the movie if there is any, and the masks."""
    dtype = np.dtype(np.float32 if raw and raw[0].dtype.kind == "f" else np.uint16)
    shape = (len(result), 2 if raw else 1, *result.shape)
    size = int(np.prod(shape)) * dtype.itemsize
    if size > LARGEST:
        raise ValueError(
            f"{path.name}: expected at most {LARGEST / 1e9:g} GB, which ImageJ's format can hold, got "
            f"{size / 1e9:.1f} GB; export a part of the movie, or without --raw"
        )
    pages = (
        image.astype(dtype)
        for t, labels in enumerate(result.masks)
        for image in ((raw[t], labels) if raw else (labels,))
    )
    pixel, interval = result.units.pixel, result.units.interval
    metadata = {"axes": "TCYX", "mode": "composite" if raw else "grayscale"}
    metadata |= {"unit": "um"} if pixel else {}
    tifffile.imwrite(
        path, pages, shape=shape, dtype=dtype, imagej=True,
        metadata=metadata | ({"finterval": interval} if interval else {}),
        resolution=(1 / pixel, 1 / pixel) if pixel else None,
    )  # fmt: skip


def _id(element: ET.Element, name: str) -> int:
    return whole(element.attrib, name, most=LARGEST_ID)


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
    images = open_stack(stack)
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
