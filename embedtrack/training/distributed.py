"""The processes that train one network together: started by torchrun, each takes its part of every batch.

Gradients, losses and the statistics of the batch norms are means over all processes, so that N processes with B crops
each learn what one process learns with N B crops.
"""

import datetime
import logging
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from embedtrack.machine import device

PATIENCE = datetime.timedelta(hours=2)
"""The others wait for so long while the first process validates."""


@dataclass(frozen=True)
class ProcessGroup:
    """One of ``size`` processes; alone unless torchrun started it."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process validates and writes files."""
        return self.rank == 0

    def share(self, network: nn.Module) -> nn.Module:
        """The network as it is trained: its parameters are the same, its gradients those of all processes."""
        if self.size == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        else:
            share_norms(network)
        return DistributedDataParallel(network, forward_sync_buffers=False)

    def mean(self, value: Tensor) -> Tensor:
        """The mean over all processes, without gradient."""
        if self.size == 1:
            return value.detach()
        return _total(value.detach()) / self.size

    def agree(self, value: float) -> float:
        """The first process's value: clocks differ, but all must stop at the same step."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, src=0)
        return shared.item()

    def vary(self, seed: int, step: int) -> None:
        """Let dropout differ between the processes; one alone keeps the chance that it was given."""
        if self.size > 1:
            torch.manual_seed(int(np.random.SeedSequence((seed, step, self.rank)).generate_state(1)[0]))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


def join(device_name: str = "auto") -> ProcessGroup:
    """This process's place among those that torchrun started (gloo on CPUs, nccl on GPUs), or a team of its own.

    Raises:
        ValueError: no such device.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen = device.choose(device_name)
    if size == 1:
        return ProcessGroup(chosen)
    if chosen.type == "cuda":
        chosen = device.choose(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
        torch.cuda.set_device(chosen)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
    if rank:
        logging.getLogger("embedtrack").setLevel(logging.ERROR)
    return ProcessGroup(chosen, rank, size)


def leave() -> None:
    """End the communication of the processes."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


class SharedNorm(nn.BatchNorm2d):
    """A batch norm over the batches of all processes, for devices on which torch's own ``SyncBatchNorm`` is missing."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise [B, C, H, W] with the mean and the variance of all processes' batches of this size."""
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        values, size = input.float(), dist.get_world_size()
        mean = _sum(values.mean(dim=(0, 2, 3))) / size  # [C]
        centred = values - mean[:, None, None]
        variance = _sum(centred.square().mean(dim=(0, 2, 3))) / size  # [C]
        count = values.numel() / values.shape[1] * size
        with torch.no_grad():
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
            momentum = self.momentum or 0.0
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * count / max(count - 1, 1), momentum)
        scale = self.weight / torch.sqrt(variance + self.eps)  # [C]
        normalised = centred * scale[:, None, None] + self.bias[:, None, None]
        return normalised.to(input.dtype)


class _Sum(torch.autograd.Function):
    """The sum over all processes, and of the gradients on the way back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        """Sum a tensor of any shape."""
        return _total(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Sum its gradient."""
        return _total(gradients[0])


def _total(value: Tensor) -> Tensor:
    total = value.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


def _sum(value: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
    return total


def share_norms(network: nn.Module) -> None:
    """Replace every batch norm by one that all processes share, with the same state; in place."""
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            shared = SharedNorm(child.num_features, eps=child.eps, momentum=child.momentum)
            shared.load_state_dict(child.state_dict())
            setattr(network, name, shared.to(next(child.parameters()).device))
        else:
            share_norms(child)
