"""What is made of each result of a batch beside it: tables, a page, exports; anew where the result has changed."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from embedtrack.batch.jobs import ENDING, Job
from embedtrack.challenge.pair import open_pair
from embedtrack.challenge.record import digest
from embedtrack.challenge.writer import check_place
from embedtrack.exchange.formats import FORMATS, MODULES, export
from embedtrack.files.whole import check_file, check_folder
from embedtrack.optional_packages import need

log = logging.getLogger(__name__)


def result_in(folder: Path, name: str) -> Path:
    """Where the result of a movie lies within a batch's folder."""
    return folder / f"{name}{ENDING}"


class Wishes(NamedTuple):
    """What is made of each result beside it."""

    measure: bool = False
    """``NAME.csv`` and ``NAME_tracks.csv``."""
    report: bool = False
    """``NAME.html``."""
    exports: tuple[str, ...] = ()
    """``NAME.FORMAT`` for each."""

    def files(self, name: str) -> list[str]:
        """What is written for a movie of this name."""
        tables = [f"{name}.csv", f"{name}_tracks.csv"] if self.measure else []
        pages = [f"{name}.html"] if self.report else []
        return [f"{name}{ENDING}", *tables, *pages, *(f"{name}.{to}" for to in dict.fromkeys(self.exports))]

    def check(self) -> None:
        """Raise ValueError where a format is not known, or a package is missing."""
        for one in self.exports:
            if one not in FORMATS:
                raise ValueError(f"expected --export {', '.join(FORMATS)}, got {one}")
        if self.report:
            need("jinja2", "report", "--report")

    def due(self, folder: Path, name: str, made: Mapping[str, str], here: str) -> list[str]:
        """Of a movie's files those that are not there, or were made of other masks.

        Args:
            folder: that of the batch.
            name: of the movie.
            made: file -> digest of the masks that it was made of.
            here: that of the masks that are there.
        """
        return [file for file in self.files(name) if made.get(file) != here or not (folder / file).exists()]

    def check_places(self, folder: Path, name: str, made: Mapping[str, str], *, overwrite: bool) -> None:
        """Raise ValueError where something else lies in place of what will be made; arguments as in ``due``."""
        here = digest(result_in(folder, name)) if made else ""
        for file in self.due(folder, name, made, here):
            place, kind = folder / file, file.removeprefix(f"{name}.")
            if kind in MODULES:
                check_folder(place, kind, overwrite=overwrite)
            elif kind == "isbi" or file == f"{name}{ENDING}":
                check_place(place, overwrite=overwrite, corrections=True)  # corrections stop their movie alone
            else:
                check_file(place, overwrite=overwrite)

    def make(self, result: Path, job: Job, made: Mapping[str, str], *, overwrite: bool) -> dict[str, str]:
        """Make of a result, which is among ``made``, what is due; returns what is made now, as in ``due``."""
        from embedtrack.looks.measure import measure
        from embedtrack.looks.report.files import report_folder

        folder, name = result.parent, result.name.removesuffix(ENDING)
        here = made[result.name]
        due = self.due(folder, name, made, here)
        table, page = folder / f"{name}.csv", folder / f"{name}.html"
        if self.measure and not {table.name, f"{name}_tracks.csv"}.isdisjoint(due):
            tracked, images = open_pair(result, job.path, job.choice, channels=True)
            measure(tracked, table, images, overwrite=overwrite)
        if page.name in due:
            report_folder(result, page, job.path, choice=job.choice, overwrite=overwrite)
        for to in self.exports:
            if (target := folder / f"{name}.{to}").name in due:
                tracked, images = open_pair(result, job.path, job.choice)
                export(tracked, to, target, images, overwrite=overwrite)
        made = {**made, **dict.fromkeys(self.files(name), here)}
        if old := [file for file, of in made.items() if of != here and (folder / file).exists()]:
            log.warning(
                "%s: made of other masks than are there now: %s; ask for them again with --measure, --report or "
                "--export, or remove them", result, ", ".join(old),
            )  # fmt: skip
        return made
