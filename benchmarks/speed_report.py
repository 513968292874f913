"""What ``benchmarks/speed.py`` measured, as tables for people, a section of ``docs/speed.md``, and a plot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.plot import Line, Panel, draw

HEAD = ("whole job", "s / frame", "spread", "plain / it", "it / network alone", "it / attainable network", "SEG", "TRA")


def rows(found: dict[str, Any]) -> Iterator[list[str]]:
    """A row of cells per way to do the whole job, under ``HEAD``."""
    for name, seconds in found["seconds"].items():
        low, high = found["spread"][name]
        attainable, network = found["attainable"].get(name), found["ratio_network"].get(name)
        yield [
            f"{name} (default)" if name == found["default"] else name,
            f"{seconds:.3f}", f"{low:.3f} to {high:.3f}", f"{found['seconds']['plain'] / seconds:.1f}",
            f"{network:.2f}" if network else "", f"{seconds / attainable:.2f}" if attainable else "",
            *(f"{found[score][name]:.3f}" if name in found[score] else "" for score in ("seg", "tra")),
        ]  # fmt: skip


def section(found: dict[str, Any], plot: str) -> str:
    """The same in Markdown, for a page."""
    height, width = found["shape"]
    cells = found["seconds_by_cells"][max(found["seconds_by_cells"])]
    agreement = found["agreement"]
    memory, plain_memory = found["peak_bytes_one_view"], found["peak_bytes_plain"]
    lines = [
        f"One frame of {found['movie']} ({height} x {width}), {found['device']}, {found['threads']} threads: medians, "
        "measured in turn in one run by `.venv/bin/python -m benchmarks.speed`. *Plain* is the method as published "
        "(pairs of crops of 256, eight views, float32, batches of 32; a processor is faster pair by pair), "
        "*attainable* what our network's operations would take at the rate of this machine's best product of matrices "
        "or layer. Ours takes tracking offsets from one of eight views.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *("| " + " | ".join(row) + " |" for row in rows(found)),
        "",
        f"Cells found by both: mean Jaccard index {agreement['plain']:.3f} with the plain method, which sees crops"
        + "".join(f", {value:.3f} between float32 and {name}" for name, value in agreement.items() if name != "plain")
        + ". "
        f"1024 x 1024 pixels with {max(found['seconds_by_cells'])} cells: clustering {1000 * cells['cluster']:.0f} ms, "
        f"linking and lineage {1000 * cells['link']:.0f} ms of one core. "
        f"Time grows with pixels to the power of {found['growth_with_pixels']:.2f}, clustering with cells to the power "
        f"of {found['growth_with_cells']['cluster']:.2f}."
        + "".join(
            f" On {count} core{'s' * (count > 1)} the default takes {seconds:.2f} s."
            for count, seconds in found["seconds_by_cores"].items()
        )
        + (f" Peak memory {memory / 2**20:.0f} MB (one view), plain {plain_memory / 2**20:.0f} MB." if memory else ""),
        "",
        f"![Seconds a frame against size and against the number of cells]({plot})",
    ]
    return "\n".join(lines) + "\n"


def table(found: dict[str, Any]) -> list[Table]:
    """What was measured as tables: the ways, their stages, the number of cores, growth with size, growth with cells."""
    title = f"{found['movie']}, {found['shape'][0]} x {found['shape'][1]}, scale {found['scale']:g}, {found['device']}"
    ways = Table(*HEAD, title=title)
    for row in rows(found):
        ways.add_row(*row)
    shares = Table("ms / frame of", *found["stages"], title="Stages, one after the other")
    for stage in next(iter(found["stages"].values())):
        shares.add_row(stage, *(f"{1000 * times[stage]:.1f}" for times in found["stages"].values()))
    sizes = Table("side", "s / frame, 1 view", title=f"Size: pixels to the power of {found['growth_with_pixels']:.2f}")
    for side, seconds in found["seconds_by_size"].items():
        sizes.add_row(str(side), f"{seconds:.3f}")
    cores = Table("cores", "s / frame, default", title="The processor's cores")
    for count, seconds in found["seconds_by_cores"].items():
        cores.add_row(str(count), f"{seconds:.3f}")
    growth = " and ".join(f"{power:.2f}" for power in found["growth_with_cells"].values())
    cells = Table("cells", "cluster, ms", "link, ms", title=f"1024 x 1024: cells to the power of {growth}")
    for count, times in found["seconds_by_cells"].items():
        cells.add_row(str(count), *(f"{1000 * seconds:.1f}" for seconds in times.values()))
    return [ways, shares, cores, sizes, cells]


def plot(found: dict[str, Any], path: Path) -> None:
    """Seconds against size and against the number of cells."""
    sizes = {side**2 / 1e6: seconds for side, seconds in found["seconds_by_size"].items()}
    cells = {
        name: {count: times[name] for count, times in found["seconds_by_cells"].items()} for name in ("cluster", "link")
    }
    lines = [Line("clustering, 1024 x 1024", cells["cluster"]), Line("linking and lineage", cells["link"])]
    panels = [
        Panel([Line("whole job, float32, one view", sizes)], across="megapixels", up="seconds a frame"),
        Panel(lines, across="cells", up="seconds a frame, one core"),
    ]
    draw(path, panels)
