"""A result on one page of HTML that needs nothing else: the story of ``embedtrack report``."""

from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtrack import __version__
from embedtrack.challenge.aogm import Match, match_labels
from embedtrack.challenge.scores import score
from embedtrack.files.whole import check_file, new_file
from embedtrack.looks.colours import colours
from embedtrack.looks.errors import KINDS, Comparison, Error, compare, errors_of, require_same_frames
from embedtrack.looks.report import charts, content, faults, hints, images, sights
from embedtrack.looks.report.tree import grow
from embedtrack.looks.show import grey_span
from embedtrack.movies.tiff_image import read_labels
from embedtrack.movies.units import Units
from embedtrack.optional_packages import need
from embedtrack.tracked import Tracked
from embedtrack.tracks.lives import lives
from embedtrack.types import Track

BUDGET = 14e6
"""Bytes that the page may have; frames are stored as well as fits."""
SCRIPTS = ("data.js", "player.js", "marks.js", "pointer.js", "panel.js", "tree.js", "divisions.js", "main.js")
MEASURES = {
    "SEG": "how well the masks cover the cells of gold truth (mean Jaccard index)",
    "DET": "how few cells are missed, merged or invented",
    "TRA": "the same with links: 1 minus AOGM over the cost of building all by hand",
    "LNK": "the links alone",
    "CT": "complete tracks: how many true tracks are followed from begin to end",
    "TF": "track fractions: how much of each true track is followed without a break",
    "BC": "divisions found, in the right frame or near it",
    "CCA": "how alike the lengths of cell cycles are",
    "OP_CSB": "mean of SEG and DET",
    "OP_CTB": "mean of SEG and TRA",
    "OP_CLB": "mean of LNK and BIO",
    "BIO": "mean of CT, TF, BC and CCA",
}


class Facts(NamedTuple):
    """What the page tells beside movie, tracks and errors."""

    title: str
    """Of the page."""
    gold: Mapping[int, Path] = MappingProxyType({})
    """Gold masks by the frame's number, for SEG, where there is truth."""
    cycle_tolerance: int = 3
    """i of BC(i), in frames."""
    border: int = 0
    """Cells within so many pixels of the edge were removed from the result."""
    doubts: tuple[str, ...] = ()
    """What the run said of itself: a doubtful model, cells that the border removed."""
    used: str = ""
    """Border, tiles and memory of the run."""


def report(
    result: Tracked,
    out: Path,
    facts: Facts,
    raw: Sequence[NDArray[Any]] | None = None,
    truth: Tracked | None = None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    *,
    overwrite: bool = False,
) -> None:
    """Write the page to ``out``.

    Args:
        result: what to show.
        out: ``NAME.html``.
        facts: title, gold masks, border.
        raw: the grey values [H, W] of every frame; black without them.
        truth: it scores the result, and errors against it are listed and marked.
        on_frame: called with the frames done and the frames in all.
        overwrite: replace a file that is not of our own.

    Raises:
        ValueError: another suffix, truth of another movie, Jinja is missing, or nothing can be written there.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{out}: expected a name that ends in .html, got '{out.suffix}'; rename it")
    need("jinja2", "report", str(out))
    check_file(out, overwrite=overwrite)
    page = _page(result, facts, raw, truth, lambda done: on_frame(done, len(result)))
    with new_file(out, overwrite=overwrite) as path:
        path.write_text(page, encoding="utf-8", errors="backslashreplace")  # a name need not be UTF-8


def _page(
    result: Tracked,
    facts: Facts,
    raw: Sequence[NDArray[Any]] | None,
    truth: Tracked | None,
    on_frame: Callable[[int], None],
) -> str:
    seen = _see(result, truth, facts, on_frame)
    given = _content(result, facts, seen)
    given["images"] = content.text_of(_images(raw, BUDGET - _size(given)))
    hinted = [hint["frame"] for hint in given["hints"]]
    return render(given, facts, _sections(result, hinted, seen))


class Seen(NamedTuple):
    """What one look at each mask of result and truth gives."""

    result: sights.Sights
    truth: sights.Sights | None = None
    errors: list[Error] | None = None
    scores: Mapping[str, float | None] | None = None
    lines: Sequence[Track] = ()
    """The tracks of the truth."""


def _see(result: Tracked, truth: Tracked | None, facts: Facts, on_frame: Callable[[int], None]) -> Seen:
    """Read each mask once."""
    if truth:
        require_same_frames(truth, result)
    looker, true = sights.Looker(), sights.Looker()
    compared: list[Comparison] = []
    gold: list[Match] = []
    for index, labels in enumerate(result.masks):
        looker.see(labels)
        if truth:
            cells = truth.masks[index]
            true.see(cells)
            compared.append(compare(cells, labels))
            if path := facts.gold.get(result.first + index):
                gold.append(match_labels(read_labels(path), labels))
        on_frame(index + 1)
    if not truth:
        return Seen(looker.sights(result.tracks))
    matches = [one.match for one in compared]
    return Seen(
        looker.sights(result.tracks), true.sights(truth.tracks),
        errors_of(compared, truth.tracks, result.tracks),
        score(matches, gold, truth.tracks, result.tracks, facts.cycle_tolerance), truth.tracks,
    )  # fmt: skip


def render(given: content.Content, facts: Facts, sections: Mapping[str, Any]) -> str:
    """The page as text.

    Args:
        given: what the script gets.
        facts: see ``Facts``.
        sections: what the template gets beside.
    """
    jinja = need("jinja2", "report", "report")
    package = resources.files(__package__) / "page"
    environment = jinja.Environment(
        loader=jinja.FunctionLoader(lambda name: (package / name).read_text(encoding="utf-8")),
        autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "separators": (",", ":")}
    environment.globals |= {"spell": charts.spell, "axis": charts.axis}
    script = "\n".join((package / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = (package / "style.css").read_text(encoding="utf-8")
    template = environment.get_template("page.html")
    return str(template.render(given=given, facts=facts, script=script, style=style, version=__version__, **sections))


def _content(result: Tracked, facts: Facts, seen: Seen) -> content.Content:
    """What the script gets, but for the images."""
    table, errors, true = seen.result.table, seen.errors, seen.truth
    masks = content.places_of(table)
    first = {label: place for (frame, label), place in masks.items() if frame == 0}
    given = content.movie(result, seen.result, colours(result.tracks, first))
    given["tree"] = content.lineages(grow(result.tracks))
    found = hints.find_hints(table, result.tracks, len(result), facts.border, result.confidence)
    given["hints"] = content.hinted(found, masks)
    given["divisions"] = content.divisions(result, masks, errors)
    given["kinds"], given["meaning"] = content.kinds(), faults.MEANING | hints.KINDS
    given["errors"] = given["truth"] = None
    if errors is not None and true is not None:
        cells = content.places_of(true.table)
        given["errors"] = content.failed(errors, cells, masks)
        given["truth"] = content.text_of(true.outlines)
        given["divisions"] += content.lost_divisions(errors, seen.lines, cells)
        given["divisions"].sort(key=lambda division: (division["frame"], division["mother"]))
    return given


def _sections(result: Tracked, hinted: Sequence[int], seen: Seen) -> dict[str, Any]:
    """What the template gets: scores, sums and charts; ``hinted`` has the frame of each hint."""
    table, errors, true, frames = seen.result.table, seen.errors, seen.truth, len(result)
    area, speed = _scales(result.units)
    life = lives(result.tracks).values()
    minutes = result.units.interval / 60 if result.units.interval else 1.0
    cycles = np.array([one.cycle * minutes for one in life if one.cycle is not None], float)
    return {
        "scores": seen.scores,
        "counts": charts.counts_over_time(table["frame"].to_numpy(), frames),
        "true_counts": charts.counts_over_time(true.table["frame"].to_numpy(), frames) if true else None,
        "areas": charts.histogram(table["area"].to_numpy(float) * area[0]),
        "area_unit": area[1],
        "speeds": charts.histogram(table["speed"].to_numpy(float) * speed[0]),
        "speed_unit": speed[1],
        "cycles": charts.histogram(cycles, whole=minutes == 1.0),
        "cycle_unit": "min" if result.units.interval else "frames",
        "cells": len(table),
        "tracks": len(life),
        "sums": faults.by_kind(errors) if errors is not None else None,
        "lost": faults.by_frame(errors, frames) if errors is not None else None,
        "meaning": faults.MEANING,
        "kinds": KINDS,
        "measures": MEASURES,
        "hint_counts": [[count] for count in charts.counts_over_time(hinted, frames)],
        "names": [result.spell(i) for i in range(frames)],
    }


def _images(raw: Sequence[NDArray[Any]] | None, budget: float) -> list[bytes]:
    """The frames, as JPEG that take ``budget`` bytes of text."""
    if not raw:
        return []
    grey = grey_span(raw)
    grade = images.choose(raw, grey, budget * 3 / 4)  # base 64 makes four letters of three bytes
    return [images.encode(frame, grey, grade) for frame in raw]


def _size(given: content.Content) -> int:
    """Bytes that the content takes, about."""
    texts = sum(len(block) for name in ("outlines", "truth") for block in given[name] or ())
    cells = sum(len(columns[0]) for columns in given["cells"])
    return 200_000 + texts + cells * 26 + 220 * len(given["errors"] or ()) + 180 * len(given["tree"]["branches"])


def _scales(units: Units) -> tuple[tuple[float, str], tuple[float, str]]:
    """Factor and unit of areas and of speeds."""
    area = (units.pixel**2, "µm²") if units.pixel else (1.0, "px²")
    if units.pixel and units.interval:
        return area, (units.pixel / (units.interval / 60), "µm/min")
    return area, (units.pixel, "µm/frame") if units.pixel else (1.0, "px/frame")
