"""Our scores beside the published ones: ``python -m benchmarks.table DATASET/01.json ... --out table.md``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from embedtrack.challenge.datasets import DATASETS, DataSet

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
    known = DATASETS.get(dataset, DataSet())
    theirs = ["-" if pair is None else f"{pair[0]:.3f} / {pair[1]:.3f}" for pair in (known.published, known.payer)]
    return f"| {' | '.join((dataset, movie, *ours, *theirs))} |\n"


def main(
    scores: Annotated[list[Path], typer.Argument(help="What evaluate --json wrote.")],
    out: Annotated[Path, typer.Option(help="The table, Markdown.")],
) -> None:
    """Write the table."""
    out.write_text(HEAD + "".join(row(path) for path in scores) + NOTE)


if __name__ == "__main__":
    typer.run(main)
