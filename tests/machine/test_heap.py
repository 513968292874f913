import ctypes
import os
from pathlib import Path

import pytest
import torch

from embedtrack.machine import heap
from embedtrack.machine.heap import compact, give_back, keep_memory


def test_freed_memory_is_kept_where_the_c_library_knows_how(monkeypatch: pytest.MonkeyPatch):
    keep_memory()
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda name: object())
    keep_memory()


def resident() -> int:
    """Megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_what_lies_free_in_the_heap_goes_back_on_demand(monkeypatch: pytest.MonkeyPatch):
    keep_memory()
    blocks = [torch.ones(8 << 18) for _ in range(24)]  # 8 MB each
    last = torch.ones(1 << 10)  # lies above them
    most = resident()
    blocks.clear()
    give_back()
    assert most - resident() > 160
    assert last.all()
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda name: object())
    give_back()


def test_compact_gives_back_after_each_part_and_no_longer(monkeypatch: pytest.MonkeyPatch):
    given: list[None] = []
    monkeypatch.setattr(heap, "give_back", lambda: given.append(None))
    network = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Identity())
    with compact(network.children()):
        network(torch.ones(1))
        assert len(given) == 2
    network(torch.ones(1))
    assert len(given) == 3
