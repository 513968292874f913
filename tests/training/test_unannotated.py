from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmented
from embedtrack.inference.symmetry import Symmetry
from embedtrack.training.pseudo_labels import AGREE
from embedtrack.training.unannotated import agreement, lessons, origins, spread, trust
from embedtrack.truth.merge import UNKNOWN
from embedtrack.types import Cells, Labels, Track
from tests.drawings import draw, moving, seen

SHAPE = (40, 80)
THREE = draw(SHAPE, {1: ((20, 15), 8), 2: ((20, 40), 8), 3: ((20, 65), 8)})


def test_a_mask_is_trusted_if_every_view_has_it():
    straight = draw(SHAPE, {1: ((20, 15), 8), 2: ((20, 40), 8)})
    turned = draw(SHAPE, {7: ((20, 15), 8), 8: ((20, 44), 8)})
    labels = trust(THREE, [straight, turned])
    assert set(np.unique(labels)) == {UNKNOWN, 0, 1}
    assert np.array_equal(labels == 1, THREE == 1)
    assert (labels[(THREE > 1) | ((turned == 8) & (THREE != 1))] == UNKNOWN).all()
    assert labels[20, 52] == UNKNOWN  # seen by one view alone
    assert labels[2, 40] == 0
    assert np.array_equal(trust(THREE, [THREE, THREE]), THREE)


def test_the_ground_around_a_trusted_mask_is_known():
    near = draw(SHAPE, {1: ((20, 15), 8), 2: ((20, 33), 8)})
    labels = trust(near, [near, np.where(near == 1, 1, 0).astype(np.int32)])
    assert labels[20, 24] == 0
    assert (labels[near == 2] == UNKNOWN).all()


@pytest.mark.parametrize("count", [2, 3, 5, 16, 17, 92])
def test_pairs_share_no_frame(count: int):
    seconds = spread(count, 8)
    assert len(seconds) == min(8, count // 2)
    frames = [t for second in seconds for t in (second - 1, second)]
    assert len(set(frames)) == len(frames)
    assert frames[0] == 0
    assert frames[-1] in (count - 2, count - 1)


class Seer:
    """Finds the cells of images that are labels; its second view does not see the cells of ``blind``."""

    def __init__(self, blind: frozenset[int] = frozenset()) -> None:
        self.model, self._blind = SimpleNamespace(config=ModelConfig()), blind

    def movie(self, images: Iterable[Labels]) -> Iterator[Segmented]:
        for image in images:
            yield Segmented(cells(image), dict)

    def in_views(self, image: Labels, views: Sequence[Symmetry]) -> tuple[Cells, list[Cells]]:
        assert len(views) == 2
        return cells(image), [cells(image), cells(np.where(np.isin(image, list(self._blind)), 0, image))]


def cells(labels: Labels) -> Cells:
    return seen(labels.astype(np.int32), np.zeros((2, *labels.shape), np.float32))


def test_a_model_that_is_sure_teaches_all_that_it_finds():
    toy = moving()
    found = lessons(Seer(), toy.labels, 3)
    assert len(found.pairs) == 3
    assert found.trusted == found.found == sum(len(np.unique(one)) - 1 for one in toy.labels[:6])
    assert found.agreement == agreement(Seer(), toy.labels, 3) == 1
    first, second = found.pairs[0].labels
    assert np.array_equal(first > 0, toy.labels[0] > 0)
    assert set(np.unique(first)) == set(np.unique(second))  # the same cells
    assert found.pairs[0].before(1) == 0


def test_lessons_of_other_movies_have_other_names():
    toy = moving()
    names = [[pair.name for pair in lessons(Seer(), frames, 2).pairs] for frames in (toy.labels, toy.labels[::-1])]
    assert not set(names[0]) & set(names[1])
    assert names[0] == [pair.name for pair in lessons(Seer(), toy.labels, 2).pairs]


def test_what_a_view_does_not_see_is_unknown():
    toy = moving()
    found = lessons(Seer(frozenset({2})), toy.labels, 1)
    assert (found.trusted, found.found) == (2, 4)
    assert (found.pairs[0].labels[0][toy.labels[0] == 2] == UNKNOWN).all()
    assert 0 < found.agreement < AGREE


def test_a_cell_that_was_not_trusted_before_is_no_newcomer():
    """2 was there, but its views disagreed; 3 is new; 4 and 5 are daughters."""
    tracks = [Track(1, 0, 1, 0), Track(2, 0, 1, 0), Track(3, 1, 1, 0), Track(4, 1, 1, 6), Track(5, 1, 1, 6)]
    before = draw(SHAPE, {1: ((20, 15), 8), 2: ((20, 40), 8), 6: ((20, 65), 8)})
    trusted = np.where(before == 2, UNKNOWN, before)
    assert origins(tracks, before, trusted) == {1: 0, 2: UNKNOWN, 3: 0, 4: 6, 5: 6}
