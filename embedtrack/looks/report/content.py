"""What the page's script is given: everything about the movie as plain lists, numbers and text."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from embedtrack.challenge.aogm import Node
from embedtrack.looks.colours import Colour
from embedtrack.looks.errors import Error
from embedtrack.looks.marks import COLOURS
from embedtrack.looks.overlay import Place
from embedtrack.looks.report import faults
from embedtrack.looks.report.hints import Hint
from embedtrack.looks.report.sights import Sights
from embedtrack.looks.report.tree import Tree
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import Life, cell_of_track, lives
from embedtrack.types import Track

Content = dict[str, Any]

SPOILS = ("false", "split", "merged")
"""Errors of a mask that spoil a division."""


def movie(result: Tracked, sights: Sights, colour_of: Mapping[int, Colour]) -> Content:
    """The movie's frames: outlines, and label, x, y and area of each cell."""
    table = sights.table
    return {
        "first": result.first,
        "digits": result.digits,
        "frames": len(result),
        "height": result.shape[0],
        "width": result.shape[1],
        "pixel": result.units.pixel,
        "interval": result.units.interval,
        "size": round(2 * (float(table["area"].median()) / 3.1416) ** 0.5, 1) if len(table) else 20,
        "outlines": text_of(sights.outlines),
        "cells": _cells(table, len(result)),
        "colours": {label: html(colour) for label, colour in colour_of.items()},
    }


def lineages(tree: Tree) -> Content:
    """The lineage tree."""
    return {"rows": tree.rows, "dividing": tree.dividing, "branches": [branch._asdict() for branch in tree.branches]}


def hinted(hints: Sequence[Hint], places: Mapping[Node, Place]) -> list[Content]:
    """For each hint its kind, frame and cell, and where in the frame that is."""
    return [
        {"kind": hint.kind, "frame": hint.frame, "label": hint.label, "text": hint.text,
         **spot(places[hint.frame, hint.label])}
        for hint in hints
    ]  # fmt: skip


def failed(errors: Sequence[Error], cells: Mapping[Node, Place], masks: Mapping[Node, Place]) -> list[Content]:
    """For each error its kind, cost, frame and cells, and where in the frame that is."""
    return [
        {
            "kind": error.kind, "operation": error.operation, "cost": error.cost, "frame": error.frame,
            "text": faults.text(error), "follows": error.follows,
            "cells": error.cells, "masks": error.masks, **spot(faults.place(error, cells, masks)),
            "ends": [[round(x, 1), round(y, 1)] for y, x in (cells[node] for node in error.cells)],
        }
        for error in errors
    ]  # fmt: skip


def divisions(result: Tracked, places: Mapping[Node, Place], errors: Sequence[Error] | None) -> list[Content]:
    """The divisions of the result in the order of time, and, where errors are known, its state.

    It is right, false (not in the truth), or spoilt: one of its masks finds no cell or several.
    """
    spoilt = {node for error in errors or () if error.kind in SPOILS for node in error.masks}
    false = {error.masks for error in errors or () if error.kind == "false division"}
    life = lives(result.tracks)
    found = []
    for one in life.values():
        if len(one.daughters) > 1:
            last, born = _ends(one, life)
            state = "false" if false & {(last, node) for node in born} else "right"
            if spoilt & {last, *born}:
                state = "spoilt"
            found.append(_division(one.track, last, born, places, None if errors is None else state))
    return sorted(found, key=lambda division: (division["frame"], division["mother"]))


def lost_divisions(errors: Sequence[Error], truth: Sequence[Track], places: Mapping[Node, Place]) -> list[Content]:
    """The divisions of the truth of which a link is lost, by the labels of the truth and the places of its cells."""
    cell, life = cell_of_track(truth), lives(truth)
    lost = dict.fromkeys(cell[error.cells[0][1]] for error in errors if error.kind == "lost division")
    return [_division(name, *_ends(life[name], life), places, "lost") for name in lost]


def _ends(mother: Life, life: Mapping[int, Life]) -> tuple[Node, list[Node]]:
    """The last of a mother and the first of her daughters."""
    born = [(life[name].begin, life[name].pieces[0].label) for name in mother.daughters]
    return (mother.end, mother.pieces[-1].label), born


def places_of(table: pd.DataFrame) -> dict[Node, Place]:
    """(frame, label) -> (y, x)."""
    columns = (table[name].tolist() for name in ("frame", "label", "y", "x"))
    return {(frame, label): (y, x) for frame, label, y, x in zip(*columns, strict=True)}


def kinds() -> dict[str, str]:
    """The colour of each kind of error."""
    return {kind: html(colour) for kind, colour in COLOURS.items()}


def html(colour: Colour) -> str:
    """(blue, green, red) -> ``#rrggbb``."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def text_of(blocks: Sequence[bytes]) -> list[str]:
    """Bytes as text, base 64."""
    return [b64encode(block).decode() for block in blocks]


def spot(place: Place) -> Content:
    """A position, rounded to tenths of a pixel."""
    return {"y": round(place[0], 1), "x": round(place[1], 1)}


def _cells(table: pd.DataFrame, frames: int) -> list[list[list[float]]]:
    """For each frame four lists: labels, x, y, areas."""
    made: list[list[list[float]]] = [[[], [], [], []] for _ in range(frames)]
    for frame, rows in table.groupby("frame"):
        columns = (rows["label"], rows["x"].round(1), rows["y"].round(1), rows["area"])
        made[int(str(frame))] = [column.tolist() for column in columns]
    return made


def _division(
    mother: int, last: Node, born: Sequence[Node], places: Mapping[Node, Place], state: str | None
) -> Content:
    """One division: the frame in which the first daughter is seen, and the middle of mother and daughters."""
    spots = [places[node] for node in (last, *born)]
    y, x = (sum(spot[axis] for spot in spots) / len(spots) for axis in (0, 1))
    return {
        "mother": mother, "daughters": [label for _, label in born], "frame": min(frame for frame, _ in born),
        "last": last, "born": list(born), "state": state, **spot((y, x)),
    }  # fmt: skip
