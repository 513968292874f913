"""Where the network runs: device, precision, memory, and the way of frames there and back."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from embedtrack.files.guard import brief, short_of_memory
from embedtrack.machine.allowance import allowed, built_in, cores

log = logging.getLogger(__name__)

INTEGERS = ("qconv_prepack", "qconv_pointwise", "qconv2d_pointwise")
"""Convolutions of integers that torch's compiler calls; torch has no public name for them, so they may go."""


def choose(name: str = "auto") -> torch.device:
    """The device of that name: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises:
        ValueError: it is not there, or no such name is known.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        kind = next(kind for kind, available in there.items() if available)
        why = "found" if kind != "cpu" else "no CUDA or MPS device was found"
        log.info("device auto: %s, %s", kind, why)
        return torch.device(kind)
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"expected --device auto, cpu, cuda or mps, got {name!r}") from None
    available = [kind for kind, is_there in there.items() if is_there]
    if device.type not in available or (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()):
        raise ValueError(
            f"expected a device that is there ({', '.join(available)}), got --device {name}; use --device auto"
        )
    return device


def move(network: nn.Module, device: torch.device) -> None:
    """Move a network to a device, in the memory layout that its convolutions are fastest in."""
    network.to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fast_precision(device: torch.device) -> str:
    """``bfloat16`` where the device computes it natively, else ``float32``."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    if device.type == "cpu":
        avx512 = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return "bfloat16" if has_amx(device) or (avx512 is not None and avx512()) else "float32"
    return "float32"


def has_amx(device: torch.device) -> bool:
    """Whether it is a processor with a unit for products of small matrices of bfloat16."""
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return device.type == "cpu" and tiles is not None and tiles()


def has_int8(device: torch.device) -> bool:
    """Whether it is a processor on which torch has fast convolutions of integers."""
    there = all(hasattr(torch.ops.onednn, name) for name in INTEGERS)
    avx2 = getattr(torch.cpu, "_is_avx2_supported", None)
    return device.type == "cpu" and there and avx2 is not None and avx2()


def memory(device: torch.device) -> int:
    """Bytes of memory built into the device, as far as this process may use them."""
    machine = built_in()
    machine = min(machine, allowed() or machine)
    if device.type == "cuda":
        return min(machine, torch.cuda.get_device_properties(device).total_memory)
    return machine


def use_threads(count: int | None) -> None:
    """Let the work take so many of the processor's cores, for the network and for compiled loops.

    None: all that this process may use, which libraries know but for ``cores``.
    """
    if count is None:
        count = cores()
        if count is None or count >= torch.get_num_threads():
            return
    import cv2
    import numba

    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    cv2.setNumThreads(count)


def helpers(device: torch.device) -> int:
    """How many threads prepare frames, and as many cluster them, beside the network.

    A GPU would wait for one; on a CPU the network itself needs all cores.
    """
    return max(1, min(4, (os.cpu_count() or 1) // 4)) if device.type == "cuda" else 1


@contextmanager
def memory_errors() -> Iterator[None]:
    """What torch raises within where memory is short becomes a MemoryError."""
    try:
        yield
    except Exception as error:  # only CUDA has a class of its own for it
        if short_of_memory(error):
            raise MemoryError(brief(error)) from error
        raise


@contextmanager
def at_work(device: torch.device) -> Iterator[None]:
    """Within, a GPU is the current one, single precision is what it says, and equal frames give equal bytes.

    By default torch rounds what enters a GPU's convolutions to 10 bits (TF32), and may add up in any order. Of a
    processor, whose threads may be within at the same time, nothing is changed.
    """
    if device.type != "cuda":
        yield
        return
    backend = torch.backends.cudnn
    convolutions = backend.conv  # type: ignore[attr-defined]
    before = convolutions.fp32_precision, backend.deterministic
    convolutions.fp32_precision, backend.deterministic = "ieee", True
    try:
        with torch.cuda.device(device):
            yield
    finally:
        convolutions.fp32_precision, backend.deterministic = before


def upload(image: Tensor, device: torch.device) -> Tensor:
    """An image of the processor on the device; a GPU gets it from pinned memory, while it is at work."""
    if device.type != "cuda":
        return image.to(device)
    return image.pin_memory().to(device, non_blocking=True)


def download(result: Tensor) -> tuple[Tensor, "torch.cuda.Event | None"]:
    """A tensor of the device on the processor, and for a GPU the event after which it is there.

    The copy has a stream of its own: the GPU goes on with the next frame meanwhile.
    """
    if result.device.type != "cuda":
        return result.cpu(), None
    pinned = torch.empty(result.shape, dtype=result.dtype, pin_memory=True)
    aside = torch.cuda.Stream(result.device)  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream(result.device))
    with torch.cuda.stream(aside):
        pinned.copy_(result, non_blocking=True)
        result.record_stream(aside)  # its memory is not given to others before
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record(aside)
    return pinned, arrived
