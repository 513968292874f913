"""Where the network's time goes, layer by layer: ``python -m benchmarks.layers``.

One square frame in one view on one core, weights of chance; the medians of some runs.
"""

from statistics import median
from time import perf_counter
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from embedtrack.machine.heap import keep_memory
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.fast import for_inference

Times = dict[str, float]
"""Seconds by the name of a layer."""


def one_run(network: BranchedERFNet, frame: Tensor) -> Times:
    """The seconds of each layer, ``branch.number size``, of a frame [1, 1, H, W]."""
    times: Times = {}

    def through(name: str, branch: nn.Module | None, x: Tensor) -> Tensor:
        """What a branch makes of it, layer by layer."""
        for number, layer in enumerate(() if branch is None else branch.children()):
            begin = perf_counter()
            x = layer(x)
            seconds = perf_counter() - begin
            times[f"{name}.{number} {x.shape[1]} x {x.shape[2]} x {x.shape[3]}"] = seconds
        return x

    features = through("encoder", network.encoder, frame)
    through("segmentation", network.segmentation, features)
    through("seediness", network.seediness, features)
    through("tracking", network.tracking, torch.cat([features, features], dim=1))
    return times


@torch.inference_mode()
def measure(network: BranchedERFNet, side: int, repeats: int, precision: torch.dtype) -> Times:
    """The medians of the layers; the first run does not count."""
    frame = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    frame = frame.to(precision, memory_format=torch.channels_last)
    fast = for_inference(network.eval(), precision)
    runs = [one_run(fast, frame) for _ in range(repeats + 1)][1:]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def main(
    side: Annotated[int, typer.Option(help="Of the frame in pixels, a multiple of 8.", min=8)] = 512,
    repeats: Annotated[int, typer.Option(help="So many runs.", min=1)] = 9,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "bfloat16",
) -> None:
    """Print each layer's share, and the sum of all."""
    torch.set_num_threads(1)
    keep_memory()
    times = measure(BranchedERFNet(), side, repeats, getattr(torch, precision))
    whole = sum(times.values())
    table = Table("layer and its output", "ms", "share", title=f"{side} x {side}, {precision}")
    for name, seconds in (times | {"all": whole}).items():
        table.add_row(name, f"{1000 * seconds:.1f}", f"{seconds / whole:.1%}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
