"""Where the network runs: device, precision, memory, and the way of frames there and back."""

import ctypes
import logging
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from embedtrack.files.guard import brief, short_of_memory

log = logging.getLogger(__name__)

MALLOC = {
    "trim threshold": (-1, 2**31 - 1),  # never give back the top of the heap
    "mmap threshold": (-3, 32 * 2**20),  # blocks up to 32 MiB, the most that glibc allows, come from the heap
    "arenas": (-8, 1),  # one heap for all threads: those of other threads are small and given back whole
}
"""The options of ``keep_memory``: numbers from malloc.h, and values."""
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


def built_in() -> int:
    """Bytes of memory built into the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def allowed(system: Path = Path("/")) -> int | None:
    """Bytes that a container or a cluster's job leaves this process, by its control group or one above; None: all.

    Beyond them nothing fails: the system kills.
    """
    return min((int(text) for text in _limits(system, "memory.max") if text.isdigit()), default=None)  # "max" is none


def cores(system: Path = Path("/")) -> int | None:
    """As many cores as a container may use the time of (``docker run --cpus 4``), at least one; None: all.

    The others are still counted as there. Threads on all of them use up the time at once, and stand still until more
    is given.
    """
    pairs = [text.split() for text in _limits(system, "cpu.max")]  # microseconds of all that pass; "max" is all
    return min((max(1, int(time) // int(period)) for time, period in pairs if time.isdigit()), default=None)


def _limits(system: Path, name: str) -> list[str]:
    """What a file of this process' control group, and of those above, says."""
    try:
        own = (system / "proc/self/cgroup").read_text().rpartition("::/")[2].strip()
    except OSError:
        return []
    found = []
    for group in (own, *map(str, Path(own).parents)):
        with suppress(OSError):
            found.append((system / "sys/fs/cgroup" / group / name).read_text().strip())
    return found


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


def keep_memory() -> None:
    """Let the C library keep the memory that is freed: a network frees and takes the same hundred blocks every frame.

    Each page that goes back to the system costs a page fault when it is taken again, tens of thousands
    of them a frame. Works with glibc; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in MALLOC.values():
            mallopt(option, value)


def give_back() -> None:
    """Let the C library give the system all memory that nobody uses, wherever it lies in the heap.

    What is taken again costs page faults: for the end of large frames, not for every step. Works with glibc.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def compact(parts: Iterable[nn.Module]) -> Iterator[None]:
    """Within, free memory goes back to the system after each of some parts of a network, and at the end.

    A network's first pass on a CPU takes small blocks for good between large ones, after which the holes that these
    leave suit no other: the heap would stay twice as large as any later pass needs.
    """
    hooks = [part.register_forward_hook(lambda *_: give_back()) for part in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        give_back()


def peak_memory() -> int:
    """The most memory that this process has had so far, in megabytes; on macOS the system counts bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3))
