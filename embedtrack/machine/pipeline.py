"""Stages that work at the same time: each in a thread of its own, with bounded queues between them.

Reading, the network, clustering and writing leave Python's lock alone for nearly all of their time, so threads are
enough. A chain of generators becomes a pipeline by ``ahead`` around each of them.
"""

import atexit
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

PATIENCE = 0.05
"""Seconds after which a waiting stage looks whether it is still wanted."""

_stage = threading.local()


class Stopped(BaseException):
    """Ends a stage whose results nobody awaits any more; never seen outside its thread."""


class _End:
    """Comes last out of a stage: with the error that ended it, or without."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[T], depth: int = 1) -> Generator[T]:
    """The same items, made in a thread while the caller works on earlier ones.

    An error within comes out in its item's place. When the generator is closed (``with closing(...)`` closes it
    whatever happens), the thread ends at its next item or ``breathe``, and with it those of the stages before.

    Args:
        items: made wholly in the thread; a generator is closed there too.
        depth: so many items are kept ready; one more is in the making.
    """
    ready: queue.Queue[T | _End] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(items, ready, stop), name="stage", daemon=True)

    def end() -> None:
        stop.set()
        thread.join()

    ends = _ends()
    thread.start()
    ends.append(end)
    atexit.register(end)  # a generator that is never closed must not keep the program from ending
    try:
        while not isinstance(item := _get(ready, thread), _End):
            handed = [item]
            del item
            yield handed.pop()  # whoever has it now decides how long it is kept: it may be large
        if item.error is not None:
            raise item.error
    finally:
        end()
        ends.remove(end)
        atexit.unregister(end)


def spread(
    work: Callable[[S], T],
    items: Iterable[S],
    workers: int = 1,
    pool_of: Callable[[int], ThreadPoolExecutor] = ThreadPoolExecutor,
) -> Generator[T]:
    """``work`` on each item, the results in order; with several workers, on as many items at a time, begun in order.

    A result then comes when ``workers`` items are there: for movies that are complete, not for live ones. An error
    comes out in its item's place.

    Args:
        work: it ends at its next ``breathe`` when the generator is closed.
        items: asked for in the thread that asks for results.
        workers: 1 does all work in that thread.
        pool_of: makes so many threads.
    """
    if workers == 1:
        yield from map(work, items)
        return
    pool, stop = pool_of(workers), getattr(_stage, "stop", None)

    def work_for_stage(item: S) -> T:
        _stage.stop = stop
        return work(item)

    busy: deque[Future[T]] = deque()
    source, failure = iter(items), None
    try:
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # it comes after the results of the items before it
                failure = error
                break
            busy.append(pool.submit(work_for_stage, item))
            del item
            if len(busy) == workers:
                yield busy.popleft().result()
        while busy:
            yield busy.popleft().result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)


def breathe() -> None:
    """Call it now and then in the long work of a stage: it ends there if nobody awaits its result any more."""
    stop: threading.Event | None = getattr(_stage, "stop", None)
    if stop is not None and stop.is_set():
        raise Stopped


def _ends() -> list[Callable[[], None]]:
    """How to end the stages that this one has started: an error's traceback may keep their generators from closing."""
    ends: list[Callable[[], None]] = _stage.__dict__.setdefault("ends", [])
    return ends


def _work(items: Iterable[T], ready: "queue.Queue[T | _End]", stop: threading.Event) -> None:
    """The body of a stage's thread."""
    _stage.stop = stop
    try:
        with closing(items) if isinstance(items, Generator) else nullcontext():
            for item in items:
                _put(ready, item)
                del item  # not kept while the next one is made
        last = _End()
    except BaseException as error:
        last = _End(error)
    finally:
        for end in list(_ends()):
            end()
    with suppress(Stopped):
        _put(ready, last)


def _get(ready: "queue.Queue[T | _End]", thread: threading.Thread) -> T | _End:
    while True:
        breathe()
        alive = thread.is_alive()  # asked first: what it says at its end is there by then
        try:
            return ready.get(timeout=PATIENCE)
        except queue.Empty:
            if not alive:  # where memory is short a thread may end without a word
                raise MemoryError("a stage has ended without a word") from None


def _put(ready: "queue.Queue[T | _End]", item: T | _End) -> None:
    while True:
        breathe()
        try:
            return ready.put(item, timeout=PATIENCE)
        except queue.Full:
            continue
