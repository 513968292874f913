"""The page of a result's folder: what lies beside it is found and told."""

from collections.abc import Callable
from pathlib import Path

from embedtrack.challenge.convention import dataset_of
from embedtrack.challenge.evaluate import evaluate
from embedtrack.challenge.record import doubts
from embedtrack.challenge.tracked import open_tracked
from embedtrack.files.whole import check_apart, check_file
from embedtrack.looks.report.page import Facts, report
from embedtrack.movies.open import open_pair
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
    tracked, images = open_pair(result, raw, choice)
    rules, reality = dataset_of(result), open_tracked(truth) if truth else None
    scores = evaluate(truth, result, cycle_tolerance=rules.cycle_tolerance) if truth else None
    where, (notes, border) = result.resolve(), doubts(result)
    facts = Facts(f"{where.parent.name}/{where.name}", scores, rules.border if border is None else border, notes)
    report(tracked, out, facts, images, reality, on_frame, overwrite=overwrite)
