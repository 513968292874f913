"""Where the network runs and in which precision."""

import logging

import torch
from torch import nn

log = logging.getLogger(__name__)


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


def place(network: nn.Module, device: torch.device) -> None:
    """Move a network to a device, in the memory layout that its convolutions are fastest in."""
    network.to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fast_precision(device: torch.device) -> str:
    """``bfloat16`` where the device computes it natively, else ``float32``."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    if device.type == "cpu":
        asked = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
        return "bfloat16" if any(ask() for ask in asked if ask) else "float32"
    return "float32"
