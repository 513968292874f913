"""Where the network's time goes, and what fewer channels leave of it: ``python -m benchmarks.layers``.

One square frame in one view on one core, weights of chance; the medians of some runs, networks in turn.
"""

from collections.abc import Mapping, Sequence
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

CHANNELS = ((16, 64, 128), (12, 48, 96), (16, 32, 64), (8, 32, 64))
"""At 1/2, 1/4 and 1/8 of the resolution; the published ones first."""
Times = dict[str, float]
"""Seconds by the name of a layer, or of a branch."""


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
def measure(networks: Sequence[BranchedERFNet], side: int, repeats: int, precision: torch.dtype) -> list[Times]:
    """The medians of each network's layers; all networks take turns, and the first turn does not count."""
    frame = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    frame = frame.to(precision, memory_format=torch.channels_last)
    fast = [for_inference(network.eval(), precision) for network in networks]
    runs = [[one_run(network, frame) for network in fast] for _ in range(repeats + 1)][1:]
    return [{name: median(run[i][name] for run in runs) for name in runs[0][i]} for i in range(len(networks))]


def by_branch(times: Mapping[str, float]) -> Times:
    """The sums of the layers of each branch, and of all."""
    branches: Times = {}
    for name, seconds in times.items():
        branch = name.partition(".")[0]
        branches[branch] = branches.get(branch, 0.0) + seconds
    return branches | {"all": sum(times.values())}


def main(
    side: Annotated[int, typer.Option(help="Of the frame in pixels, a multiple of 8.", min=8)] = 512,
    repeats: Annotated[int, typer.Option(help="So many runs.", min=1)] = 9,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "bfloat16",
) -> None:
    """Print the layers of the published network, and the branches of slimmer ones."""
    torch.set_num_threads(1)
    keep_memory()
    networks = [BranchedERFNet(channels=channels) for channels in CHANNELS]
    found = measure(networks, side, repeats, getattr(torch, precision))
    layers = Table("layer and its output", "[ms]", "share", title=f"{side} x {side}, {precision}")
    for name, seconds in found[0].items():
        layers.add_row(name, f"{1000 * seconds:.1f}", f"{seconds / sum(found[0].values()):.1%}")
    slimmer = Table("channels", "parameters", *by_branch(found[0]), "of the first", title="Fewer channels [ms]")
    for channels, network, times in zip(CHANNELS, networks, found, strict=True):
        sums = by_branch(times)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        share = sums["all"] / by_branch(found[0])["all"]
        cells = [f"{1000 * seconds:.0f}" for seconds in sums.values()]
        slimmer.add_row(", ".join(map(str, channels)), f"{parameters / 1e6:.2f} M", *cells, f"{share:.2f}")
    for table in (layers, slimmer):
        Console(width=max(100, Console().width)).print(table)


if __name__ == "__main__":
    typer.run(main)
