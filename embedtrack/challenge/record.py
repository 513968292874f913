"""What a run knew of its result, in ``01_RES.json`` beside ``01_RES``: a result's folder holds masks and tracks alone.

A record is tied to its result by a digest of all masks and tracks. While a result is replaced, the file holds the
records of both, so that a run may be killed at any moment: the one that fits is the result's. Where none fits, the
masks are not those that the record speaks of, and it is refused. ``01_RES.log`` says the same for people. What
its fields mean says ``record_fields.py``.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from embedtrack.challenge.record_fields import CORRECTED, choice_in, confidence_field, confidence_in
from embedtrack.files.guard import clipped
from embedtrack.files.mark import TOKEN, carries_mark
from embedtrack.files.whole import check_file, new_file
from embedtrack.movies.selection import Choice
from embedtrack.types import Confidence

PART = re.compile(r"mask[0-9]+\.tif|res_track\.txt")
"""The files that make a result."""


def record_of(result: Path) -> Path:
    """The record beside a result: ``01_RES.json`` for ``01_RES``."""
    place = Path(result).resolve()
    return place.with_name(f"{place.name}.json")


def log_of(result: Path) -> Path:
    """The log beside a result, for people: ``01_RES.log`` for ``01_RES``."""
    place = Path(result).resolve()
    return place.with_name(f"{place.name}.log")


def check_beside(result: Path, *, overwrite: bool = False) -> None:
    """Raise ValueError unless the record and the log of a result can be written."""
    for path in (record_of(result), log_of(result)):
        check_file(path, overwrite=overwrite)


def check_uncorrected(result: Path) -> None:
    """Raise ValueError if a person has corrected a result: no run replaces hours of work unasked."""
    known: dict[str, Any] | None = None
    with suppress(ValueError):  # it is refused, or replaced, for other reasons
        known = known_of(result) if result.is_dir() else None
    if known and CORRECTED in known:
        raise ValueError(
            f"{result}: expected a result that nobody has corrected there, got corrections of "
            f"{clipped(str(known[CORRECTED]), 40)}; choose another destination, or say --overwrite"
        )


def announce(
    destination: Path,
    new: Path,
    known: Mapping[str, Any] | None,
    confidence: Confidence | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write the record of a result that is about to take its place, beside that of the one that it replaces.

    Args:
        destination: the result's place.
        new: the folder of the result that is to come.
        known: what is known of it.
        confidence: how likely its decisions are right; ``frame`` is the number of a frame here.
        overwrite: replace a file that is none of ours.
    """
    before: list[dict[str, Any]] = []
    with suppress(ValueError):  # a damaged record is worth nothing
        before = [one for one in [_fitting(destination)] if one] if destination.is_dir() else []
    if known is not None or before:
        whole = {"digest": digest(new), "known": known, **confidence_field(confidence), "before": before}
        _write(destination, whole, overwrite=overwrite)


def confirm(
    destination: Path,
    known: Mapping[str, Any] | None,
    confidence: Confidence | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Keep the record of the result that was published, and no other; none where nothing is known of it.

    A log that is here is an older result's: who has one to write writes it afterwards.
    """
    forget(destination, log_of)
    if known is not None:
        whole = {"digest": digest(destination), "known": known, **confidence_field(confidence)}
        _write(destination, whole, overwrite=overwrite)
    else:
        forget(destination)


def forget(destination: Path, *files: Callable[[Path], Path]) -> None:
    """Remove the record and the log of a result, or one of them; a file of such a name that is none of ours stays."""
    for file in files or (record_of, log_of):
        path = file(destination)
        if path.exists() and carries_mark(path):
            path.unlink()


def known_of(result: Path) -> dict[str, Any] | None:
    """What is known of a result; None where nothing is.

    Raises:
        ValueError: the record beside it is damaged, or is another result's.
    """
    known: dict[str, Any] | None = _own(result)["known"]
    return known


def noted(result: Path) -> Choice:
    """How the movie of a result was read, as its record says; nothing where there is none.

    Raises:
        ValueError: the record beside it is damaged, or is another result's.
    """
    return choice_in(known_of(result) or {}, record_of(result))


def read(result: Path) -> tuple[Choice, Confidence | None]:
    """As ``noted``, and how likely the decisions of the result are right, None where nobody says so.

    Whether a record fits takes a look at every mask: this is one for both. ``frame`` is the number of a frame.

    Raises:
        ValueError: the record beside it is damaged, or is another result's.
    """
    path, own = record_of(result), _own(result)
    return choice_in(own["known"] or {}, path), confidence_in(own, path)


def digest(result: Path) -> str:
    """A SHA-256 of the names and contents of all masks and tracks of a result."""
    whole = hashlib.sha256()
    for path in sorted(path for path in result.iterdir() if PART.fullmatch(path.name) and path.is_file()):
        whole.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _own(result: Path) -> dict[str, Any]:
    """The record of a result: ``known`` is None where nothing is known of it; see ``known_of``."""
    path = record_of(result)
    if not path.exists() or not carries_mark(path):
        return {"known": None}  # it is somebody else's
    fitting = _fitting(result)
    if fitting is None:
        raise ValueError(
            f"{path}: expected the record of {Path(result).name}, got that of other masks or tracks: they have been "
            "changed or exchanged since; move it away and say --pixel-size and --interval"
        )
    if fitting["known"] is not None and not isinstance(fitting["known"], dict):
        raise ValueError(f"{path}: expected a record as infer writes it, got a damaged one; move it away")
    return fitting


def _fitting(result: Path) -> dict[str, Any] | None:
    """Of the records beside a result the one that is its own."""
    path = record_of(result)
    if not path.exists() or not carries_mark(path):
        return None
    try:
        written = json.loads(path.read_bytes())
        records: list[dict[str, Any]] = [written, *written.get("before", [])]
        here = digest(result)
        kept = ("digest", "known", "confidence")
        fitting = (one for one in records if one["digest"] == here and "known" in one)
        return next(({name: one[name] for name in kept if name in one} for one in fitting), None)
    except Exception as error:  # nested too deeply, another kind of value, ...
        raise ValueError(f"{path}: expected a record as infer writes it, got a damaged one; move it away") from error


def _write(result: Path, record: Mapping[str, Any], *, overwrite: bool) -> None:
    with new_file(record_of(result), overwrite=overwrite) as path:
        path.write_text(json.dumps({"by": TOKEN.decode(), **record}) + "\n")
