"""The machine: device, memory, and the folders that are written to."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from embedtrack.doctor.finding import Finding, short

SMALL = 1.5e9
"""Bytes of memory with which frames of a megapixel are already cut into tiles."""
FULL = 1e9
"""Bytes on a disk below which a long movie's masks may not fit."""


def device(name: str) -> Iterator[Finding]:
    """What the network runs on, by the name that ``--device`` has."""
    import torch

    from embedtrack.machine.device import choose, fast_precision, use_threads

    device = choose(name)
    use_threads(None)
    if device.type == "cuda":
        what = f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    else:
        what = f"{platform.machine()} {_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    yield Finding("device", f"{device}: {what}, {fast_precision(device)} is fastest, torch {torch.__version__}")
    if device.type == "cpu" and shutil.which("nvidia-smi"):
        yield Finding("device", "there is an NVIDIA driver, but torch sees no GPU: is it torch for CPUs, or older?")


def _processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def memory() -> Iterator[Finding]:
    """What is built in, what a container allows, and what a GPU has."""
    import torch

    from embedtrack.machine.allowance import allowed, built_in
    from embedtrack.machine.device import choose

    machine, most = built_in(), allowed() or built_in()
    text = f"{machine / 1e9:.1f} GB" + (f", of which {most / 1e9:.1f} GB are allowed" if most < machine else "")
    small = min(most, machine) < SMALL
    yield Finding("memory", text + ("; little: large frames may not fit, see docs/faq.md" if small else ""))
    if choose().type == "cuda":
        free, total = torch.cuda.mem_get_info()
        yield Finding("memory", f"GPU: {total / 1e9:.1f} GB, {free / 1e9:.1f} GB free")


def places() -> Iterator[Finding]:
    """The working folder, the folder for temporary files, and that of compiled code."""
    fault = "" if os.access(".", os.W_OK) else "nothing can be written there: change to another folder"
    yield Finding("working folder", f"{short(Path.cwd())}, {_free(Path.cwd())}", fault)
    try:
        scratch = Path(tempfile.gettempdir())
        yield Finding("temporary files", f"{short(scratch)}, {_free(scratch)}")
    except OSError:
        yield Finding("temporary files", "no folder can be written: set TMPDIR if something asks for one")
    from embedtrack.methods.embedtrack import cluster

    cache = getattr(cluster._gather, "_cache", None)
    path = Path(str(getattr(cache, "cache_path", "")))
    kept = f"kept in {short(path)}" if cache and path.is_dir() and os.access(path, os.W_OK) else "not kept here"
    yield Finding("compiled code", kept)


def _free(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    return f"{free / 1e9:.1f} GB free" + (", which is little" if free < FULL else "")
