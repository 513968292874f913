"""The heap of the C library: what a network frees and takes again every frame stays with the process."""

import ctypes
import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn

MALLOC = {
    "trim threshold": (-1, 2**31 - 1),  # never give back the top of the heap
    "mmap threshold": (-3, 32 * 2**20),  # blocks up to 32 MiB, the most that glibc allows, come from the heap
    "arenas": (-8, 1),  # one heap for all threads: those of other threads are small and given back whole
}
"""The options of ``keep_memory``: numbers from malloc.h, and values."""


def keep_memory() -> None:
    """Let the C library keep the memory that is freed: a network frees and takes the same hundred blocks every frame.

    Each page that goes back to the system costs a page fault when it is taken again, tens of thousands
    of them a frame. Works with glibc; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in MALLOC.values():
            mallopt(option, value)


def give_back() -> None:
    """Let the C library give the system all memory that nobody uses, wherever it lies in the heap.

    What is taken again costs page faults: for the end of large frames, not for every step. Works with glibc.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def compact(parts: Iterable[nn.Module]) -> Iterator[None]:
    """Within, free memory goes back to the system after each of some parts of a network, and at the end.

    A network's first pass on a CPU takes small blocks for good between large ones, after which the holes that these
    leave suit no other: the heap would stay twice as large as any later pass needs.
    """
    hooks = [part.register_forward_hook(lambda *_: give_back()) for part in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        give_back()


def peak_memory() -> int:
    """The most memory that this process has had so far, in megabytes; on macOS the system counts bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3))
