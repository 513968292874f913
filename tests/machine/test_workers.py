import threading

import pytest
import torch

from embedtrack.machine.workers import Workers, sharing


@pytest.mark.usefixtures("four_threads")
def test_threads_are_shared_out_and_results_come_in_order():
    workers, there = Workers(2), threading.Barrier(2)

    def look(number: int) -> tuple[int, int, bool]:
        there.wait(60)  # two are at work at the same time
        return number, torch.get_num_threads(), torch.is_inference_mode_enabled()

    assert list(workers.map(look, range(4))) == [(number, 2, True) for number in range(4)]
    assert torch.get_num_threads() == 4
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [4]  # threads that begin later have all of them


@pytest.mark.usefixtures("four_threads")
def test_no_more_than_there_are_threads_and_a_single_one_works_here():
    assert [Workers(most).count for most in (0, 1, 3, 9)] == [1, 1, 3, 4]
    assert list(Workers(1).map(lambda _: threading.current_thread(), [0])) == [threading.current_thread()]


@pytest.mark.usefixtures("four_threads")
def test_an_error_comes_out_in_its_place():
    def work(number: int) -> int:
        if number == 1:
            raise MemoryError("too large")
        return number

    results = Workers(2).map(work, range(3))
    assert next(results) == 0
    with pytest.raises(MemoryError, match="too large"):
        next(results)


def test_where_a_thread_cannot_start_the_others_end(monkeypatch: pytest.MonkeyPatch):
    """They would wait for it, and the program with them at its end."""
    start, before = threading.Thread.start, threading.active_count()

    def begin(thread: threading.Thread) -> None:
        if threading.active_count() >= before + 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", begin)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        sharing(3)
    assert threading.active_count() == before
