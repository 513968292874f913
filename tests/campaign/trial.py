"""One trial: inputs, an older output, a command with a fault, and what must hold afterwards."""

import hashlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from embedtrack.__main__ import main
from tests.campaign.commands import Command
from tests.campaign.faults import INPUT, SmallDisk, in_the_way, limit, other_option, spoil

PYTHONS = re.compile(r"Traceback \(most|please send it|invalid literal|has no attribute|NoneType|object is not")
CODES = {0, 2, 130, 143}


class Ended(NamedTuple):
    """How a child ended."""

    code: int
    """Its exit code, or minus the signal that killed it."""
    said: str
    seconds: float


def run(words: list[str], place: Path, before: Callable[[], None] = lambda: None, *, patience: float,
        shot: tuple[int, float] | None = None) -> Ended:  # fmt: skip
    """Run a command line in a child of this process, which has everything imported; ``shot`` is a signal and when."""
    log, begin = place / "said.txt", time.monotonic()
    child = os.fork()
    if not child:
        _child(words, log, before)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        passed = time.monotonic() - begin
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return Ended(code, _said(log), passed)
        if shot and passed > shot[1]:
            os.kill(child, shot[0])
            shot = None
        if passed > patience:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Ended(-1000, _said(log), passed)
        time.sleep(0.002)


def _said(log: Path) -> str:
    """What a child wrote; one that was killed at once has no file yet."""
    return log.read_text(errors="replace") if log.exists() else ""


def _child(words: list[str], log: Path, before: Callable[[], None]) -> None:
    """The child: never returns."""
    code = 99
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["embedtrack", *words]
        os.chdir(log.parent)  # an odd option may well be a name there
        before()
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        try:
            sys.stderr.flush()
        finally:
            os._exit(code)


def try_one(command: Command, fault: str, inputs: Path, older: Path, scratch: Path, random: Random, usual: float,
            patience: float) -> Iterator[str]:  # fmt: skip
    """Every violation of what must hold, in words.

    Args:
        command: what to run.
        fault: one of FAULTS.
        inputs: they are copied.
        older: the folder with an older output, which is put in place in half of the trials.
        scratch: an empty folder.
        random: decides everything.
        usual: seconds that the command takes.
        patience: seconds after which it hangs.
    """
    given, place = scratch / "in", scratch / "out"
    shutil.copytree(inputs, given)
    words = [word.replace("IN/", f"{given}/").replace("OUT/", f"{place}/") for word in command.words]
    clean = list(words)
    with SmallDisk(place) if fault == "full disk" else _Folder(place) as disk:
        if command.out and random.random() < 0.5:
            shutil.copytree(older, place, dirs_exist_ok=True)
        out, mine, shot = place / command.out, None, None
        if fault in INPUT:
            harmed = spoil(fault, given, random)
        elif fault == "foreign" and command.out:
            mine = in_the_way(out, random)
        elif fault == "option":
            words = other_option(words, random)
        elif fault in ("kill", "term"):
            shot = (signal.SIGKILL if fault == "kill" else signal.SIGTERM, random.random() * usual * 1.2)
        if isinstance(disk, SmallDisk) and disk.mounted:
            disk.leave(random.randrange(4, 300))
        before, before_inputs = tree(place), tree(given)
        ended = run(words, scratch, limit(fault, random), patience=patience, shot=shot)
        yield from _ending(ended, fault)
        if tree(given) != before_inputs and fault != "option":
            yield "an input has changed"
        if mine is not None:
            if mine.read_bytes() != b"mine":
                yield f"a person's {mine.relative_to(place)} is gone"
            if ended.code == 0:
                yield "wrote where a person's file was"
        elif fault != "option" and command.out:
            yield from _output(command, place, before, ended)
        if isinstance(disk, SmallDisk) and disk.mounted:
            disk.leave(None)
        if fault in INPUT:
            shutil.rmtree(given)
            shutil.copytree(inputs, given)
        if mine is None and fault != "option":
            again = run(clean, scratch, patience=patience)
            if again.code != 0:
                yield f"the next run ends with {again.code}: {again.said[-300:]}"
            left = [path.name for path in place.glob(".*") if path.name != ".embedtrack"]
            if left:
                yield f"the next run leaves {left}"
    _ = harmed if fault in INPUT else None


class _Folder:
    """A folder, as ``SmallDisk`` is one."""

    def __init__(self, place: Path) -> None:
        place.mkdir()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        pass


def _ending(ended: Ended, fault: str) -> Iterator[str]:
    """What is wrong with a command's exit code and words."""
    lines = [line for line in ended.said.splitlines() if line.strip()]
    if ended.code == -1000:
        yield f"hangs for {ended.seconds:.0f} s"
    elif ended.code < 0 and ended.code != {"kill": -signal.SIGKILL, "term": -signal.SIGTERM}.get(fault):
        yield f"is killed by signal {-ended.code}"
    elif ended.code >= 0 and ended.code not in CODES:
        yield f"ends with {ended.code}"
    if found := PYTHONS.search(ended.said):
        yield f"speaks Python: {ended.said[max(0, found.start() - 200) : found.end() + 300]}"
    if ended.code == 2 and sum(line.startswith("error: ") for line in lines) != 1:
        yield f"does not say why in one line: {ended.said[-300:]}"
    if len(ended.said) > 60_000 or max(map(len, lines), default=0) > 2500:
        yield f"says too much: {len(ended.said)} letters"


def _output(command: Command, place: Path, before: dict[str, str], ended: Ended) -> Iterator[str]:
    """What is wrong with the output: it is the older one, nothing, or a whole new one."""
    out = place / command.out
    changed = {name: digest for name, digest in tree(place).items() if not name.startswith(".")} != before
    if not changed and ended.code != 0:
        return
    try:
        if out.exists() or ended.code == 0:
            command.whole(out)
    except Exception as error:
        yield f"leaves an output that is not whole after {ended.code}: {type(error).__name__} {str(error)[:200]}"


def tree(place: Path) -> dict[str, str]:
    """Path -> a digest, of all that is below a folder."""
    found = {}
    for path in sorted(place.rglob("*")):
        kind = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else oct(path.lstat().st_mode)
        found[path.relative_to(place).as_posix()] = kind
    return found
