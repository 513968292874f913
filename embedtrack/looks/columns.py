"""What the columns of a result's tables mean, and which further ones there are where units are known.

Lengths are in pixels and times in frames; where the pixel's size or the interval between frames is known, columns with
their units in their names follow.
"""

from typing import Any

import pandas as pd

from embedtrack.movies.units import Units

CELLS = {
    "frame": "number of the frame",
    "label": "the cell's value in the mask",
    "track": "the cell's name: the label that it had first; it differs from label where the cell was lost in between",
    "parent": "track of the cell that divided into this one, or 0",
    "lineage": "track of the family's founder",
    "generation": "divisions since the founder",
    "age": "frames since the cell was first seen",
    "cycle": "frames from its birth in a division to its own division, empty unless both were seen",
    "y": "row of the centroid, pixels from the upper edge (the first pixel's middle is 0)",
    "x": "column of the centroid, pixels from the left edge",
    "area": "pixels of the mask",
    "major_axis": "long axis of the ellipse with the same second moments",
    "minor_axis": "its short axis",
    "orientation": "radians from the y axis to the long axis, counter-clockwise, from -pi/2 to pi/2",
    "eccentricity": "of that ellipse: 0 for a circle, near 1 for a line",
    "perimeter": "length of the outline",
    "solidity": "area divided by that of its convex hull, in pixels: 1 without bays",
    "edge": "1 where the mask touches the frame's edge, so that the cell may go on outside, else 0",
    "step": "distance from where the cell was seen last",
    "speed": "step divided by the frames in between",
    "displacement": "distance from where the cell was seen first",
    "confidence": "how likely it is that there is one cell, where the result's record knows it",
    "link_confidence": "... and that it comes from where the tracks say: the cell before, its mother, or nowhere",
    "mean_intensity": "mean grey value, with --raw; with several channels mean_intensity_1, ...",
    "total_intensity": "sum of the grey values",
    "net_intensity": "mean_intensity less the median of the ground around the cell, within its own width",
}
"""Columns of the table of cells."""

TRACKS = {
    "track": "the cell's name",
    "parent": "track of the cell that divided into this one, or 0",
    "lineage": "track of the family's founder",
    "generation": "divisions since the founder",
    "first": "number of the first frame",
    "last": "number of the last frame",
    "frames": "frames in which the cell is seen",
    "lost": "frames in between in which it is not",
    "daughters": "cells into which it divided, 0 if it did not",
    "cycle": "frames from its birth in a division to its own division, empty unless both were seen",
    "path": "sum of the steps",
    "displacement": "distance from the first to the last place",
    "straightness": "displacement divided by path",
    "mean_speed": "path divided by the frames from first to last",
    "mean_area": "mean over the frames",
    "mean_intensity": "mean over the frames of the mean grey value, with --raw",
    "mean_net_intensity": "mean over the frames of net_intensity",
}
"""Columns of the table of tracks."""

LENGTHS = ("y", "x", "major_axis", "minor_axis", "perimeter", "step", "displacement", "path")
AREAS = ("area", "mean_area")
TIMES = ("age", "cycle")
SPEEDS = ("speed", "mean_speed")


def with_units(table: pd.DataFrame, units: Units, first: int = 0) -> pd.DataFrame:
    """The table with further columns in micrometres and minutes, as far as the units are known.

    ``time_min`` counts from the frame with the number ``first``.
    """
    added: dict[str, Any] = {}
    minutes = units.interval / 60 if units.interval else None
    for column in table:
        if units.pixel and column in LENGTHS:
            added[f"{column}_um"] = table[column] * units.pixel
        elif units.pixel and column in AREAS:
            added[f"{column}_um2"] = table[column] * units.pixel**2
        elif minutes and column in TIMES:
            added[f"{column}_min"] = table[column] * minutes
        elif minutes and units.pixel and column in SPEEDS:
            added[f"{column}_um_per_min"] = table[column] * units.pixel / minutes
        elif minutes and column == "frame":
            added["time_min"] = (table[column] - first) * minutes
    return table.assign(**added)
