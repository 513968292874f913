"""What a container or a cluster's job leaves this process of the machine: memory and cores."""

import os
from contextlib import suppress
from pathlib import Path


def built_in() -> int:
    """Bytes of memory built into the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def allowed(system: Path = Path("/")) -> int | None:
    """Bytes that a container or a cluster's job leaves this process, by its control group or one above; None: all.

    Beyond them nothing fails: the system kills.
    """
    return min((int(text) for text in _limits(system, "memory.max") if text.isdigit()), default=None)  # "max" is none


def cores(system: Path = Path("/")) -> int | None:
    """As many cores as a container may use the time of (``docker run --cpus 4``), at least one; None: all.

    The others are still counted as there. Threads on all of them use up the time at once, and stand still until more
    is given.
    """
    pairs = [text.split() for text in _limits(system, "cpu.max")]  # microseconds of all that pass; "max" is all
    return min((max(1, int(time) // int(period)) for time, period in pairs if time.isdigit()), default=None)


def _limits(system: Path, name: str) -> list[str]:
    """What a file of this process' control group, and of those above, says."""
    try:
        own = (system / "proc/self/cgroup").read_text().rpartition("::/")[2].strip()
    except OSError:
        return []
    found = []
    for group in (own, *map(str, Path(own).parents)):
        with suppress(OSError):
            found.append((system / "sys/fs/cgroup" / group / name).read_text().strip())
    return found
