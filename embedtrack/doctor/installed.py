"""The program itself and the packages that it needs."""

import importlib.metadata
import platform
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from embedtrack import __version__
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.doctor.finding import Finding, short


def program() -> Iterator[Finding]:
    """The program's version, and Python's."""
    from embedtrack.challenge.revision import revision

    yield Finding("program", f"embedtrack {__version__}, commit {revision()}, in {short(REPOSITORY)}")
    version = ".".join(map(str, sys.version_info[:3]))
    fault = "" if sys.version_info >= (3, 11) else "expected Python 3.11 or later"
    yield Finding("python", f"{version} on {platform.platform()}, {short(Path(sys.executable))}", fault)


def packages() -> Iterator[Finding]:
    """Each requirement that is missing or of another version; extras of which all is there, or some."""
    for extra, requirements in _requirements().items():
        found = {requirement.name: _version(requirement.name) for requirement in requirements}
        missing = [name for name, version in found.items() if version is None]
        others = [
            f"{requirement.name} {found[requirement.name]} instead of {requirement.specifier}"
            for requirement in requirements
            if found[requirement.name] and not requirement.specifier.contains(str(found[requirement.name]))
        ]
        if extra:
            state = f"not installed: {', '.join(missing)}" if missing else "installed"
            yield Finding(f"extra {extra}", "; ".join([state, *others]))
            continue
        fault = f"missing: {', '.join(missing)}; install the program anew: pip install ." if missing else ""
        shown = ", ".join(f"{name} {version}" for name, version in found.items() if version)
        yield Finding("packages", shown, fault)
        if others:
            yield Finding("versions", f"not those that it was tested with: {'; '.join(others)}")


def _requirements() -> dict[str, list[Requirement]]:
    """What the program ("") and each extra ask for, from the checkout's lists or the installed package's."""
    listed, project = REPOSITORY / "requirements.txt", REPOSITORY / "pyproject.toml"
    if project.is_file() and listed.is_file():
        extras = tomllib.loads(project.read_text())["project"]["optional-dependencies"]
        lines = {"": listed.read_text().split(), **extras}
        return {name: list(map(Requirement, texts)) for name, texts in lines.items() if texts and name != "all"}
    known: dict[str, list[Requirement]] = {"": []}
    about = importlib.metadata.metadata("embedtrack")
    extras = [name for name in about.get_all("Provides-Extra") or () if name != "all"]
    for requirement in map(Requirement, importlib.metadata.requires("embedtrack") or ()):
        for extra in ["", *extras]:
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            if wanted and (not extra or requirement not in known[""]):
                known.setdefault(extra, []).append(requirement)
    return known


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
