"""The model card: what a user must know to trust the weights."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from embedtrack.checkpoint import CARD
from embedtrack.config import Recipe
from embedtrack.data.movie import Movie
from embedtrack.validate import Score

TERMS = """The weights may be used and shared freely under this repository's licence. Movies of the Cell Tracking
Challenge are free to use for work on the challenge and may not be redistributed; cite Maška et al., Nature Methods
2023, and Ulman et al., Nature Methods 2017."""


def write_card(
    out: Path,
    movies: Sequence[Movie],
    recipe: Recipe,
    device: torch.device,
    seconds: float,
    scores: Mapping[int, Score],
) -> None:
    """Write the card of a finished training beside its weights."""
    data = "\n".join(f"- {movie.name}: {len(movie.frames)} annotated frames" for movie in movies)
    table = "\n".join(f"| {views} | {score.seg:.3f} | {score.det:.3f} |" for views, score in scores.items())
    text = f"""# {out.name}

EmbedTrack's branched ERFNet (Löffler & Mikut 2022), 2.5 million parameters.

## Data and terms

{data}

The first {1 - recipe.validation:.0%} of each movie trained the network, the end chose the best weights and the
thresholds in `config.json`. {TERMS}

## Training

Seed {recipe.seed}, {seconds / 3600:.2f} hours on {_machine(device)}, torch {torch.__version__}, commit {_commit()}.

```json
{recipe.model_dump_json(indent=2)}
```

## Scores

Means over the movies' validation frames, each frame by itself:

| views | SEG | DET |
|---|---|---|
{table}
"""
    (out / CARD).write_text(text, encoding="utf-8")


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} thread(s) of a {platform.machine()} {device.type}"


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
