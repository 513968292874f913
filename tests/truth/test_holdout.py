from dataclasses import replace
from pathlib import Path

from embedtrack.truth.holdout import held_back, split
from tests.training.test_fit import movies


def test_sparse_masks_are_shared_between_training_and_validation(tmp_path: Path):
    """Of 20 frames 3, 7, 11 and 12 have masks of two cells; a tenth of the eight is one, so frame 12 is enough."""
    [movie] = movies(tmp_path)[:1]
    ones = [frozenset[int]() if t in (3, 7, 11, 12) else frozenset({1, 2}) for t in range(20)]
    long = replace(
        movie,
        numbers=list(range(20)),
        tracked=[True] * 20,
        partial=ones,
        merged_with=(),
        **{name: [getattr(movie, name)[0]] * 20 for name in ("frames", "labels", "centres", "sizes", "truth")},
    )
    assert held_back(long, 0.1) == range(11, 13)  # two of twenty frames
    assert held_back(long, 0.6) == range(1, 13)
    assert held_back(long, 0.0) == range(13, 13)
    bare = replace(long, partial=[frozenset({1, 2})] * 20)
    assert held_back(bare, 0.1) == range(18, 20)
    training_part, validation = split([long], 0.1)
    assert training_part[0].numbers == [*range(11), *range(13, 20)]
    assert validation[0].numbers == [11, 12]
    assert training_part[0].before(11) == 11


def test_the_last_tenth_validates(tmp_path: Path):
    [movie] = movies(tmp_path)[:1]
    training_part, validation = split([movie], 0.3)
    assert [len(part[0].frames) for part in (training_part, validation)] == [4, 2]
    assert validation[0].frames[-1] is movie.frames[-1]
    for length in (2, 3, 4):  # a tenth is less than half a frame, but one is held back
        short = [part[0].numbers for part in split([movie.part(range(length))], 0.1)]
        assert short == [list(range(length - 1)), [length - 1]]
    single = movie.part([0])
    assert [len(part[0].frames) for part in split([single], 0.1)] == [1, 1]
