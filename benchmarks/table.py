"""Our scores beside the published ones: ``python -m benchmarks.table DATASET/01.json ... --out table.md``."""

import json
from pathlib import Path
from typing import Annotated, NamedTuple

import typer


class Published(NamedTuple):
    """SEG and TRA of others."""

    embedtrack: tuple[float, float] | None = None
    """The published program on the challenge's hidden movies, trained on both training movies (challenge's site)."""
    payer: tuple[float, float] | None = None
    """Payer et al. 2019, two-fold cross-validation over the training movies."""


PUBLISHED = {
    "BF-C2DL-HSC": Published(embedtrack=(0.826, 0.985)),
    "BF-C2DL-MuSC": Published(embedtrack=(0.782, 0.974)),
    "DIC-C2DH-HeLa": Published((0.824, 0.934), (0.780, 0.924)),
    "Fluo-C2DL-MSC": Published(embedtrack=(0.579, 0.693)),
    "Fluo-N2DH-GOWT1": Published((0.929, 0.951), (0.777, 0.976)),
    "Fluo-N2DL-HeLa": Published(embedtrack=(0.906, 0.992)),
    "PhC-C2DH-U373": Published((0.920, 0.982), (0.748, 0.951)),
    "PhC-C2DL-PSC": Published(embedtrack=(0.740, 0.968)),
    "Fluo-N2DH-SIM+": Published(embedtrack=(0.830, 0.979)),
}
HEAD = """\
| data set | movie | SEG | DET | TRA | LNK | EmbedTrack, published: SEG / TRA | Payer et al.: SEG / TRA |
|---|---|---|---|---|---|---|---|
"""
NOTE = """
Ours are on the training movies named here; weights that were trained on them score higher than on new ones. Published
scores of EmbedTrack are on the challenge's hidden movies, those of Payer et al. a cross-validation.
"""


def row(path: Path) -> str:
    """A line for ``OUT/DATASET/SEQUENCE.json``."""
    scores = json.loads(path.read_text())
    dataset, movie = path.parent.name, path.stem
    ours = ["-" if scores[name] is None else f"{scores[name]:.3f}" for name in ("SEG", "DET", "TRA", "LNK")]
    theirs = ["-" if pair is None else f"{pair[0]:.3f} / {pair[1]:.3f}" for pair in PUBLISHED.get(dataset, Published())]
    return f"| {' | '.join((dataset, movie, *ours, *theirs))} |\n"


def main(
    scores: Annotated[list[Path], typer.Argument(help="What evaluate --json wrote.")],
    out: Annotated[Path, typer.Option(help="The table, Markdown.")],
) -> None:
    """Write the table."""
    out.write_text(HEAD + "".join(row(path) for path in scores) + NOTE)


if __name__ == "__main__":
    typer.run(main)
