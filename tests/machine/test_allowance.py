from pathlib import Path

import pytest
import torch

from embedtrack.machine import device
from embedtrack.machine.allowance import allowed, cores


def test_a_container_may_allow_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert allowed(tmp_path) is None
    job = tmp_path / "sys/fs/cgroup/slurm/job1"
    job.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("3:cpuset:/\n0::/slurm/job1/step0\n")
    assert allowed(tmp_path) is None
    (job.parent / "memory.max").write_text("max\n")
    (job / "memory.max").write_text("2000000000\n")
    assert allowed(tmp_path) == 2_000_000_000
    monkeypatch.setattr(device, "allowed", lambda: 1000)
    assert device.memory(torch.device("cpu")) == 1000


@pytest.mark.parametrize(("said", "most"), [("max 100000", None), ("400000 100000", 4), ("50000 100000", 1)])
def test_threads_are_no_more_than_the_cores_that_a_container_may_use(
    said: str, most: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text(f"{said}\n")
    assert cores(tmp_path) == most
    used: list[int] = []
    monkeypatch.setattr(device, "cores", lambda: most)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    monkeypatch.setattr("cv2.setNumThreads", lambda count: None)
    monkeypatch.setattr("numba.set_num_threads", lambda count: None)
    device.use_threads(None)
    device.use_threads(7)
    assert used == [*([most] if most else []), 7]
