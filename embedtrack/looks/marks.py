"""Errors on a picture: each kind has a colour, a shape and a word, so that no one depends on colour alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2

from embedtrack.challenge.aogm import Node
from embedtrack.looks.colours import HUES, Colour
from embedtrack.looks.errors import KINDS, Error
from embedtrack.looks.overlay import Cell, Picture, Place, legend, outline, path, width_of, write

ORANGE, SKY, GREEN, YELLOW, _, VERMILION, PURPLE = HUES
COLOURS: dict[str, Colour] = {
    "missed": YELLOW,
    "false": VERMILION,
    "split": ORANGE,
    "merged": PURPLE,
    "wrong link": SKY,
    "lost link": SKY,
    "lost division": GREEN,
    "false division": GREEN,
}


class Scene(NamedTuple):
    """Where things are: the cells of the truth and the masks of the result in this frame, by label."""

    cells: Mapping[int, Cell]
    masks: Mapping[int, Cell]
    past: Mapping[Node, Place]
    """Where the cells of the truth were in earlier frames, as far as they were seen."""


def mark(picture: Picture, errors: Sequence[Error], scene: Scene, zoom: int, width: int) -> None:
    """Draw the errors of one frame, ``width`` pixels of the picture wide, and the legend with their numbers."""
    words: dict[Place, tuple[str, Colour]] = {}
    for error in errors:
        if error.follows:
            continue
        colour = COLOURS[error.kind]
        place = SHAPES[error.operation](picture, error, scene, zoom, width, colour)
        said = words[place][0] + ", " if place in words else ""
        if error.kind not in said:
            words[place] = (said + error.kind, colour)
    _name(picture, words, zoom)
    shown = [error for error in errors if not error.follows]
    number = {kind: sum(error.kind == kind for error in shown) for kind in KINDS}
    legend(picture, {f"{kind} {number[kind]}": COLOURS[kind] for kind in KINDS if number[kind]})


def _name(picture: Picture, words: Mapping[Place, tuple[str, Colour]], zoom: int, size: int = 12) -> None:
    """Write words beside their places, each lower than what it would cover."""
    taken: list[tuple[float, float, float]] = []  # left, right, base line
    for (y, x), (text, colour) in sorted(words.items()):
        width = width_of(text, size)
        left, base = min((x + 6) * zoom, picture.shape[1] - width - 4), max((y - 5) * zoom, 36)
        while any(left < end and left + width > start and abs(base - level) < size + 1 for start, end, level in taken):
            base += 2
        taken.append((left, left + width, base))
        write(picture, text, (left, base), colour, size)


def _missed(picture: Picture, error: Error, scene: Scene, zoom: int, width: int, colour: Colour) -> Place:
    """The outline of the truth, thick."""
    cell = scene.cells[error.cells[0][1]]
    outline(picture, cell, colour, zoom, width)
    return cell.place


def _false(picture: Picture, error: Error, scene: Scene, zoom: int, width: int, colour: Colour) -> Place:
    """The mask's outline and a cross on it."""
    mask = scene.masks[error.masks[0][1]]
    outline(picture, mask, colour, zoom, width)
    y, x = mask.place
    for dy in (-4, 4):
        path(picture, [(y - dy, x - 4), (y + dy, x + 4)], colour, zoom, fade=False)
    return mask.place


def _merged(picture: Picture, error: Error, scene: Scene, zoom: int, width: int, colour: Colour) -> Place:
    """The mask's outline, thick, and the truth's in it."""
    outline(picture, scene.masks[error.masks[0][1]], colour, zoom, width)
    for node in error.cells:
        outline(picture, scene.cells[node[1]], colour, zoom, 1)
    return scene.masks[error.masks[0][1]].place


def _link(picture: Picture, error: Error, scene: Scene, zoom: int, width: int, colour: Colour) -> Place:
    """An arrow from where the cell was to where it is: whole for a link that was made, dotted for one that is lost."""
    end = scene.cells[error.cells[1][1]].place
    start = scene.past.get(error.cells[0], end)
    if error.operation == "EA":
        steps = 8
        dots = [tuple(a + (b - a) * i / steps for a, b in zip(start, end, strict=True)) for i in range(steps + 1)]
        for first, second in zip(dots[::2], dots[1::2], strict=False):
            path(picture, [(first[0], first[1]), (second[0], second[1])], colour, zoom, fade=False)
    else:
        tip, tail = ([round((part + 0.5) * zoom) for part in reversed(place)] for place in (end, start))
        cv2.arrowedLine(picture, tail, tip, colour, max(1, zoom), cv2.LINE_AA, tipLength=0.25)
    y, x = ((part + 0.5) * zoom for part in end)
    cv2.circle(picture, (round(x), round(y)), 5 * zoom, colour, max(1, zoom), cv2.LINE_AA)
    return end


SHAPES = {"FN": _missed, "FP": _false, "NS": _merged, "ED": _link, "EA": _link, "EC": _link}
