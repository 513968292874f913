"""Which frames of the annotated movies train the network, and which are held back to validate it."""

from collections.abc import Sequence

from embedtrack.truth.annotated import AnnotatedMovie


def split(movies: Sequence[AnnotatedMovie], share: float) -> tuple[list[AnnotatedMovie], list[AnnotatedMovie]]:
    """Take some frames of each movie for validation; a movie of a single frame serves for both."""
    training, validation = [], []
    for movie in movies:
        kept = held_back(movie, share)
        training.append(movie.part(t for t in range(len(movie.frames)) if t not in kept))
        validation.append(movie.part(kept or range(len(movie.frames))))
    require_masks(training, "training")
    return training, validation


def require_masks(movies: Sequence[AnnotatedMovie], what: str) -> None:
    """Raise ValueError unless some frame has masks."""
    if not any(movie.has_masks(t) for movie in movies for t in range(len(movie.frames))):
        raise ValueError(f"expected annotated cells in the {what} frames, found none; check the _GT and _ST folders")


def held_back(movie: AnnotatedMovie, share: float) -> range:
    """The frames that validate and do not train: the last ones, at least one stays.

    In a movie of which most cells have no masks they end with the last mask, and are as many more as it takes to hold
    that share of the masks.
    """
    length = len(movie.frames)
    end, count = length, min(max(length - round(length * (1 - share)), 1 if share else 0), length - 1)
    masks = [len(movie.centres[t].keys() - movie.partial[t]) for t in range(length)]
    if movie.sparse and count and any(masks):
        end = max(t for t in range(length) if masks[t]) + 1
        enough = next(n for n in range(1, end + 1) if sum(masks[end - n : end]) >= share * sum(masks))
        count = min(max(count, enough), end - 1)
    return range(end - count, end)
