"""The ranges of a model's activations, for ``--precision int8``: ``python -m benchmarks.ranges DATASET...``.

They are the largest values on frames of ``$DATA_ROOT`` that trained the model, spread over each movie; they go into its
``config.json``. Whether int8 keeps the scores is told by ``benchmarks/validation.py``.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
import typer
from torch import Tensor

from benchmarks.validation import frames_of
from embedtrack import checkpoint
from embedtrack.challenge import layout
from embedtrack.challenge.convention import data_root, models
from embedtrack.inference.tiles import LARGEST, crop, plan
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.eight_bits import ranges
from embedtrack.methods.embedtrack.predict import OVERLAP
from embedtrack.model import Model
from embedtrack.movies.normalise import as_frame
from embedtrack.truth.sequences import sequences

Pair = tuple[Tensor, Tensor]


def pairs(model: Model, folder: Path, movies: Path, count: int) -> Iterator[Pair]:
    """So many frames of each movie that trained the model, [1, 1, H, W] each, and those before them."""
    for movie in sequences(movies):
        paths, validate = layout.open_frames(movie), frames_of(folder, movie)
        train = [t for t in paths if t not in validate and t - 1 in paths]
        for t in (train[index] for index in np.linspace(0, len(train) - 1, count).astype(int)):
            yield _tile(model, paths[t]), _tile(model, paths[t - 1])


def _tile(model: Model, path: Path) -> Tensor:
    """The frame, or the first tile of a large one."""
    frame = as_frame(layout.read_frame(path), model.config.scale, model.config.normalisation)
    tile = plan((frame.shape[0], frame.shape[1]), LARGEST, OVERLAP)[0]
    return crop(torch.from_numpy(frame), tile)[None, None]


def main(
    datasets: Annotated[list[str], typer.Argument(help="With weights and data.")],
    frames: Annotated[int, typer.Option(help="Of each movie.", min=1)] = 10,
) -> None:
    """Measure, and note in the model's config.json."""
    for name in datasets:
        folder = models() / name
        model = checkpoint.load(folder)
        found = ranges(cast(BranchedERFNet, model.network), pairs(model, folder, data_root() / name, frames))
        config = json.loads((folder / checkpoint.CONFIG).read_text())
        config["ranges"] = {block: [float(f"{value:.3g}") for value in largest] for block, largest in found.items()}
        lists = re.compile(r"\[\s+([^][]*?)\s+\]")
        text = lists.sub(lambda numbers: f"[{' '.join(numbers[1].split())}]", json.dumps(config, indent=2))
        (folder / checkpoint.CONFIG).write_text(text + "\n")
        typer.echo(f"{name}: ranges of {len(found)} blocks, up to {max(map(max, found.values())):.3g}")


if __name__ == "__main__":
    typer.run(main)
