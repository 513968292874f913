"""The model card: what a user must know to trust the weights."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from embedtrack.challenge.datasets import DATASETS, TERMS
from embedtrack.challenge.revision import revision
from embedtrack.checkpoint import CARD, WEIGHTS
from embedtrack.files.whole import whole_file
from embedtrack.model_files import digest
from embedtrack.recipe import Recipe
from embedtrack.training.calibrate import Score
from embedtrack.training.distributed import ProcessGroup
from embedtrack.truth.annotated import AnnotatedMovie

FREE = "The weights may be used and shared freely under this repository's licence."
OWN_TERMS = "Whether the weights may be shared is for the owner of the movies to say."
TEXT = """# {name}

{method}.
`{weights}`: sha256 `{digest}`.

## Data and terms

{data}

The validation frames{held} chose the best weights and the thresholds in `config.json`. {terms}
{notes}
## Training

{start} Seed {seed}, {hours:.2f} hours on {machine}, torch {torch},
commit {commit}.

```json
{recipe}
```

## Scores

Means over the movies' validation frames, each frame by itself:

| views | SEG | DET |
|---|---|---|
{table}
"""


def write_card(
    out: Path,
    training: Sequence[AnnotatedMovie],
    validation: Sequence[AnnotatedMovie],
    recipe: Recipe,
    group: ProcessGroup,
    seconds: float,
    scores: Mapping[int, Score],
    pseudo: int = 0,
    begun: str | None = None,
) -> None:
    """Write the card of a finished training beside its weights.

    Args:
        out: the model's folder.
        training: the movies that trained.
        validation: what was held back of each.
        recipe: what was trained with.
        group: the device and the number of processes.
        seconds: of training.
        scores: number of views -> means over the validation movies.
        pseudo: so many pseudo-labels, masks of the network itself, completed the truth.
        begun: the ``origin`` of fine-tuned weights.
    """
    pairs = _pairs(training, validation)
    data = "\n".join(_data(name, *pair) for name, pair in pairs.items())
    table = "\n".join(f"| {views} | {score.seg:.3f} | {score.det:.3f} |" for views, score in scores.items())
    notes = "".join(f"\n{note}\n" for note in _notes(training, pseudo, tracking=recipe.tracking_weight > 0))
    known = all(name.partition("/")[0] in DATASETS for name in pairs)
    held = "" if any(_shared(*pair) for pair in pairs.values()) else " trained nothing; they"
    start = f"Fine-tuned from {begun}." if begun else "From random initialisation."
    terms = f"{FREE} {TERMS.strip()}" if known else OWN_TERMS
    text = TEXT.format(
        name=out.name, method=recipe.method.title, weights=WEIGHTS, digest=digest(out / WEIGHTS), data=data, held=held,
        terms=terms, notes=notes, start=start, seed=recipe.seed, hours=seconds / 3600, machine=_machine(group),
        torch=torch.__version__, commit=revision(), recipe=recipe.model_dump_json(indent=2), table=table,
    )  # fmt: skip
    with whole_file(out / CARD) as path:
        path.write_text(text, encoding="utf-8")


def origin(model: Path) -> str:
    """What a card says of the weights that a training began with: their name and the start of their SHA-256."""
    return f"the weights of {model.resolve().name} ({digest(model / WEIGHTS)[:12]}...)"


def _pairs(
    training: Sequence[AnnotatedMovie], validation: Sequence[AnnotatedMovie]
) -> dict[str, tuple[AnnotatedMovie | None, AnnotatedMovie | None]]:
    """What trains and what validates of each movie, by its name; several of one name are told apart by a number."""
    trains, validates = ({_nth(part, i): movie for i, movie in enumerate(part)} for part in (training, validation))
    return {name: (trains.get(name), validates.get(name)) for name in dict.fromkeys((*trains, *validates))}


def _nth(movies: Sequence[AnnotatedMovie], index: int) -> str:
    name = movies[index].name
    before = sum(movie.name == name for movie in movies[:index])
    return f"{name} ({before + 1})" if before else name


def _data(name: str, training: AnnotatedMovie | None, validation: AnnotatedMovie | None) -> str:
    """One movie's line."""
    numbers = {number for movie in (training, validation) if movie for number in movie.numbers}
    line = f"- {name}: {len(numbers)} annotated frames"
    if validation is None:
        return f"{line}, all of which train"
    if training is None:
        return f"{line}, all of which validate"
    both = ", and train too: there are no others" if _shared(training, validation) else ""
    return f"{line}; frames {validation.numbers[0]} to {validation.numbers[-1]} validate{both}"


def _shared(training: AnnotatedMovie | None, validation: AnnotatedMovie | None) -> bool:
    """Whether frames that validate train too."""
    return bool(training and validation and set(training.numbers) & set(validation.numbers))


def _notes(training: Sequence[AnnotatedMovie], pseudo: int, *, tracking: bool) -> Iterator[str]:
    """What the truth lacked."""
    bare = sum(len(partial) for movie in training for partial in movie.partial)
    if pseudo or bare:
        yield (
            f"Of the training frames' cells {pseudo} have a marker and a pseudo-label, the network's mask from a first "
            f"training, that agreed with it and between views; {bare} have a marker alone, which teaches where they "
            "are, but no size."
        )
    if tracking and not all(all(movie.tracked) for movie in training):
        yield (
            "Where there are no tracks, the tracking decoder saw shifted copies of single frames: it can follow cells "
            "that move a little and has never seen a division."
        )


def _machine(group: ProcessGroup) -> str:
    processes = f"{group.size} x " if group.size > 1 else ""
    if group.device.type == "cuda":
        return processes + torch.cuda.get_device_name(group.device)
    return f"{processes}{torch.get_num_threads()} thread(s) of a {platform.machine()} {group.device.type}"
