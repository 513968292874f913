"""A step of the network over a movie: as it is, or on a GPU replayed as a CUDA graph after a warm-up.

A graph spares a GPU the launch of some hundred kernels a step, and runs the very same kernels.
"""

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from embedtrack.methods.embedtrack.branched import BranchedERFNet

log = logging.getLogger(__name__)

LONG = 50
"""Frames of a movie for which a graph is worth its capture, which costs a few steps and memory of its own."""


def worth_a_graph(compiling: str, device: torch.device, frames: int | None) -> bool:
    """Whether ``--compile`` asks for a graph on a device for a movie of so many frames (None: nobody knows yet).

    ``auto`` gives the bytes that ``off`` gives, sooner: on a GPU, for a long movie or a recording.
    """
    return compiling == "auto" and device.type == "cuda" and (frames is None or frames >= LONG)


class NetworkOutput(NamedTuple):
    """What a step makes of B views of frame t, of which the first T, one or none, are tracked."""

    features: Tensor
    """[T, 128, H/8, W/8]: for the next frame."""
    cells: Tensor
    """[B, 5, H, W]: the channels of offset, bandwidth and seediness."""
    shift: Tensor
    """[T, 2, H, W]: the tracking offset."""


class PairNetwork(nn.Module):
    """The network on views of two frames, those of the first one already encoded."""

    def __init__(self, network: BranchedERFNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Tensor, before: Tensor) -> NetworkOutput:
        """Views of frame t, [B, 1, H, W], and the features of the first T of them at t-1, [T, 128, H/8, W/8].

        Where T is 0 the axes after it may be any.
        """
        return self.seen(self.network.encode(batch), before)

    def first(self, batch: Tensor) -> NetworkOutput:
        """The same for a frame that none comes before: it is its own past."""
        features = self.network.encode(batch)
        return self.seen(features, features[:1])

    def seen(self, features: Tensor, before: Tensor) -> NetworkOutput:
        """The same of views that are encoded, [B, 128, H/8, W/8]."""
        now = features[: len(before)]
        offset, bandwidth, seediness = self.network.segment(features)
        shift = self.network.shift(now, before) if len(now) else offset[:0]
        return NetworkOutput(now, torch.cat([offset, bandwidth, seediness[:, None]], dim=1), shift)


PairFunction = Callable[[Tensor, Tensor], NetworkOutput]


class Accelerated:
    """A step that is faster after a warm-up; where that fails the plain step does the work, after one warning."""

    def __init__(self, step: PairNetwork, *, graphed: bool) -> None:
        self._plain, self._warm = step, set[tuple[torch.Size, int]]()
        self._faster: PairFunction | None = Graphed(step) if graphed else None

    def __call__(self, batch: Tensor, before: Tensor) -> NetworkOutput:
        """As ``PairNetwork``; what it gives is good until the next call."""
        if self._faster is None:
            return self._plain(batch, before)  # type: ignore[no-any-return]
        if (batch.shape, len(before)) in self._warm:
            return self._faster(batch, before)
        begin = time.perf_counter()
        try:
            output = self._faster(batch, before)
        except Exception as error:  # a kernel that no graph holds, too little memory, ...
            log.warning("--compile: %s; going on without", (str(error).strip() or repr(error)).splitlines()[0])
            self._faster = None
        if self._faster is None:  # not above, where the error still holds the memory of what has failed
            return self._plain(batch, before)  # type: ignore[no-any-return]
        self._warm.add((batch.shape, len(before)))
        views, _, height, width = batch.shape
        log.info("%d x %d x %d: warmed up in %.1f s", views, height, width, time.perf_counter() - begin)
        return output


class Graphed:
    """A step of which a GPU replays all kernels at once; one graph for each shape of a batch, tracked or not."""

    def __init__(self, step: PairFunction) -> None:
        self._step = step
        self._graphs: dict[tuple[torch.Size, int], _Graph] = {}

    def __call__(self, batch: Tensor, before: Tensor) -> NetworkOutput:
        """As the step; what it gives is good until the next call of this shape."""
        shape = (batch.shape, len(before))
        graph = self._graphs.get(shape)
        if graph is None:
            graph = self._graphs[shape] = _capture(self._step, batch, before)
        graph.batch.copy_(batch)
        graph.before.copy_(before)
        graph.graph.replay()
        return graph.output


class _Graph(NamedTuple):
    """A graph, and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: Tensor
    before: Tensor
    output: NetworkOutput


def _capture(step: PairFunction, batch: Tensor, before: Tensor) -> _Graph:
    """The graph of a step on tensors like these, on their device, which has to be the current one."""
    batch, before = batch.clone(), before.clone()  # clones keep the layout
    aside, here = torch.cuda.Stream(), torch.cuda.current_stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(here)
    with torch.cuda.stream(aside):  # libraries are set up, which no graph may hold
        step(batch, before)
    here.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other stages go on meanwhile
        output = step(batch, before)
    return _Graph(graph, batch, before, output)
