"""What the fields of a result's record mean: how its movie was read, how sure it is, what its run used.

A record is a file that anybody may have changed: what makes no sense is refused in a line that names file and field.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedtrack.files.guard import brief
from embedtrack.movies.selection import Choice
from embedtrack.movies.units import Units, is_worth
from embedtrack.types import CONFIDENCE, Confidence

CORRECTED = "corrected"
"""The field that says that a person has corrected the masks, and when."""


def used_in(known: Mapping[str, Any]) -> dict[str, Any]:
    """What the run that made a result made of its options, see ``used.py``; empty where nothing is known."""
    used = known.get("used")
    return used if isinstance(used, dict) else {}


def choice_in(known: Mapping[str, Any], path: Path) -> Choice:
    """How the movie of a result was read, the field ``movie``; nothing where it does not say so.

    Args:
        known: what is known of the result.
        path: the record's file, for messages.

    Raises:
        ValueError: a value that makes no sense.
    """
    try:
        movie: dict[str, Any] = known.get("movie") or {}
        units = Units(*(_positive(movie, name) for name in ("pixel_size_um", "interval_s")))
        channel, scene, time_axis = (_word(movie, name) for name in ("channel", "scene", "time_axis"))
        plane, pattern, until = _word(movie, "plane"), _word(movie, "pattern"), _number(movie, "until")
        return Choice(channel, scene, time_axis, units, plane, pattern, until)
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: expected a record as infer writes it, got {brief(error)}; move it away") from None


def confidence_in(record: Mapping[str, Any], path: Path) -> Confidence | None:
    """How likely the decisions of a result are right; None where its record does not say so.

    Args:
        record: the whole record; ``frame`` in it is the number of a frame.
        path: the record's file, for messages.

    Raises:
        ValueError: its columns are no such table.
    """
    columns = record.get("confidence")
    if columns is None:
        return None
    try:
        rows = np.zeros(len(columns["frame"]), CONFIDENCE)
        for name in CONFIDENCE.names or ():
            rows[name] = columns[name]
        if not ((rows["cell"] >= 0) & (rows["cell"] <= 1) & (rows["link"] >= 0) & (rows["link"] <= 1)).all():
            raise ValueError("a probability outside of 0 to 1")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{path}: expected a record as infer writes it, got a confidence that is none "
            f"({brief(error)}); move it away"
        ) from None
    return rows


def confidence_field(confidence: Confidence | None) -> dict[str, Any]:
    """The record's field ``confidence``, which ``confidence_in`` reads; no field where there is none."""
    if confidence is None or not len(confidence):
        return {}
    columns = {name: confidence[name].astype(float).round(4).tolist() for name in ("cell", "link")}
    return {"confidence": {name: confidence[name].tolist() for name in ("frame", "label")} | columns}


def _positive(movie: Mapping[str, Any], name: str) -> float | None:
    value = movie.get(name)
    if value is not None and not is_worth(value):
        raise ValueError(f"movie.{name}: {value!r} where a number above 0 that can be meant belongs")
    return value


def _number(movie: Mapping[str, Any], name: str) -> int | None:
    value = movie.get(name)
    if value is not None and not (type(value) is int and 0 <= value < 1 << 31):
        raise ValueError(f"movie.{name}: {value!r} where the number of a frame belongs")
    return value


def _word(movie: Mapping[str, Any], name: str) -> str | None:
    value = movie.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"movie.{name}: {value!r} where text belongs")
    return value
