"""What the program needs binds nobody, and the lock names what requirements.txt asks for."""

import re

import pytest

from benchmarks.licences import is_permissive, licence
from embedtrack.challenge import REPOSITORY
from embedtrack.portable import closure

REQUIREMENTS = (REPOSITORY / "requirements.txt").read_text().split()


def test_every_package_is_permissive():
    assert [f"{p.name}: {licence(p)}" for p in closure(REQUIREMENTS) if not is_permissive(licence(p))] == []


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
