import logging

import pytest
import torch

from embedtrack.device import choose, fast_precision, place
from embedtrack.networks.branched import BranchedERFNet


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(False, False, "cpu"), (True, False, "cuda"), (False, True, "mps"), (True, True, "cuda")],
)
def test_auto_takes_the_best_and_says_why(
    cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    with caplog.at_level(logging.INFO):
        assert choose("auto").type == expected
    assert f"device auto: {expected}" in caplog.text


def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose("cuda:0").index == 0
    with pytest.raises(ValueError, match="cuda:1"):
        choose("cuda:1")
    with pytest.raises(ValueError, match="auto, cpu, cuda or mps"):
        choose("abacus")


def test_precision_follows_the_device(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert fast_precision(torch.device("cuda")) == "bfloat16"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert fast_precision(torch.device("cuda")) == "float32"
    assert fast_precision(torch.device("mps")) == "float32"
    assert fast_precision(torch.device("cpu")) in ("float32", "bfloat16")


def test_place_sets_the_memory_layout():
    network = BranchedERFNet()
    place(network, torch.device("cpu"))
    assert network.encoder[0].convolution.weight.is_contiguous(memory_format=torch.channels_last)
