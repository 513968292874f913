"""The licence of every package that the program needs: ``python -m benchmarks.licences``; fails on one that binds."""

import re
import sys
from importlib.metadata import Distribution

from rich.console import Console
from rich.table import Table

from embedtrack.challenge import REPOSITORY
from embedtrack.portable import closure

PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|HPND|CMU|Zlib|0BSD|CC0|Unlicense)\b", re.I
)
BINDING = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|LGPL|Lesser|SSPL|CeCILL)", re.I)
FREE_TO_USE = re.compile("LicenseRef-NVIDIA|NVIDIA Proprietary", re.I)
"""CUDA's libraries, which come with torch where it is built for it: no open source, but free to use and to pass on."""


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
    if "Redistribution and use in source and binary forms" not in text:
        return ""
    return f"BSD-{3 if 'endorse or promote' in text else 2}-Clause (by its text)"


def is_permissive(text: str) -> bool:
    """Whether such a licence binds nobody who passes the program on; an exception that unbinds counts."""
    unbound = re.sub(r"\S+ WITH \S*exception\S*", "", text, flags=re.I)
    return bool((PERMISSIVE.search(text) and not BINDING.search(unbound)) or FREE_TO_USE.search(text))


def main() -> None:
    """Print the table."""
    packages = closure((REPOSITORY / "requirements.txt").read_text().split())
    table = Table("package", "version", "licence", "")
    faults = 0
    for package in packages:
        text = licence(package)
        faults += not is_permissive(text)
        table.add_row(package.name, package.version, text, "" if is_permissive(text) else "look at it")
    Console(width=160).print(table)
    sys.exit(min(faults, 1))


if __name__ == "__main__":
    main()
