"""The summary of a batch: a table and a page, the doubtful first."""

import os
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from embedtrack import __version__
from embedtrack.batch.jobs import ENDING, write_table
from embedtrack.batch.outcome import STATES, Outcome
from embedtrack.files.whole import check_file, new_file

COLUMNS = (
    "name", "state", "why", "model", "agreement", "frames", "masks", "cells", "tracks", "divisions", "hints", "seconds",
    "path",
)  # fmt: skip
"""Fields of ``Outcome``; ``hints`` are places that deserve a second look."""
NAMES = ("summary.csv", "summary.html")

STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 1rem auto; max-width: 1200px; padding: 0 .7rem; color: #222;
       background: #fff }
h1 { font-size: 1.3rem } table { border-collapse: collapse; width: 100% }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top }
th:nth-child(-n+4), td:nth-child(-n+4) { text-align: left } td:nth-child(4) { white-space: nowrap }
td.why { max-width: 26rem; overflow-wrap: anywhere }
.failed { background: #fbe3e0 } .cut { background: #fdeeda } .doubtful { background: #fdf8d8 }
@media (max-width: 700px) {
  thead { display: none } tr { display: block; border-bottom: 2px solid #bbb; padding: .4rem }
  td { display: inline-block; border: 0; padding: .1rem .4rem } td.why { display: block }
  td[data-name]:not(:empty)::before { content: attr(data-name) " "; color: #666 }
}
@media print { body { max-width: none } a { color: inherit } }
"""


def check(folder: Path) -> None:
    """Raise ValueError unless the summary of a batch can be written there."""
    for name in NAMES:
        check_file(folder / name)


def summarise(folder: Path, outcomes: Sequence[Outcome]) -> str:
    """Write ``summary.csv`` and ``summary.html`` of a batch; returns it in one line.

    Raises:
        ValueError: other files of these names are there.
    """
    check(folder)
    table, page = (folder / name for name in NAMES)
    with new_file(table) as path:
        rows = write_table([one.model_dump() for one in outcomes], COLUMNS)
        path.write_text(rows, encoding="utf-8", errors="backslashreplace")  # a name need not be UTF-8
    with new_file(page) as path:
        path.write_text(render(folder, outcomes), encoding="utf-8", errors="backslashreplace")
    return spell(outcomes)


def spell(outcomes: Sequence[Outcome]) -> str:
    """``20 movies: 2 failed, 3 doubtful, 15 done``."""
    count: Counter[str] = Counter(one.state for one in outcomes)
    movies = "1 movie" if len(outcomes) == 1 else f"{len(outcomes)} movies"
    return f"{movies}: " + ", ".join(f"{count[state]} {state}" for state in STATES if count[state])


def render(folder: Path, outcomes: Sequence[Outcome]) -> str:
    """The page; links lead to what lies in the folder."""
    heads = [*COLUMNS[:2], "why", *COLUMNS[3:-1]]
    rows = "\n".join(_row(folder, one) for one in outcomes)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(spell(outcomes))}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style></head>\n<body>\n'
        f"<h1>{escape(spell(outcomes))}</h1>\n<table><thead><tr>{''.join(f'<th>{name}</th>' for name in heads)}</tr>"
        f"</thead>\n<tbody>\n{rows}\n</tbody></table>\n<p>embedtrack {__version__}</p>\n</body></html>\n"
    )


def _row(folder: Path, one: Outcome) -> str:
    cells = []
    for column in COLUMNS[:-1]:
        value = getattr(one, column)
        text = "" if value is None else escape(str(value))
        if column == "name":
            text = f'<span title="{escape(one.path)}">{_linked(folder, one)}</span>'
        kind = ' class="why"' if column == "why" else ""
        named = "" if column in ("name", "state", "why") else f' data-name="{column}"'
        cells.append(f"<td{kind}{named}>{text}</td>")
    return f'<tr class="{one.state.split()[0]}">{"".join(cells)}</tr>'


def _linked(folder: Path, one: Outcome) -> str:
    """The name, leading to the report, else to the result, else nowhere."""
    for target in (f"{one.name}.html", f"{one.name}{ENDING}"):
        if (folder / target).exists():
            return f'<a href="{quote(os.fsencode(target))}">{escape(one.name)}</a>'
    return escape(one.name)
