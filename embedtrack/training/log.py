"""``train.jsonl``: each record of a training in a line, and after a kill no more of them than were saved."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedtrack.files.whole import whole_file
from embedtrack.training import resume
from embedtrack.training.distributed import ProcessGroup
from embedtrack.training.journal import Journal

LOG = "train.jsonl"

OnRecord = Callable[[dict[str, Any]], None]


@contextmanager
def writing(journal: Journal, group: ProcessGroup, on_record: OnRecord) -> Iterator[OnRecord]:
    """What takes each record of a training and writes it; what an earlier run wrote after it was saved last goes."""
    if not group.leads:
        yield lambda record: None
        return
    path = journal.out / LOG
    earlier = log_until(path, resume.state_of(journal.out).step)
    with whole_file(path) as new:
        new.write_text("".join(f"{line}\n" for line in earlier), encoding="utf-8")
    with path.open("a", encoding="utf-8", buffering=1) as log_file, journal.writing(earlier):

        def write(record: dict[str, Any]) -> None:
            log_file.write(json.dumps(record) + "\n")
            journal.record(record)
            on_record(record)

        yield write


def log_until(path: Path, step: int) -> list[str]:
    """The lines of an earlier ``train.jsonl`` up to a step; a kill may have cut the last line."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if step and path.is_file() else []
    return [line for line in lines if 0 <= _step_of(line) <= step]


def _step_of(line: str) -> int:
    """The step of a line of ``train.jsonl``; -1 of one that is damaged."""
    try:
        step = json.loads(line)["step"]
        return step if type(step) is int else -1
    except (ValueError, KeyError, TypeError, RecursionError):
        return -1
