"""The page of a result's folder: what lies beside it is found and told."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from embedtrack.challenge.convention import dataset_of
from embedtrack.challenge.evaluate import open_gold
from embedtrack.challenge.pair import open_pair
from embedtrack.challenge.record import known_of
from embedtrack.challenge.record_fields import used_in
from embedtrack.challenge.tracked import open_tracked
from embedtrack.challenge.used import as_used, doubts
from embedtrack.files.whole import check_apart, check_file
from embedtrack.looks.report.page import Facts, report
from embedtrack.movies.selection import Choice


def report_folder(
    result: Path,
    out: Path,
    raw: Path | None = None,
    truth: Path | None = None,
    choice: Choice | None = None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    *,
    overwrite: bool = False,
) -> None:
    """Write the page of ``DATASET/01_RES``, or of truth, to ``out``; see ``page.report``.

    Raises:
        ValueError: as ``page.report``, or one of the folders is none.
    """
    check_file(out, overwrite=overwrite)
    check_apart(out, result, raw, truth)
    tracked, images = open_pair(result, raw, choice, labels=False)
    reality = open_tracked(truth, labels=False) if truth else None
    gold = open_gold(truth).gold if truth else {}
    where, known = result.resolve(), known_of(result) or {}
    used = used_in(known)
    model = known.get("model")
    how = ", ".join([*([f"model {Path(model).name}"] if isinstance(model, str) else []), as_used(used)])
    facts = Facts(
        f"{where.parent.name}/{where.name}",
        gold,
        dataset_of(truth or result).cycle_tolerance,
        border_of(used, result),
        doubts(used),
        how,
    )
    report(tracked, out, facts, images, reality, on_frame, overwrite=overwrite)


def border_of(used: Mapping[str, Any], result: Path) -> int:
    """Within so many pixels of the edge cells were removed: as the run noted it, or else by the challenge's rules."""
    said = used.get("border")
    return said if isinstance(said, int) and said >= 0 else dataset_of(result).border
