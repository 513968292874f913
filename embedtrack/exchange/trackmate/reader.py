"""What TrackMate's files say, ours or others': spots and links, with the masks of our hyperstack or drawn ones."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtrack.exchange.graph import tracked
from embedtrack.exchange.trackmate.masks import Spot, masks_of
from embedtrack.exchange.units import units_of
from embedtrack.files.guard import LARGEST, brief, number, require_regular, whole
from embedtrack.tracked import Tracked


def read(path: Path) -> Tracked:
    """Read ``tracks.xml`` of a folder, or any file of TrackMate's; only links of tracks that its filters keep.

    Raises:
        ValueError: it is not TrackMate's, is in 3D, its tracks merge, or a spot has no pixel of its own.
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
        sides = about["pixelheight"] or about["pixelwidth"], about["pixelwidth"]
        pixel = np.array([side or 1.0 for side in sides])
        shown = [spot for spot in model.iterfind("AllSpots/SpotsInFrame/Spot") if spot.get("VISIBILITY", "1") != "0"]
        spots = {_id(spot, "ID"): _spot(spot, pixel) for spot in shown}
        heights = {number(spot.attrib, "POSITION_Z", 0) for spot in shown}
        if len(spots) < len(shown):
            raise ValueError(f"{len(shown) - len(spots)} spots with the ID of another one")
        if not spots and (model.find("AllSpots") is None or model.find("AllSpots/SpotsInFrame/Spot") is not None):
            raise ValueError("no spot that is shown")
        links = _links(model, spots)
    except OSError as error:
        raise ValueError(f"{path}: expected TrackMate's XML, got '{error.strerror}'; check the path") from error
    except (ET.ParseError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: expected TrackMate's XML, got '{brief(error)}'; save it again") from error
    if len(heights) > 1:  # a Z that is the same everywhere is a formality
        raise ValueError(
            f"{path}: expected TrackMate's tracks in 2D, got spots of POSITION_Z from {min(heights):g} to "
            f"{max(heights):g}; track a projection or one plane"
        )
    shape = int(about["height"]), int(about["width"])
    masks, values, own = masks_of(path, spots, links, shape, int(about["nframes"]))
    nodes = {name: (spot.frame, values[name]) for name, spot in spots.items()}
    lengths = [(side, model.get("spatialunits")) for side in sides]
    units = units_of(path, lengths, (about["timeinterval"], model.get("timeunits")))
    edges = [(nodes[start], nodes[end]) for start, end in links]
    return tracked(path, masks, list(nodes.values()), edges, units=units, own=own)


def _links(model: ET.Element, spots: Mapping[int, Spot]) -> list[tuple[int, int]]:
    """Links between spots, the earlier one first, which TrackMate does not say; of tracks that its filters keep."""
    kept = {one.get("TRACK_ID") for one in model.iterfind("FilteredTracks/TrackID")}
    pairs = [
        (_id(edge, "SPOT_SOURCE_ID"), _id(edge, "SPOT_TARGET_ID"))
        for track in model.iterfind("AllTracks/Track") if track.get("TRACK_ID") in kept
        for edge in track.iterfind("Edge")
    ]  # fmt: skip
    return [
        (start, end) if spots[start].frame <= spots[end].frame else (end, start)
        for start, end in pairs if start in spots and end in spots
    ]  # fmt: skip


def _id(element: ET.Element, name: str) -> int:
    return whole(element.attrib, name, most=LARGEST)


def _spot(spot: ET.Element, pixel: NDArray[np.float64]) -> Spot:
    """A spot of the file, whose lengths are multiples of the sides float[2] (y, x) of a pixel."""
    place = np.array([number(spot.attrib, key) for key in ("POSITION_Y", "POSITION_X")]) / pixel
    count = whole(spot.attrib, "ROI_N_POINTS", 0)
    points = np.array((spot.text or "").split(), np.float64).reshape(count, -1)[:, 1::-1] / pixel if count else None
    outline = np.zeros((0, 2)) if points is None else points + place
    if not np.isfinite(outline).all():
        raise ValueError("an outline with points that are no numbers")
    radii = number(spot.attrib, "RADIUS", 0) / pixel
    return Spot(spot.get("name", ""), whole(spot.attrib, "FRAME"), place, radii, outline)
