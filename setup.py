"""What pyproject.toml cannot say: a wheel holds the shipped models, which lie beside the package, and its commit."""

import os
import subprocess
from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py


class WithCommit(build_py):
    """The wheel says of which commit it was built: ``revision.txt``."""

    def run(self) -> None:
        """Copy the package, then note the commit."""
        super().run()
        if commit := os.environ.get("EMBEDTRACK_REVISION") or _commit():
            (Path(self.build_lib) / "embedtrack" / "revision.txt").write_text(commit + "\n")


def _commit() -> str:
    """Git's, with ``+`` where files were changed; empty where there is no git."""
    words = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        here = Path(__file__).resolve().parent
        if not (here / ".git").exists():
            return ""
        return subprocess.run(words, cwd=here, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


setup(
    cmdclass={"build_py": WithCommit},
    packages=[*find_namespace_packages(include=["embedtrack*"]), "embedtrack.models"],
    package_dir={"embedtrack.models": "models"},
    package_data={
        "": ["*.yaml", "*.html", "*.css", "*.js", "*.svg"],
        "embedtrack.models": ["*/weights.safetensors", "*/config.json", "*/README.md"],
    },
)
