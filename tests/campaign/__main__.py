"""Run trials for so many minutes; prints what was tried, and each violation with the number that repeats it.

``python -m tests.campaign --minutes 10``; ``--only 17`` repeats the trial 17 of the same ``--seed``.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.campaign.commands import COMMANDS, Command, prepare
from tests.campaign.faults import FAULTS
from tests.campaign.trial import run, try_one
from tests.drawings import dividing, still


def main() -> int:
    """Returns 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one trial")
    parser.add_argument("--patience", type=float, default=120, help="seconds after which a command hangs")
    asked = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    tempfile.tempdir = base = tempfile.mkdtemp(prefix="campaign-")
    try:
        return _campaign(Path(base), asked)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _campaign(base: Path, asked: argparse.Namespace) -> int:
    prepare(base / "inputs", dividing())
    prepare(base / "older", still())  # what is made of these is an older output
    usual: dict[str, float] = {}
    tried: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    begin, number, seconds = time.monotonic(), -1, asked.minutes * 60
    while time.monotonic() - begin < seconds:
        number = asked.only if asked.only is not None else number + 1
        random = Random(asked.seed * 1_000_003 + number)
        fault, command = FAULTS[number % len(FAULTS)], random.choice(COMMANDS)
        if command.name not in usual:
            usual[command.name] = _older_output(command, base, asked.patience)
        scratch = Path(tempfile.mkdtemp(prefix="campaign-"))
        older = base / "outputs" / command.name
        wrong = list(
            try_one(command, fault, base / "inputs", older, scratch, random, usual[command.name], asked.patience)
        )
        shutil.rmtree(scratch, ignore_errors=True)
        tried[fault] += 1
        for words in wrong:
            failed[fault] += 1
            sys.stdout.write(f"trial {number}, {fault}, {command.name}: {words}\n")
            sys.stdout.flush()
        if asked.only is not None:
            break
    sys.stdout.write(f"{sum(tried.values())} trials in {time.monotonic() - begin:.0f} s, seed {asked.seed}\n")
    for fault in FAULTS:
        sys.stdout.write(f"  {fault:13} {tried[fault]:5} trials, {failed[fault]} violations\n")
    return 1 if failed else 0


def _older_output(command: Command, base: Path, patience: float) -> float:
    """Make a command's older output; returns the seconds that it takes."""
    place = base / "outputs" / command.name
    place.mkdir(parents=True)
    words = [word.replace("IN/", f"{base}/older/").replace("OUT/", f"{place}/") for word in command.words]
    ended = run(words, base, patience=patience)
    if ended.code:
        raise SystemExit(f"{command.name} ends with {ended.code} without any fault: {ended.said}")
    return ended.seconds


if __name__ == "__main__":
    sys.exit(main())
