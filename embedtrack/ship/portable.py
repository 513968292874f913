"""An environment that moves: this interpreter, its packages and every shared library down to the C library.

Nothing of it is looked up on the host, so it runs on any Linux of this machine's architecture, whatever C library that
has, or none::

    python/          bin, lib/python3.x with the packages that are asked for
    lib/             ld-linux, libc and whatever else the binaries name
    bin/python       a script that starts python/bin with lib/ as the only place of libraries
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

log = logging.getLogger(__name__)

LAUNCHER = """\
#!/bin/sh
# Python with the libraries of this folder and none of the host's but the graphics driver's.
case "$0" in */*) here="${{0%/*}}" ;; *) here=. ;; esac
here="$(cd "$here/.." && pwd)" || exit
unset PYTHONPATH LD_PRELOAD
export PYTHONHOME="$here/python" PYTHONNOUSERSITE=1 NUMBA_CPU_NAME=generic
export PYTHONDONTWRITEBYTECODE="${{PYTHONDONTWRITEBYTECODE-1}}"
exec "$here/lib/{loader}" --library-path "$here/lib" --argv0 "$here/bin/python" "$here/python/bin/python3" "$@"
"""
STANDARD = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "dist-packages")
"""Parts of the standard library that no command needs, and the packages, which are chosen one by one."""
MODULES = ("_tkinter.*", "_gdbm.*", "_dbm.*", "nis.*", "readline.*")
"""Modules of it that would bring a window system or libraries under the GPL."""
NEEDLESS = re.compile(
    r"torch/(test/|include/|bin/(?!torch_shm_manager))|(.*/)?tests/(?!__init__)|.*/__pycache__/|skimage/data/.+"
)
DRIVER = re.compile(r"lib(cuda|nvidia|nvcuvid)[-.].*")
"""The driver's own libraries belong to the host."""


def build(folder: Path, requirements: Iterable[str]) -> None:
    """Write the environment.

    Args:
        folder: a new one.
        requirements: names of installed packages, with or without versions; what they require follows.

    Raises:
        ValueError: this is no Linux with the GNU C library, or a package is not installed.
    """
    if not sys.platform.startswith("linux") or shutil.which("ldd") is None:
        raise ValueError(f"expected Linux with ldd to make an environment that moves, got {sys.platform}")
    home = folder / "python"
    _copy_standard_library(home)
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = home / "lib" / python / "site-packages"
    for package in closure(requirements):
        _copy_package(package, packages)
    interpreter = home / "bin" / "python3"
    interpreter.parent.mkdir()
    shutil.copy(Path(sys.base_prefix) / "bin" / python, interpreter)
    loader = _copy_libraries(folder)
    launcher = folder / "bin" / "python"
    launcher.parent.mkdir()
    launcher.write_text(LAUNCHER.format(loader=loader))
    launcher.chmod(0o755)


def closure(requirements: Iterable[str]) -> list[Distribution]:
    """The packages and all that they require on this machine, each once, in the order of their names.

    Raises:
        ValueError: one of them is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            raise ValueError(f"expected the package {name} to be installed, found none; see environment.sh") from None
        waiting += [Requirement(text) for text in found[name].requires or ()]
    return [found[name] for name in sorted(found)]


def _copy_standard_library(home: Path) -> None:
    """lib/python3.x, as byte code is made anew for its own paths."""
    source = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    unwanted = shutil.ignore_patterns("__pycache__", "config-*", "*.a", *MODULES)

    def skip(where: str, names: list[str]) -> set[str]:
        return unwanted(where, names) | (set(STANDARD) & set(names) if Path(where) == source else set())

    shutil.copytree(source, home / "lib" / source.name, ignore=skip)
    (home / "lib" / source.name / "site-packages").mkdir(exist_ok=True)


def _copy_package(package: Distribution, destination: Path) -> None:
    """The files that an installer has noted for a package, but its scripts and what only tests and compilers read."""
    for file in package.files or ():
        source = Path(str(package.locate_file(file)))
        if ".." in file.parts or NEEDLESS.match(file.as_posix()) or not source.is_file():
            continue
        (destination / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, destination / file)


def _copy_libraries(folder: Path) -> str:
    """Copy what the binaries in ``folder`` name and do not find in it, to ``lib``; the loader's name."""
    (folder / "lib").mkdir()
    binaries = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and is_binary(path)]
    loader = ""
    for library in sorted(set(_needed(binaries))):
        if folder not in library.parents and not DRIVER.fullmatch(library.name):
            shutil.copy(library, folder / "lib" / library.name)
            loader = library.name if library.name.startswith("ld-") else loader
    if not loader:
        raise ValueError("expected an interpreter that is dynamically linked, got none that names a loader")
    return loader


def is_binary(path: Path) -> bool:
    """Whether it is a program or a library of Linux."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _needed(binaries: list[Path]) -> Iterator[Path]:
    """The libraries that ldd finds for some binaries, under the names by which they are asked for."""
    for begin in range(0, len(binaries), 50):
        words = ["ldd", *map(str, binaries[begin : begin + 50])]
        lines = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        for path in re.findall(r"(?:=>|^)\s+(/\S+) \(0x", lines, flags=re.MULTILINE):
            yield Path(os.path.abspath(path))
