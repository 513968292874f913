"""One frame as a picture: grey values, outlines, tails, divisions, what time it is and how large things are."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from embedtrack.looks.colours import WHITE, Colour
from embedtrack.movies.units import Units
from embedtrack.types import Labels

Picture = NDArray[np.uint8]
"""uint8[H, W, 3]: blue, green, red."""
Place = tuple[float, float]
"""(y, x) in pixels of the frame."""
FONT = cv2.FontFace("sans")
BRIGHTEST, GAMMA = 190, 0.7
"""Of the grey values: outlines stand out from the bright cells, and dim cells from the ground."""
TONES = np.rint(BRIGHTEST * np.linspace(0, 1, 256) ** GAMMA).astype(np.uint8)


class Span(NamedTuple):
    """The grey values of the movie that become black and brightest."""

    low: float
    high: float


class Cell(NamedTuple):
    """What is drawn of a cell in one frame."""

    place: Place
    """The mean of its pixels."""
    area: int
    """Pixels."""
    outline: list[NDArray[np.int32]]
    """int32[N, 1, 2] each: (x, y) of the border pixels of its parts."""


def span(frame: NDArray[Any]) -> Span:
    """The grey values to show of a frame [H, W]: from its background to nearly its brightest pixels."""
    low, high = np.percentile(frame[::2, ::2], (1, 99.8)).tolist()
    return Span(low, max(high, low + 1e-6))


def background(frame: NDArray[Any] | None, shape: tuple[int, int], grey: Span, zoom: int) -> Picture:
    """The frame [H, W] in grey, ``zoom`` times as large; black without a frame."""
    if frame is None:
        return np.zeros((shape[0] * zoom, shape[1] * zoom, 3), np.uint8)
    scaled = cv2.convertScaleAbs(
        np.clip(frame.astype(np.float32) - np.float32(grey.low), 0, grey.high - grey.low),
        alpha=255 / (grey.high - grey.low),
    )
    scaled = cv2.LUT(scaled, TONES)
    if zoom > 1:
        scaled = cv2.resize(scaled, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_GRAY2BGR), np.uint8)


def cells_of(labels: Labels) -> dict[int, Cell]:
    """The cells of a frame int32[H, W] by label."""
    cells = {}
    for label, box in enumerate(find_objects(labels), start=1):
        if box is None:
            continue
        top, left = box[0].start, box[1].start
        mask = (labels[box] == label).astype(np.uint8)
        moments = cv2.moments(mask, binaryImage=True)
        place = (top + moments["m01"] / moments["m00"], left + moments["m10"] / moments["m00"])
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(left, top))
        cells[label] = Cell(place, round(moments["m00"]), list(contours))
    return cells


def outline(picture: Picture, cell: Cell, colour: Colour, zoom: int, width: int) -> None:
    """Draw the cell's border, ``width`` pixels of the picture wide."""
    parts = [_spot(part, zoom) for part in cell.outline]
    cv2.polylines(picture, parts, True, colour, width, cv2.LINE_AA, shift=4)


def path(
    picture: Picture,
    places: Iterable[Place],
    colour: Colour,
    zoom: int,
    fade: bool = True,
    width: int | None = None,
) -> None:
    """Draw a line through the places, the older the darker, ``width`` pixels of the picture wide."""
    points = _spot(np.array([(x, y) for y, x in places], np.float64).reshape(-1, 1, 2), zoom)
    for i in range(1, len(points)):
        strength = 0.3 + 0.7 * i / (len(points) - 1) if fade else 1.0
        shaded = tuple(round(part * strength) for part in colour)
        cv2.line(
            picture, points[i - 1, 0].tolist(), points[i, 0].tolist(), shaded, width or max(1, zoom), cv2.LINE_AA, 4
        )


def division(picture: Picture, daughters: list[Place], zoom: int) -> None:
    """Join the daughters of a division by a white line with a diamond in its middle."""
    middle = np.mean(daughters, axis=0)
    for daughter in daughters:
        path(picture, [(float(middle[0]), float(middle[1])), daughter], WHITE, zoom, fade=False)
    y, x = (middle + 0.5) * zoom
    r = 3.5 * math.sqrt(zoom)
    diamond = np.array([(x, y - r), (x + r, y), (x, y + r), (x - r, y)]).round().astype(np.int32)
    cv2.fillPoly(picture, [diamond], WHITE, cv2.LINE_AA)


def write(picture: Picture, words: str, place: tuple[float, float], colour: Colour = WHITE, size: int = 14) -> None:
    """Text whose lower left corner is at (x, y) of the picture, on a dark seam that sets it off any ground."""
    x, y = round(place[0]), round(place[1])
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        cv2.putText(picture, words, (x + dx, y + dy), (0, 0, 0), FONT, size, 500)
    cv2.putText(picture, words, (x, y), colour, FONT, size, 500)


def width_of(words: str, size: int = 14) -> int:
    """The width in pixels of a text."""
    return int(cv2.getTextSize((1, 1), words, (0, 0), FONT, size, 500)[2])


def number(picture: Picture, label: int, cell: Cell, zoom: int, size: int = 11) -> None:
    """Write a track's number in white with a dark rim beside its cell, at the upper right, if the cell is large enough.

    Where there is no room it stands at the left.
    """
    words = str(label)
    width = width_of(words, size)
    if width >= 1.3 * zoom * math.sqrt(cell.area):
        return
    corners = np.concatenate(cell.outline)[:, 0]  # [N, 2]: (x, y)
    (left, top), (right, _) = corners.min(axis=0) * zoom, (corners.max(axis=0) + 1) * zoom
    y, x = ((part + 0.5) * zoom for part in cell.place)
    beside = x + 0.75 * (right - x) + 2  # where a round cell's outline has turned away
    if beside + width > picture.shape[1]:
        beside = x - 0.75 * (x - left) - 2 - width
    write(picture, words, (max(beside, 1), max(y - 0.75 * (y - top), size)), WHITE, size)


def caption(picture: Picture, name: str, index: int, units: Units) -> None:
    """Write the frame's number and time into the upper left corner, and draw the scale bar into the lower right one."""
    words = f"frame {name}" + (f"   {clock(index * units.interval, units.interval)}" if units.interval else "")
    write(picture, words, (10, 22), size=15)
    if units.pixel:
        zoom_pixel = units.pixel
        length, text = scale_bar(picture.shape[1], zoom_pixel)
        height, width = picture.shape[:2]
        x, y = width - 14 - length, height - 14
        cv2.rectangle(picture, (x - 1, y - 5), (width - 13, y + 1), (0, 0, 0), -1)
        cv2.rectangle(picture, (x, y - 4), (width - 14, y), WHITE, -1)
        write(picture, text, (x + (length - width_of(text, 13)) / 2, y - 10), size=13)


def scale_bar(width: int, pixel: float) -> tuple[int, str]:
    """Length in pixels and name of a bar of 1, 2 or 5 times a power of ten, at most a fifth of the picture's width.

    Args:
        width: of the picture.
        pixel: micrometres in a pixel of the picture.
    """
    most = width * pixel / 5
    power = 10.0 ** math.floor(math.log10(most))
    length = max(step * power for step in (1, 2, 5) if step * power <= most * 1.0001)
    name = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    return round(length / pixel), name


def clock(seconds: float, interval: float) -> str:
    """``hh:mm:ss``, with as many decimals, three at most, as tell frames apart that are ``interval`` seconds apart."""
    decimals = next((d for d in range(3) if abs(round(interval, d) - interval) < 0.01 * interval), 3)
    minutes, rest = divmod(round(seconds, decimals), 60)
    width = decimals + 3 if decimals else 2
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{rest:0{width}.{decimals}f}"


def legend(picture: Picture, entries: Mapping[str, Colour]) -> None:
    """Write words side by side along the lower edge, each in its colour; more lines where one is too short."""
    x, y, size = 10, picture.shape[0] - 14, 13
    for words, colour in entries.items():
        if x > 10 and x + width_of(words, size) > picture.shape[1] * 0.75:
            x, y = 10, y - 18
        write(picture, words, (x, y), colour, size)
        x += width_of(words, size) + 14


def _spot(points: NDArray[Any], zoom: int) -> NDArray[np.int32]:
    """Pixels (x, y) of the frame -> sixteenths of a pixel of the picture, centre to centre."""
    return np.asarray((((points + 0.5) * zoom - 0.5) * 16).round(), np.int32)
