import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtrack.challenge.convention import REPOSITORY
from embedtrack.training.distributed import ProcessGroup, SharedNorm, share_norms
from tests.drawings import dividing, moving, write_movie

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def losses(folder: Path, out: Path, batch: int, *launcher: str) -> list[float]:
    command = [sys.executable, *launcher, "tests/training/distributed_member.py", str(folder), str(out), str(batch)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return json.loads((out / "records.json").read_text())


def test_two_processes_learn_what_one_learns(tmp_path: Path):
    """Two with four crops each and one with eight have the same losses, as statistics and gradients are shared."""
    write_movie(moving(), tmp_path / "moving")
    write_movie(dividing(), tmp_path / "dividing")
    one = losses(tmp_path, tmp_path / "one", 8)
    two = losses(tmp_path, tmp_path / "two", 4, *TORCHRUN, "2")
    assert len(set(one)) == 3
    np.testing.assert_allclose(two, one, rtol=2e-3)
    np.testing.assert_allclose(two[:2], one[:2], rtol=1e-5)


def test_alone_nothing_is_shared():
    group, network = ProcessGroup(torch.device("cpu")), torch.nn.BatchNorm2d(3)
    assert group.share(network) is network
    assert group.leads
    assert group.agree(3.5) == 3.5
    assert group.mean(torch.tensor([1.0, 2.0])).tolist() == [1, 2]


def test_shared_norms_keep_their_state(monkeypatch: pytest.MonkeyPatch):
    """With one process a shared norm is a batch norm, in training and after it."""
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 1)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda _: None)
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Sequential(torch.nn.BatchNorm2d(4, eps=1e-3)))
    plain[1][0].weight.data.uniform_(0.5, 2)
    shared = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Sequential(torch.nn.BatchNorm2d(4, eps=1e-3)))
    shared.load_state_dict(plain.state_dict())
    share_norms(shared)
    assert isinstance(shared[1][0], SharedNorm)
    for _ in range(3):
        images = torch.randn(2, 1, 9, 9) * 3 + 1
        torch.testing.assert_close(shared(images), plain(images))
    torch.testing.assert_close(shared.state_dict(), plain.state_dict(), check_dtype=False)
    torch.testing.assert_close(shared.eval()(images), plain.eval()(images))
