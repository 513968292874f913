"""A result as TrackMate's files: the XML with every cell's outline, the hyperstack with its masks."""

import math
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import find_contours

from embedtrack.challenge.aogm import Edge, Node
from embedtrack.exchange.graph import links_of, places
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import cell_of_track, lives
from embedtrack.types import Labels

VERSION = "7.13.2"
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
