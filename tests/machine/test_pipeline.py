import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from embedtrack.machine import pipeline
from embedtrack.machine.pipeline import ahead, breathe, spread


def stages() -> int:
    return sum(thread.name == "stage" for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def _no_stage_outlives_its_test() -> Iterator[None]:
    yield
    assert stages() == 0


def slow(items: Iterator[int] | range, seconds: float) -> Iterator[int]:
    for item in items:
        time.sleep(seconds)
        yield item + 1


def test_items_come_in_order_through_any_number_of_stages():
    assert list(ahead(slow(ahead(slow(ahead(range(20), depth=3), 0)), 0))) == list(range(2, 22))
    assert list(ahead([])) == []


def test_stages_overlap():
    """Three stages of 10 x 20 ms take less than the 600 ms that they need one after the other."""
    begin = time.perf_counter()
    for _ in ahead(slow(ahead(slow(range(10), 0.02)), 0.02)):
        time.sleep(0.02)
    assert time.perf_counter() - begin < 0.45


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_than_the_depth_is_made_ahead(depth: int):
    made: list[int] = []
    with closing(ahead((made.append(i) or i for i in range(100)), depth)) as items:
        next(items)
        time.sleep(0.2)
        assert len(made) == 1 + depth + 1  # taken, ready, in the making


def failing(items: Iterator[int] | range, at: int) -> Iterator[int]:
    for item in items:
        if item == at:
            raise ValueError(f"item {item}")
        yield item


def test_an_error_comes_out_in_its_items_place():
    got = []
    with pytest.raises(ValueError, match="item 3"):  # noqa: PT012
        for item in ahead(ahead(failing(ahead(range(1000)), 3))):
            got.append(item)
    assert got == [0, 1, 2]


def test_an_error_of_the_caller_ends_all_stages_at_once():
    def caller() -> None:
        with closing(ahead(slow(ahead(slow(ahead(range(1000)), 0.01)), 0.01))) as items:
            for item in items:
                if item == 4:
                    raise KeyboardInterrupt

    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        caller()
    assert stages() == 0
    assert time.perf_counter() - begin < 1


def test_long_work_ends_where_it_breathes():
    def endless() -> Iterator[int]:
        yield 0
        while True:
            time.sleep(0.01)
            breathe()

    items = ahead(ahead(endless()))
    assert next(items) == 0
    begin = time.perf_counter()
    items.close()
    assert time.perf_counter() - begin < 0.5
    breathe()  # outside a stage it does nothing


def test_what_a_stage_opened_is_closed_when_it_ends_early():
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    with closing(ahead(slow(ahead(source()), 0))) as items:
        next(items)
    assert closed.is_set()


def test_a_program_ends_though_a_generator_was_never_closed():
    code = "from embedtrack.machine.pipeline import ahead; kept = ahead(ahead(iter(int, 1))); next(kept)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("workers", [1, 3])
def test_spread_work_comes_in_order_and_no_more_of_it_is_begun(workers: int):
    taken: list[int] = []

    def work(item: int) -> int:
        time.sleep(0.03 if item % 3 == 0 else 0)  # later ones are done first
        return 10 * item

    with closing(spread(work, (taken.append(i) or i for i in range(100)), workers)) as results:
        assert [next(results) for _ in range(10)] == list(range(0, 100, 10))
        assert len(taken) <= 10 + workers - 1
    assert list(spread(work, range(2), workers)) == [0, 10]
    assert list(spread(work, [], workers)) == []


def test_spread_work_ends_where_it_breathes():
    """It is part of the stage that asks for it."""
    begun = threading.Barrier(3, timeout=10)

    def endless(item: int) -> int:
        if item < 3:
            begun.wait()
        while item:
            time.sleep(0.01)
            breathe()
        return item

    items = ahead(spread(endless, range(9), 3))
    assert next(items) == 0
    begin = time.perf_counter()
    items.close()
    assert time.perf_counter() - begin < 0.5


def test_spread_work_is_done_at_a_time():
    meet = threading.Barrier(3, timeout=10)
    assert list(spread(lambda item: meet.wait() >= 0 and item, range(6), 3)) == list(range(6))


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_of_spread_work_comes_in_its_place(workers: int):
    results = spread(lambda item: 6 // (3 - item), range(9), workers)
    assert [next(results) for _ in range(3)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_stage_whose_thread_cannot_start_ends_the_others(monkeypatch: pytest.MonkeyPatch):
    """Short of memory, the system gives no thread: that is an error in its item's place, not a wait for ever."""
    start = threading.Thread.start

    def begin(thread: threading.Thread) -> None:
        if threading.current_thread().name == "stage":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", begin)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(ahead(slow(ahead(slow(range(3), 0)), 0)))


def test_a_stage_that_ends_without_a_word_is_no_wait_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pipeline, "_work", lambda *_: None)
    with pytest.raises(MemoryError):
        list(ahead(range(3)))
