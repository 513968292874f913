"""Several models, each validated by movies that train the others."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from embedtrack.truth.sequences import sequences


def divide(datasets: Sequence[Path], count: int) -> list[list[Path]]:
    """The movies of each fold, which validate there: every ``count``-th one.

    Raises:
        ValueError: there are fewer movies than folds.
    """
    movies = [movie for dataset in datasets for movie in sequences(dataset)]
    if len(movies) < count:
        raise ValueError(
            f"expected --folds {len(movies)} at most, for as many annotated movies are there, got {count}; without "
            "--folds the end of each movie validates"
        )
    return [movies[start::count] for start in range(count)]


def markdown(parts: Mapping[Path, Sequence[Path]], scores: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each fold, and one of means."""
    names = list(dict.fromkeys(name for found in scores.values() for name in found))
    rows = [["fold", "validated by", *names], ["---"] * (len(names) + 2)]
    for place, held in parts.items():
        found = scores[str(place)]
        movies = ", ".join(f"{movie.parent.name}/{movie.name}" for movie in held)
        rows.append([place.name, movies, *(f"{found[name]:.3f}" if name in found else "-" for name in names)])
    columns = {name: [found[name] for found in scores.values() if name in found] for name in names}
    rows.append(["mean", "", *(f"{sum(them) / len(them):.3f}" for them in columns.values())])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
