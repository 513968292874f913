from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.model import Model
from embedtrack.movies.settings import Normalisation
from embedtrack.training.pseudo_labels import pseudo_labels, trusted
from embedtrack.truth.merge import UNKNOWN, Merged
from embedtrack.truth.reading import read_annotated
from tests.drawings import Known, draw, perfect_maps, touching, write_movie

SHAPE = (60, 90)
DISCS = {1: ((15, 15), 8), 2: ((15, 45), 8), 3: ((15, 75), 8), 4: ((45, 15), 8), 5: ((45, 45), 8)}
CELLS = draw(SHAPE, DISCS)


def test_what_agrees_with_markers_and_views_is_trusted():
    """Cells 1, 2, 3 and 5 have markers; 4 has a mask."""
    markers = draw(SHAPE, {label: (DISCS[label][0], 3) for label in (1, 2, 3, 5)})
    truth = Merged(np.where(CELLS == 4, 4, markers).astype(np.int32), frozenset({1, 2, 3, 5}))
    one = draw(SHAPE, DISCS | {2: ((15, 45), 5)})  # another size of cell 2
    eight = np.where(CELLS == 5, 0, CELLS).astype(np.int32)  # cell 5 is missed
    eight[45:55, 70:80] = one[45:55, 70:80] = 9  # a false mask
    assert np.array_equal(trusted(eight, one, truth), np.where(np.isin(CELLS, [1, 3]), CELLS, 0))


def test_a_mask_over_two_markers_or_a_known_mask_is_not():
    markers = draw(SHAPE, {1: ((15, 15), 3), 2: ((15, 25), 3), 3: ((45, 45), 3)})
    known = draw(SHAPE, {4: ((45, 52), 3)})
    truth = Merged(np.where(known > 0, known, markers).astype(np.int32), frozenset({1, 2, 3}))
    merging = draw(SHAPE, {1: ((15, 20), (6, 12)), 3: ((45, 48), (6, 12))})
    assert not trusted(merging, merging, truth).any()


def test_frames_whose_cells_all_have_masks_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    movie = read_annotated(write_movie(touching(), tmp_path / "toy"), Normalisation())
    labels = movie.labels[1].copy()
    markers = frozenset({1, 2, 3})
    only = Merged(np.where(labels == 0, UNKNOWN, labels).astype(np.int32), markers)
    partial = [markers if t == 1 else known for t, known in enumerate(movie.partial)]
    movie = replace(movie, partial=partial, truth=[only if t == 1 else truth for t, truth in enumerate(movie.truth)])

    monkeypatch.setattr(Segmenter, "frame", lambda *_: Known(perfect_maps(labels, labels, {})))
    found = pseudo_labels(Model(BranchedERFNet(), ModelConfig()), movie, "float32")
    assert found.keys() == {1}
    assert np.array_equal(found[1] > 0, labels > 0)
