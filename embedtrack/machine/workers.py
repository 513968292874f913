"""Threads that share out a network's passes, each with its share of the processor's threads.

The layers of a small frame are too small for many threads, which wait for each other after each of them: a pass of its
own for each of some threads leaves fewer of them idle.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch

from embedtrack.machine.device import memory

S = TypeVar("S")
T = TypeVar("T")


class Workers:
    """So many at a time; what they compute is what one alone would, byte for byte."""

    def __init__(self, most: int) -> None:
        """No more than the processor has threads for this work.

        Args:
            most: passes at a time.
        """
        self.count = max(1, min(most, torch.get_num_threads()))
        self._pool: ThreadPoolExecutor | None = None

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """``work`` on each item, the results in order; an error comes out in its item's place."""
        if self.count == 1:
            return map(work, items)
        if self._pool is None:
            self._pool = sharing(self.count)
        return self._pool.map(torch.inference_mode()(work), items)


def room_for(need: int, where: torch.device) -> int:
    """For how many passes at a time, of so many bytes each, a processor has threads and a quarter of its memory room.

    One at least; a GPU makes one after the other.
    """
    return max(1, min(torch.get_num_threads(), memory(where) // 4 // need)) if where.type == "cpu" else 1


def sharing(count: int) -> ThreadPoolExecutor:
    """So many threads, each with its share of torch's; those that begin later have as many as before.

    All of them begin now: the last number that torch is told is that of threads which begin later.
    """
    threads, there = torch.get_num_threads(), Barrier(count)
    pool = ThreadPoolExecutor(count, "share", _take, (max(1, threads // count),))
    try:
        list(pool.map(lambda _: there.wait(), range(count)))
    except BaseException:  # the system gives no more threads: those that are there do not wait for the others
        there.abort()
        pool.shutdown()
        raise
    finally:
        torch.set_num_threads(threads)
    return pool


def _take(threads: int) -> None:
    """Let this thread have so many of torch's; asked first, as torch would set the usual number when it begins work."""
    torch.get_num_threads()
    torch.set_num_threads(threads)
