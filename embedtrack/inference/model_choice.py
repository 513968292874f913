"""Which shipped model fits a movie: each looks at a frame in two views, which must agree, and the likely ones at more.

How they are compared says ``model_ranks.py``.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from embedtrack import checkpoint
from embedtrack.challenge.aogm import quality
from embedtrack.challenge.convention import model_names, models
from embedtrack.inference.adapt import adapt, middle
from embedtrack.inference.model_ranks import Assessment, Ranked, in_words, judge, near, rank
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.symmetry import TURNED
from embedtrack.machine import device
from embedtrack.model_files import CONFIG
from embedtrack.movies.kind import skew
from embedtrack.movies.movie import Movie
from embedtrack.options import Options
from embedtrack.tracks.relabel import at_edge

log = logging.getLogger(__name__)

FRAMES = 3
"""So many frames are looked at, at most, evenly spaced."""
SIDE = 640
"""Of larger frames only a square of this side, at their middle: the same one for all models."""
SECONDS = 60.0
"""By the clock: after them no model looks at a further frame."""


class Fit(NamedTuple):
    """The model that was chosen, and how far to trust that."""

    model: Path
    agreement: float
    """Its score: the agreement of its views, less where its cells have another size or others find more."""
    verdict: str
    sure: bool
    table: tuple[Ranked, ...] = ()
    """All models, the best first."""

    def note(self) -> dict[str, Any]:
        """As a result's record has it."""
        return {"model_choice": self.verdict, "agreement": round(self.agreement, 3), "sure": self.sure}


OnModel = Callable[[int, int | None], None]
"""Called with the looks that are done, and all that there may be."""


def choose_model(movie: Movie, device_name: str = "auto", precision: str = "auto") -> Path:
    """The shipped model that fits a movie best: see ``choose``."""
    return choose(movie, device_name, precision).model


def choose(
    movie: Movie, device_name: str = "auto", precision: str = "auto", on_model: OnModel = lambda done, total: None
) -> Fit:
    """The shipped model that fits a movie best; the log says how sure that is, and warns if none fits.

    All models look at one frame, the middle one unless it is empty. Those within NEAR of the best look at further ones.

    Args:
        movie: what will be tracked.
        device_name: where the networks run.
        precision: theirs; what a choice needs is not much.
        on_model: see ``OnModel``.

    Raises:
        ValueError: no model is there.
    """
    begin, names = time.monotonic(), choosable()
    if not names:
        raise ValueError(f"expected models in {models()}, got none; train one, or name a folder with --model")
    images = [movie.frames[i] for i in sorted({round(i) for i in np.linspace(0, len(movie) - 1, FRAMES)})]
    where, centre = device.choose(device_name), len(images) // 2
    order = [centre, *range(centre), *range(centre + 1, len(images))]
    looks = 0

    def look(folder: Path, index: int) -> Assessment:
        nonlocal looks
        looks += 1
        seen = assess(folder, [images[index]], where, precision)
        on_model(looks, None)
        return seen

    seen: dict[Path, Assessment] = {}
    for number, index in enumerate(order):
        likely = [models() / name for name in names] if not any(one.diameters for one in seen.values()) else near(seen)
        if number and (len(likely) == 1 or time.monotonic() - begin > SECONDS):
            break
        for folder in likely:
            before, further = seen.get(folder), look(folder, index)
            if before is None or not before.diameters:
                seen[folder] = further
            elif further.diameters:  # an empty frame decides nothing
                seen[folder] = before.and_also(further)
    ranked = rank(list(seen.values()))
    for one in ranked:
        log.info("%s: %s", one.seen.model.name, in_words(one))
    verdict, sure = judge(ranked, skew(images))
    log.log(logging.INFO if sure else logging.WARNING, "--model auto: %s", verdict)
    return Fit(ranked[0].seen.model, ranked[0].score, verdict, sure, tuple(ranked))


def choosable() -> list[str]:
    """The models that see a frame by itself as they do in a movie: a choice looks at a few frames alone."""
    configs = {name: checkpoint.read_config(models() / name / CONFIG) for name in model_names()}
    return [name for name, config in configs.items() if not config.method.implementation().history(config)]


def assess(folder: Path, images: Sequence[NDArray[Any]], where: torch.device, precision: str = "float32") -> Assessment:
    """How the model in a folder sees some frames [H, W] of a movie."""
    options = Options(device=str(where), precision=precision)
    parts = [middle(image, SIDE) for image in images]
    segmenter = Segmenter(adapt(Segmenter(checkpoint.load(folder), options).model, parts, options), options)
    qualities: list[float] = []
    diameters: list[float] = []
    whole: list[float] = []
    for image in parts:
        _, (straight, turned) = segmenter.in_views(image, TURNED)
        found = straight.labels
        qualities.append(quality(found, turned.labels))
        labels, areas = np.unique(found[found > 0], return_counts=True)
        sizes = 2 * np.sqrt(areas / np.pi)
        cut = np.isin(labels, at_edge(found))
        diameters += sizes.tolist()
        whole += sizes[~cut].tolist()
    learnt = segmenter.model.config.cell_diameter
    return Assessment(folder, tuple(qualities), tuple(diameters), learnt, tuple(whole))
