import logging
from contextlib import nullcontext

import pytest
import torch

from embedtrack.machine import device
from embedtrack.machine.device import (
    at_work,
    choose,
    download,
    fast_precision,
    has_int8,
    helpers,
    memory,
    memory_errors,
    move,
    upload,
)
from embedtrack.methods.embedtrack.branched import BranchedERFNet


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


def test_integers_want_a_processor_and_its_operators(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "_is_avx2_supported", lambda: True)
    monkeypatch.setattr(device, "INTEGERS", ("qconv_prepack",))
    assert has_int8(torch.device("cpu"))
    assert not has_int8(torch.device("cuda"))
    monkeypatch.setattr(device, "INTEGERS", ("qconv_prepack", "gone"))
    assert not has_int8(torch.device("cpu"))
    monkeypatch.setattr(device, "INTEGERS", ("qconv_prepack",))
    monkeypatch.setattr(torch.cpu, "_is_avx2_supported", lambda: False)
    assert not has_int8(torch.device("cpu"))


def test_move_sets_the_memory_layout():
    network = BranchedERFNet()
    move(network, torch.device("cpu"))
    assert network.encoder[0].convolution.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.\nSee the documentation"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.00 GB). Tried to allocate 1 GB."),
        RuntimeError("CUDA error: out of memory"),
    ],
)
def test_what_torch_raises_for_want_of_memory_is_a_memory_error(error: RuntimeError):
    with pytest.raises(MemoryError, match="memory"), memory_errors():
        raise error


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shapes"), memory_errors():
        raise RuntimeError("shapes do not fit")


def test_memory_is_that_of_the_device_asked_for(monkeypatch: pytest.MonkeyPatch):
    class Properties:
        def __init__(self, device: torch.device) -> None:
            self.total_memory = {0: 3, 1: 5}[device.index]

    monkeypatch.setattr(torch.cuda, "get_device_properties", Properties)
    assert memory(torch.device("cuda:0")) == 3
    assert memory(torch.device("cuda:1")) == 5
    assert memory(torch.device("cpu")) > 2**20


def test_the_way_there_and_back_on_the_processor():
    image = torch.arange(6.0).reshape(2, 3)
    there = upload(image, torch.device("cpu"))
    back, arrived = download(there)
    assert arrived is None
    assert torch.equal(back, image)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_way_there_and_back_on_a_gpu():
    """The copy back goes on beside the next frame's work, which takes the memory of what is copied."""
    gpu = torch.device("cuda")
    images = [torch.randn(2000, 2000) for _ in range(4)]
    results = []
    for image in images:
        there = upload(image, gpu)
        results.append(download(2 * there))
        torch.full_like(there, -1).mul_(3)
    for image, (back, arrived) in zip(images, results, strict=True):
        assert back.device.type == "cpu"
        assert back.is_pinned()
        assert arrived is not None
        arrived.synchronize()
        assert torch.equal(back, 2 * image)


def test_at_work_a_gpu_is_the_current_one_rounds_no_inputs_and_repeats_itself(monkeypatch: pytest.MonkeyPatch):
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "device", lambda device: chosen.append(device) or nullcontext())
    before = torch.backends.cudnn.conv.fp32_precision
    with at_work(torch.device("cuda:1")):
        assert torch.backends.cudnn.conv.fp32_precision == "ieee"
        assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.conv.fp32_precision == before
    assert not torch.backends.cudnn.deterministic
    with at_work(torch.device("cpu")):
        pass
    assert chosen == [torch.device("cuda:1")]


@pytest.mark.parametrize(
    ("kind", "cores", "expected"), [("cpu", 64, 1), ("cuda", 2, 1), ("cuda", 16, 4), ("cuda", 99, 4)]
)
def test_a_gpu_has_helpers_where_there_are_cores(kind: str, cores: int, expected: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert helpers(torch.device(kind)) == expected
