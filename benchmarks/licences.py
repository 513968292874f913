"""The licence of every package that the program and its extras need: ``python -m benchmarks.licences``.

It fails on one that binds, or that is not known.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution

from rich.console import Console
from rich.table import Table

from embedtrack.challenge.convention import REPOSITORY
from embedtrack.ship.portable import closure

PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|HPND|CMU|Zlib|0BSD|CC0|Unlicense)\b", re.I
)
BINDING = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|LGPL|Lesser|SSPL|CeCILL)", re.I)
FREE_TO_USE = re.compile("LicenseRef-NVIDIA|NVIDIA Proprietary", re.I)
"""CUDA's libraries, which come with torch where it is built for it: no open source, but free to use and to pass on."""
LOOKED_AT = {
    "certifi": "binds changes of its own file only",
    "PySide6_Essentials": "LGPL binds who changes or passes on Qt; whoever wants the window installs it",
    "shiboken6": "as PySide6_Essentials, whose part it is",
    "docutils": "GPL is an Emacs mode that the package does not hold",
}
"""Packages of the extras, never part of the program, whose licences a person has read; why they do not bind."""


def licence(package: Distribution) -> str:
    """What a package says of its licence: an SPDX expression, classifiers, or the first line of a text."""
    about = package.metadata
    if "License-Expression" in about:
        return str(about["License-Expression"])
    classifiers = [
        line.split(" :: ")[-1] for line in about.get_all("Classifier") or () if line.startswith("License ::")
    ]
    text = about["License"].strip() if "License" in about else ""
    return " / ".join(classifiers) or (text.splitlines()[0] if text else "") or _from_file(package)


def _from_file(package: Distribution) -> str:
    """For a package that only brings the text."""
    files = [file for file in package.files or () if re.match("LICEN[CS]E", file.name)]
    text = " ".join(file.read_text() for file in files)
    if text.startswith("MIT License") and "Permission is hereby granted, free of charge" in text:
        return "MIT (by its text)"
    if "Redistribution and use in source and binary forms" not in text:
        return ""
    return f"BSD-{3 if 'endorse or promote' in text else 2}-Clause (by its text)"


def is_permissive(text: str) -> bool:
    """Whether such a licence binds nobody who passes the program on; an exception that unbinds counts."""
    unbound = re.sub(r"\S+ WITH \S*exception\S*", "", text, flags=re.I)
    return bool((PERMISSIVE.search(text) and not BINDING.search(unbound)) or FREE_TO_USE.search(text))


def groups() -> dict[str, list[str]]:
    """What is asked for: by the program, then by each extra of pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = {name: lines for name, lines in project["optional-dependencies"].items() if name != "all"}  # of the others
    return {"program": (REPOSITORY / "requirements.txt").read_text().split(), **extras}


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Each package once: name, version, licence, what needs it first, and what is wrong with it (nothing, mostly)."""
    seen = set()
    for group, requirements in groups().items():
        try:
            packages = [package for package in closure(requirements) if package.name not in seen]
        except ValueError as error:
            yield group, "", f"not looked at: {error}", group, ""
            continue
        for package in packages:
            text = licence(package)
            why = LOOKED_AT.get(package.name, "") if group != "program" else ""
            fault = "" if why or is_permissive(text) else "look at it"
            yield package.name, package.version, f"{text} ({why})" if why else text, group, fault
        seen |= {package.name for package in packages}


def main() -> None:
    """Print the table."""
    table = Table("package", "version", "licence", "for", "")
    found = list(rows())
    for row in found:
        table.add_row(*row)
    Console(width=180).print(table)
    sys.exit(any(row[-1] for row in found))


if __name__ == "__main__":
    main()
