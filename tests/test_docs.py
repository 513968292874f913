r"""Every command line in README.md and docs/*.md runs here, page by page, as a reader would type it.

A page shows commands in fenced blocks of ``bash``, Python in blocks of ``python``; files and output in other blocks.
Nothing has to be registered: a new page, and a new block, is tested as it is. A comment in the line above a block
changes that:

    <!-- slow: trains -->              only with the slow tests: whatever takes more than a few seconds here
    <!-- not tested: network -->       never; the reason is one of REASONS

Each page starts in a folder of its own like a fresh clone, with small simulated movies: ``demo`` (and a result of it),
``MINE`` (01 and 02 with truth and results), ``mine/01``, and ``/data`` with ``Fluo-N2DH-SIM+`` and ``MINE``; a page may
go on with what its earlier blocks made. SMALLER says what is exchanged in the commands before they run. Commands of
``embedtrack`` run within this process, which spares loading everything anew, ``export`` sets a variable until the page
ends, all other lines are bash's.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from embedtrack.__main__ import main
from embedtrack.challenge.convention import REPOSITORY
from embedtrack.challenge.tracked import open_tracked, write_tracked
from embedtrack.simulate.movie import simulate

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
REASONS = {
    "network": "it downloads",
    "container": "tests/test_container.py does",
    "slurm": "a cluster's programs",
    "GPU": "a machine with one",
    "real data": "movies of the challenge, or a microscope's",
    "hours": "benchmarks",
    "a window": "a person to close it",
    "whole": "the whole suite, or the submission: they have tests of their own",
}
SMALLER = {
    r"--minutes [0-9.]+": "--epochs 0.01 --device cpu",
    r"--idle [0-9.]+": "--idle 1",
    r"embedtrack doctor\b": "embedtrack doctor --seconds 0.1",
    r"(?<=[\s=])/(data|tmp)\b": r"{here}/\1",
}
COMMANDS = (
    r"(\./|\.venv/|source |export |(embedtrack|python3?|pip|git|docker|apptainer|snakemake|torchrun|just) [a-z./-])"
)
FENCE = re.compile(
    r"^(?:<!-- *(?P<mark>slow|not tested): *(?P<reason>[^>]*?) *-->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


class Block(NamedTuple):
    """One fenced block."""

    kind: str
    mark: str
    reason: str
    text: str

    def commands(self) -> list[str]:
        """Its lines, those that end in a backslash joined with the next."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def blocks(page: Path) -> list[Block]:
    found = FENCE.finditer(page.read_text())
    return [Block(m["kind"], m["mark"] or "", m["reason"] or "", m["text"]) for m in found]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has, small."""
    here = tmp_path_factory.mktemp("clone")
    for name in ("run_seq.sh", "train_all.sh", "environment.sh", "requirements.lock"):
        shutil.copy(REPOSITORY / name, here / name)
    for name in ("embedtrack", "models", "benchmarks"):
        shutil.copytree(REPOSITORY / name, here / name)
    for folder, movie in [("demo", "01"), ("MINE", "01"), ("MINE", "02"), ("mine", "01")]:
        simulate(here / folder, frames=14 if folder == "demo" else 6, size=(96, 128), cells=6, name=movie)
        write_tracked(open_tracked(here / folder / f"{movie}_GT"), here / folder / f"{movie}_RES")
    for name, folder in {"Fluo-N2DH-SIM+": "demo", "MINE": "MINE", "live": "mine", "mine": "mine"}.items():
        shutil.copytree(here / folder, here / "data" / name)
    for name in ("live", "mine"):
        shutil.rmtree(here / "data" / name / "01_GT")
    binaries = here / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    shutil.copy(REPOSITORY / "requirements.lock", binaries.parent / "installed-requirements.lock")
    return here


@pytest.fixture
def here(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it, where the page is read."""
    place = Path(shutil.copytree(clone, tmp_path / "clone", symlinks=True))
    for name in ("DATA_ROOT", "EMBEDTRACK_MODELS", "EMBEDTRACK_ENV"):
        monkeypatch.delenv(name, raising=False)
    site = Path(pytest.__file__).parent.parent  # the link in .venv does not know its packages
    monkeypatch.setenv("PYTHONPATH", f"{place}{os.pathsep}{site}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "argv", sys.argv)
    before = dict(os.environ)
    yield place
    os.environ.clear()
    os.environ.update(before)


def run(command: str, here: Path) -> None:
    """One line of a page."""
    for pattern, smaller in SMALLER.items():
        command = re.sub(pattern, smaller.replace("{here}", str(here)), command)
    words = shlex.split(command, comments=True)
    if words[0] == "export":
        os.environ.update(word.split("=", 1) for word in words[1:])
    elif words[0] == "embedtrack" or words[1:3] == ["-m", "embedtrack"]:
        sys.argv = words if words[0] == "embedtrack" else words[2:]
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, command
    else:
        done = subprocess.run(["bash", "-c", command], cwd=here, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def read(page: Path, here: Path, marks: set[str]) -> None:
    """Do what a page says, in order."""
    for block in blocks(page):
        if block.mark not in marks:
            continue
        if block.kind == "bash":
            for command in block.commands():
                run(command, here)
        elif block.kind == "python":
            exec(compile(block.text, str(page), "exec"), {"__name__": "__main__"})


def named(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_says_works(page: Path, here: Path):
    read(page, here, {""})


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if any(b.mark == "slow" for b in blocks(p))], ids=named)
def test_what_takes_long_works_too(page: Path, here: Path):
    read(page, here, {"", "slow"})


def test_what_is_not_tested_has_its_reason(caplog: pytest.LogCaptureFixture):
    """And is the smaller part."""
    counts: Counter[str] = Counter()
    for page in PAGES:
        for block in blocks(page):
            if block.kind == "bash":
                counts[block.reason if block.mark == "not tested" else block.mark] += len(block.commands())
    tested = counts.pop("") + counts.pop("slow", 0)
    assert counts.keys() <= REASONS.keys()
    assert tested > counts.total(), counts


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_command_stands_outside_of_a_block(page: Path):
    """Where nothing would run it; and every fence says what it holds."""
    rest = FENCE.sub("", page.read_text())
    assert re.findall(rf"^ {{4,}}{COMMANDS}.*$", rest, re.M) == []
    assert {block.kind for block in blocks(page)} <= {"bash", "python", "text"}
    assert "```" not in rest
    assert len(re.findall(r"<!-- *(slow|not tested)", page.read_text())) == sum(bool(b.mark) for b in blocks(page))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_names_every_page():
    index = (REPOSITORY / "docs" / "README.md").read_text()
    assert [path.name for path in PAGES[1:] if path.name != "README.md" and f"]({path.name})" not in index] == []
