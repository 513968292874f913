"""A movie that nobody has annotated -> lessons for a model: the masks that the model finds alike in several views."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from embedtrack.challenge.aogm import quality
from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.symmetry import TURNED
from embedtrack.movies.normalise import as_frame
from embedtrack.tracks.relabel import present
from embedtrack.tracks.tracker import Tracker, finished
from embedtrack.training.pseudo_labels import alike
from embedtrack.truth.annotated import AnnotatedMovie, see
from embedtrack.truth.merge import UNKNOWN, Merged
from embedtrack.types import Labels, Track

PAIRS = 8
"""So many pairs of frames, spread over the movie."""
RIM = 3
"""The ground of so many pixels around a trusted mask is trusted too."""
DOUBT = 2
"""So many pixels around all other masks teach nothing."""


class Lessons(NamedTuple):
    """What a model makes of a movie for itself."""

    pairs: list[AnnotatedMovie]
    """Two frames each."""
    trusted: int
    """Masks that teach, ..."""
    found: int
    """... of all."""
    agreement: float
    """Mean panoptic quality of the masks of two views, in [0, 1]: how sure the model is of this movie."""


def lessons(segmenter: Segmenter, frames: Sequence[NDArray[Any]], pairs: int = PAIRS) -> Lessons:
    """The model's own masks of some pairs of frames, those of which its views disagree UNKNOWN.

    Args:
        segmenter: with the model, in as many views as its masks shall be taken from.
        frames: the movie's, [H, W] each, of which a few are read.
        pairs: how many at most.
    """
    config, found, qualities = segmenter.model.config, list[AnnotatedMovie](), list[float]()
    trusted = masks = 0
    for second in spread(len(frames), pairs):
        images = [np.asarray(frames[t]) for t in (second - 1, second)]
        tracker = Tracker(config, 0)
        found_masks = finished(tracker, (one.cells for one in segmenter.movie(images)))
        tracked = [mask.astype(np.int32) for mask in found_masks]
        truth = []
        for image, mask in zip(images, tracked, strict=True):
            straight, turned = (one.labels for one in segmenter.in_views(image, TURNED)[1])
            labels = trust(mask, [straight, turned])
            qualities.append(quality(straight, turned))
            trusted, masks = trusted + len(present(labels)), masks + len(present(mask))
            truth.append(labels)
        parents = origins(tracker.tracks(), tracked[0], truth[0])
        found.append(_pair(images, truth, parents, config, f"pair {second} {_digest(images)}"))
    return Lessons(found, trusted, masks, float(np.mean(qualities)))


def agreement(segmenter: Segmenter, frames: Sequence[NDArray[Any]], pairs: int = PAIRS) -> float:
    """The mean panoptic quality of the masks of two views, in [0, 1], on the frames of ``lessons``."""
    images = (np.asarray(frames[t]) for second in spread(len(frames), pairs) for t in (second - 1, second))
    views = (segmenter.in_views(image, TURNED)[1] for image in images)
    return float(np.mean([quality(straight.labels, turned.labels) for straight, turned in views]))


def spread(count: int, most: int) -> list[int]:
    """The second frames of pairs that share none, evenly over a movie of so many frames, two at least."""
    there = count // 2
    return [2 * round(pair) + 1 for pair in np.linspace(0, there - 1, min(most, there)).tolist()]


def trust(labels: Labels, views: Sequence[Labels]) -> Labels:
    """The masks of ``labels`` int32[H, W] that each of the views has too; UNKNOWN where any sees another cell."""
    agreed = set.intersection(*(alike(labels, view) for view in views))
    kept = np.where(np.isin(labels, list(agreed)), labels, 0).astype(np.int32)
    others = (labels > 0) & (kept == 0)
    doubted = binary_dilation(others | (np.any([view > 0 for view in views], axis=0) & (kept == 0)), iterations=DOUBT)
    certain = binary_dilation(kept > 0, iterations=RIM) & ~others
    kept[doubted & ~certain] = UNKNOWN
    return kept


def origins(tracks: Sequence[Track], mask: Labels, trusted: Labels) -> dict[int, int]:
    """The mother of each cell; of one that was there before, but not as a cell to be trusted, UNKNOWN."""
    doubted = set(present(mask).tolist()) - set(present(trusted).tolist())
    return {track.label: UNKNOWN if track.label in doubted else track.parent for track in tracks}


def _digest(images: Sequence[NDArray[Any]]) -> str:
    """What tells images from those of another movie: an unfinished training goes on with its own alone."""
    return hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest()[:12]


def _pair(
    images: Sequence[NDArray[Any]], truth: Sequence[Labels], parents: dict[int, int], config: ModelConfig, name: str
) -> AnnotatedMovie:
    """Two frames with their labels as a movie of the model's scale."""
    seen = [see(Merged(labels, frozenset()), config.scale, "medoid") for labels in truth]
    return AnnotatedMovie(
        name=name,
        numbers=[0, 1],
        frames=[as_frame(image, config.scale, config.normalisation) for image in images],
        labels=[one.labels() for one in seen],
        partial=[frozenset() for _ in seen],
        centres=[one.centres for one in seen],
        sizes=[one.sizes for one in seen],
        parents=parents,
        truth=[one.truth() for one in seen],
        scale=config.scale,
        centre="medoid",
        tracked=[True, True],
    )
