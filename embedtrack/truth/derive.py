"""What a recipe leaves open follows from the movies: working scale, grid, crops and the range of motion."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from embedtrack.challenge import layout
from embedtrack.challenge.stills import has_stills, open_stills, shuffled
from embedtrack.movies.kind import normalisation_for
from embedtrack.movies.open import open_frames
from embedtrack.movies.scale import TYPICAL, scale_for
from embedtrack.movies.settings import Normalisation
from embedtrack.recipe import Recipe
from embedtrack.truth.medoid import medoids
from embedtrack.types import Labels

Item = TypeVar("Item")
SOME = 12
"""So many frames of a movie are looked at."""
MANY = 60
"""So many single images, which differ more."""
PIXEL_SIZES = (1 / 255, 1 / 511)
"""Grids to choose from; offsets reach 255 or 511 working pixels."""
CROPS = (256, 384, 512)
LONGEST = 256.0
"""Working pixels within which the network sees a cell as one; what is longer falls into pieces."""
VARIED, FAR = 2.0, 1.6
"""Where 19 of 20 cells span up to this many times the median, samples are zoomed by up to this factor."""
LOOKS = 0.2
"""Probability of each change of appearance, where cells are bright on dark: other movies are dimmer, or stained
otherwise. Movies of DIC-C2DH-HeLa gain nothing by it."""
MOTION = (2.0, 16.0)
"""The least and the largest standard deviation of artificial motion in working pixels."""


class Measures(NamedTuple):
    """What some frames tell of a data set's cells, in pixels."""

    diameters: list[float]
    """Of discs of the masks' areas."""
    extents: list[float]
    """Diagonals of the masks' bounding boxes."""
    motions: list[float]
    """From a marker's medoid to its next one."""
    longest: int
    """The frames' longest side."""


def derive(recipe: Recipe, folders: Sequence[Path]) -> Recipe:
    """Fill in what the recipe does not set.

    - ``scale``: brings the median cell to the size that suits the network, see ``movies/scale.py``, or 19 of 20 cells
      to what it sees as one, if that is less.
    - ``pixel_size``: 1/255, or 1/511 where more than a hundredth of the cells span more than 255 working pixels.
    - ``sampling.crop``: 256, or more where crops would not hold 1.25 times the median cell's extent, and large ones
      that of 19 of 20 cells; less where the frames are smaller.
    - ``augmentation.motion``: as far as 9 of 10 cells move at most between two frames; ``zoom``: more where cells
      differ much in length.
    - ``normalisation``: by the kind of the images; ``augmentation.appearance``: of bright cells on dark ground.

    The smallest cell's size follows from the training masks, see ``fit.start``; the border from the challenge's rules.
    """
    seen = measure(folders)
    typical, long = (float(np.percentile(seen.extents, p)) if seen.extents else 0.0 for p in (50, 95))
    scale = recipe.scale or scale_for(float(np.median(seen.diameters)) if seen.diameters else TYPICAL, long, LONGEST)
    changes: dict[str, object] = {"scale": scale}
    varied: dict[str, float] = {}
    if long > VARIED * typical and "zoom" not in recipe.augmentation.model_fields_set:
        varied["zoom"] = FAR
    if seen.extents and "pixel_size" not in recipe.model_fields_set:
        far = float(np.percentile(seen.extents, 99)) * scale
        changes["pixel_size"] = next((size for size in PIXEL_SIZES if far * size <= 1), PIXEL_SIZES[-1])
    if seen.extents and "crop" not in recipe.sampling.model_fields_set:
        median, large = 1.25 * typical * scale, 1.25 * long * scale
        crop = next((crop for crop in CROPS if crop >= max(median, large / 2)), CROPS[-1])
        crop = min(crop, 32 * math.ceil(seen.longest * scale / 32))
        changes["sampling"] = recipe.sampling.model_copy(update={"crop": crop})
    if seen.motions and "motion" not in recipe.augmentation.model_fields_set:
        motion = float(np.clip(np.percentile(seen.motions, 90) * scale, *MOTION))
        varied["motion"] = round(motion, 1)
    normalisation = recipe.normalisation
    if "normalisation" not in recipe.model_fields_set and (own := own_normalisation(folders)):
        changes["normalisation"] = normalisation = own
    if normalisation.bright and "appearance" not in recipe.augmentation.model_fields_set:
        varied["appearance"] = LOOKS
    if varied:
        changes["augmentation"] = recipe.augmentation.model_copy(update=varied)
    return recipe.model_copy(update=changes)


def own_normalisation(folders: Sequence[Path]) -> Normalisation | None:
    """How the grey values of some movies, or single images, are normalised by their kind; None without any frame."""
    images = _images(folders)
    return normalisation_for(images) if images else None


def _images(folders: Sequence[Path]) -> list[NDArray[Any]]:
    """Some single images; where there are none, two frames of each of some movies."""
    stills = [still for folder in folders if has_stills(folder) for still in open_stills(folder)]
    if stills:
        return [still.read()[0] for still in _some(shuffled(stills))]
    frames = [list(open_frames(folder).values()) for folder in _some(list(folders))]
    return [read() for movie in frames if movie for read in (movie[0], movie[-1])]


def measure(folders: Sequence[Path]) -> Measures:
    """Look at a dozen annotated frames of each sequence, or more single images; without masks at the markers."""
    seen = Measures([], [], [], 0)
    for folder in folders:
        if has_stills(folder):
            for still in _some(shuffled(open_stills(folder)), MANY):
                seen = _look(seen, layout.read_labels(still.masks))
            continue
        truth = layout.open_truth(folder)
        masks = truth.silver or truth.gold or truth.markers
        for number in _some(sorted(masks)):
            seen = _look(seen, layout.read_labels(masks[number]))
        for number in _some([n for n in sorted(truth.markers) if n + 1 in truth.markers]):
            seen.motions.extend(_motions(truth.markers[number], truth.markers[number + 1]))
    return seen


def _look(seen: Measures, labels: Labels) -> Measures:
    """With the cells of one more frame."""
    sizes = np.bincount(labels.ravel())
    for label, box in enumerate(find_objects(labels), start=1):
        if box is not None:
            seen.diameters.append(2 * math.sqrt(sizes[label] / math.pi))
            seen.extents.append(math.hypot(*(side.stop - side.start for side in box)))
    return seen._replace(longest=max(seen.longest, *labels.shape))


def _motions(before: Path, now: Path) -> Iterator[float]:
    """How far the markers that both images show have moved."""
    old, new = (medoids(layout.read_labels(path)) for path in (before, now))
    for label in old.keys() & new.keys():
        yield math.dist(old[label], new[label])


def _some(items: list[Item], count: int = SOME) -> list[Item]:
    """About so many of them, evenly spaced."""
    return items[:: -(-len(items) // count) or 1]
