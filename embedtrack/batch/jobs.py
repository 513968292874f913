"""The movies of a batch: files that a command names, or the lines of a table (CSV), one movie a line."""

import csv
import difflib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from embedtrack.challenge.convention import model_folder
from embedtrack.challenge.pair import result_of
from embedtrack.files.guard import clipped, reading, require_regular
from embedtrack.model_files import WEIGHTS
from embedtrack.movies.selection import Choice
from embedtrack.movies.units import Units, parse_interval, parse_length
from embedtrack.options import WIDEST, Diameter, Options, parse_diameter
from embedtrack.settings import Settings

AUTO = "auto"
REMARKS = ("agreement", "verdict", "note")
"""Columns for people, which nobody reads: ``embedtrack choose`` writes some."""
TABLE = ".csv"
ENDING = "_RES"
SHOWN = 10
"""Faults of a table that a person is shown."""


def _length(value: Any) -> Any:
    return parse_length(value) if isinstance(value, str) else value


def _interval(value: Any) -> Any:
    return parse_interval(value) if isinstance(value, str) else value


def _model(value: Any) -> Any:
    return value if value == AUTO else str(model_folder(Path(value)))


def _place(value: Any) -> Any:
    if "\0" in str(value):
        raise ValueError("expected a path, got one with letters that none can have")
    return value


class Job(Settings):
    """One movie of a batch. Its fields are the table's columns; what is empty is as the command's options say."""

    path: Annotated[Path, BeforeValidator(_place)]
    """The movie, of any kind; in a table relative to the table's folder."""
    model: Annotated[str, BeforeValidator(_model)] = AUTO
    """A shipped model by its name, a folder (in a table relative to the table's), or auto."""
    channel: str | None = None
    """Its number from 1, or its name."""
    scene: str | None = None
    """Where a file holds several movies: its number from 1, or its name."""
    z: str | None = None
    """Of a movie in depth: a plane's number from 1, or max."""
    time_axis: str | None = None
    """The axis of time."""
    pattern: str | None = None
    """Of a folder: the images whose names match."""
    until: int | None = Field(None, ge=0)
    """The number of the last frame that is used."""
    pixel_size: Annotated[float | None, BeforeValidator(_length)] = None
    """0.5um, 500nm, or micrometres."""
    interval: Annotated[float | None, BeforeValidator(_interval)] = None
    """29min, 90s, 0.5h, or seconds."""
    border: int | None = Field(None, ge=0, le=WIDEST)
    """Cells within so many pixels of the edge are removed."""
    diameter: Annotated[Diameter, BeforeValidator(parse_diameter)] = None
    """Of a typical cell in pixels, or auto."""
    name: str | None = Field(None, pattern=r"^[\w+-][\w .+-]*$")
    """Of the result; by default that of the movie. Begun with a dot it would be hidden."""

    @property
    def choice(self) -> Choice:
        """How the movie is read."""
        units = Units(self.pixel_size, self.interval)
        return Choice(self.channel, self.scene, self.time_axis, units, self.z, self.pattern, self.until)

    def run_by(self, options: Options) -> Options:
        """How a model is run on it."""
        border = options.border if self.border is None else self.border
        return replace(options, border=border, diameter=self.diameter or options.diameter)


def fields_of(choice: Choice) -> dict[str, Any]:
    """How movies are read, as a table's columns; what is not said is None."""
    known = choice._asdict()
    units = known.pop("units")
    return known | {"z": known.pop("plane"), "pixel_size": units.pixel, "interval": units.interval}


def jobs_of(paths: Sequence[Path], common: Mapping[str, Any]) -> dict[str, Job]:
    """The jobs by the names of their results, in order.

    Args:
        paths: movies, and tables of movies.
        common: the fields that hold for all, where a table says nothing.

    Raises:
        ValueError: a table cannot be read or has faults (a line each), or two results would have one name.
    """
    jobs: list[Job] = []
    for path in paths:
        jobs += read_table(path, common) if path.suffix.lower() == TABLE else [Job(path=path, **common)]
    return _named(jobs)


def read_table(table: Path, common: Mapping[str, Any] | None = None) -> list[Job]:
    """The jobs of a table: UTF-8, with commas, semicolons or tabs, its first line naming the columns.

    Raises:
        ValueError: it cannot be read, or has faults: a line each.
    """
    require_regular(table)
    with reading(table, "a table of movies", "correct it, or save it as CSV in UTF-8"):
        text = table.read_text(encoding="utf-8-sig")
        head = text.partition("\n")[0]
        mark = max(",;\t", key=head.count)
        reader = csv.DictReader(io.StringIO(text), delimiter=mark)
        rows = [(reader.line_num, row) for row in reader]  # which skips empty lines
    faults = list(_column_faults(head.strip().split(mark)))
    jobs: list[Job] = []
    for line, row in rows if not faults else []:  # with other columns each line would be wrong
        if None in row:
            faults.append(f"line {line}: expected as many cells as columns, got more; is a comma in one of them?")
            continue
        given = {name.strip(): value.strip() for name, value in row.items() if name and isinstance(value, str)}
        given = {name: value for name, value in given.items() if value and name not in REMARKS}
        if not given:
            continue
        if (table.parent / given.get("model", "?") / WEIGHTS).is_file():
            given["model"] = str(table.parent / given["model"])
        try:
            job = Job.model_validate({**(common or {}), **given})
            jobs.append(job.model_copy(update={"path": table.parent / job.path}))
        except ValidationError as error:
            faults += [f"line {line}, {_spell(one)}" for one in error.errors()]
    if not faults and not jobs:
        faults = ["expected a movie a line, got none"]
    if faults:
        more = f"\n... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise ValueError("\n".join(f"{table}: {fault}" for fault in faults[:SHOWN]) + more)
    return jobs


def write_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A table as text, with commas; None is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: row.get(name) for name in columns} for row in rows)
    return text.getvalue()


def _column_faults(names: Sequence[str]) -> Iterator[str]:
    known = [*Job.model_fields, *REMARKS]
    names = [name.strip().strip('"') for name in names]
    if "path" not in names:
        yield f"expected a first line that names the columns, path among them, got {clipped(', '.join(names), 80)}"
        return
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            yield f"expected columns that are known, got {clipped(name, 40) or 'one without a name'}; {hint}"


def _spell(error: Any) -> str:
    """A fault as pydantic has it, in our words."""
    field, said = ".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":  # its input would be all other cells of the line
        return f"{field}: expected that of a movie, got none; fill it in, or remove the line"
    return f"{field}: {said}" + (
        "" if said.startswith("expected") else f", got {clipped(' '.join(str(error['input']).split()), 40)}"
    )


def _named(jobs: Sequence[Job]) -> dict[str, Job]:
    """The jobs by name; where movies of several folders have one name, their folders' names come before it."""
    names = [job.name or _plain_name(job) for job in jobs]
    often = Counter(names)
    full = [
        name if often[name] == 1 or job.name else f"{job.path.absolute().parent.name}_{name}"
        for name, job in zip(names, jobs, strict=True)
    ]
    twice = [name for name, count in Counter(full).items() if count > 1]
    if twice:
        paths = ", ".join(str(job.path) for name, job in zip(full, jobs, strict=True) if name == twice[0])
        raise ValueError(
            f"expected results of different names, got {twice[0]} of {clipped(paths, 300)}; say each movie once, or "
            "give them names in a table (column name)"
        )
    return dict(zip(full, jobs, strict=True))


def _plain_name(job: Job) -> str:
    """The name of the result beside the movie; a file that is missing loses its ending all the same."""
    path = job.path if job.path.exists() else job.path.with_suffix("")
    return result_of(path, job.choice).name.removesuffix(ENDING)
