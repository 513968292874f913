"""One process of a small training, started by torchrun or alone: FOLDER of movies, OUT, BATCH of each process."""

import itertools
import json
import sys
from pathlib import Path

import torch

from embedtrack.methods.embedtrack import method
from embedtrack.recipe import Recipe, Sampling
from embedtrack.training import fit as fitting
from embedtrack.training.distributed import join, leave
from embedtrack.training.fit import fit
from embedtrack.truth.holdout import split
from embedtrack.truth.reading import read_annotated_movies

folder, out, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
start = method.start


def without_dropout(*words: object) -> object:
    """Chance cannot be the same in one process and in two."""
    network, config = start(*words)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.p = 0.0
    return network, config


method.start = without_dropout
fitting.device.fast_precision = lambda _: "float32"  # bf16 would hide what differs
group = join("cpu")
recipe = Recipe(sampling=Sampling(crop=32, large=0.3), batch=batch, epochs=50)
training, validation = split(
    read_annotated_movies([folder / "moving" / "01", folder / "dividing" / "01"], recipe.normalisation), 0.3
)
records = list(itertools.islice(fit(training, validation, out, recipe, group), 3))
if group.leads:
    out.mkdir(exist_ok=True)
    (out / "records.json").write_text(json.dumps([record["total"] for record in records]))
leave()
