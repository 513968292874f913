"""What the program needs is asked for, binds nobody, and is in the lock."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from benchmarks.licences import groups, is_permissive, rows
from embedtrack.challenge.convention import REPOSITORY

REQUIREMENTS = groups()["program"]


def test_every_package_is_permissive():
    """Those of extras that are not installed are not looked at."""
    found = list(rows())
    assert {"torch", "snakemake"} <= {row[0] for row in found}
    assert [row for row in found if row[-1] == "look at it"] == []


def test_what_is_imported_is_asked_for():
    """A package that only another one brings could vanish with its next version."""
    asked = {re.split("[=<>;[ ]", line)[0].lower() for lines in groups().values() for line in lines}
    modules = set()
    for path in (REPOSITORY / "embedtrack").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    foreign = modules - set(sys.stdlib_module_names) - {"embedtrack"}
    assert {"PIL", "numpy", "torch"} <= foreign
    brought = packages_distributions()
    names = {module: {name.lower() for name in brought.get(module, [module])} for module in foreign}
    assert [module for module, found in names.items() if not found & asked] == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("MIT", True),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True),
        ("GNU General Public License v3 (GPLv3)", False),
        ("BSD-3-Clause AND LGPL-2.1-or-later", False),
        ("MIT AND GPL-3.0-or-later WITH GCC-exception-3.1", True),
        ("GPL-2.0", False),
        ("Proprietary", False),
        ("", False),
        ("LicenseRef-NVIDIA-Proprietary", True),
    ],
)
def test_binding_licences_are_found(text: str, answer: bool):
    assert is_permissive(text) is answer


def test_lock_follows_requirements():
    """``just lock`` writes it anew."""
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert [line for line in REQUIREMENTS if not re.search(rf"^{re.escape(line)} ", lock, re.M)] == []
    entries = re.split(r"\n(?=[a-z])", lock)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
