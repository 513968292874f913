from pathlib import Path

import numpy as np
import pytest

from benchmarks.crossvalidate import folds
from benchmarks.tracking_costs import Part, Source, lessons, score, search, sources, worse
from embedtrack.config import Costs
from embedtrack.model_files import CARD, CONFIG, WEIGHTS
from embedtrack.tracks.learn import learn
from embedtrack.types import Track
from tests.drawings import draw, moving, perfect_maps, seen, write_movie

SHAPE = (64, 128)


@pytest.fixture(scope="module")
def part() -> Part:
    """One cell that rests and one that divides, seen by a perfect network."""
    frames = [draw(SHAPE, {1: ((32, 24), 8), 2: ((32, 80), 8)})] * 4
    frames += [draw(SHAPE, {1: ((32, 24), 8), 3: ((32, 73), 6), 4: ((32, 87), 6)})] * 4
    maps = [perfect_maps(frames[t], frames[max(t - 1, 0)], {3: 2, 4: 2}) for t in range(8)]
    cells = [seen(labels, one.shift) for labels, one in zip(frames, maps, strict=True)]
    tracks = [Track(1, 0, 7, 0), Track(2, 0, 3, 0), Track(3, 4, 7, 2), Track(4, 4, 7, 2)]
    return Part("toy", cells, frames, tracks, 0, 3, 2)


def test_perfect_cells_score_one(part: Part):
    scores = score(part, Costs())
    assert [scores[name] for name in ("DET", "TRA", "LNK", "CT", "TF", "BC", "BIO")] == pytest.approx([1.0] * 7)


def test_what_is_learnt_from_it_finds_it_again(part: Part):
    assert score(part, learn([lessons(part)]))["TRA"] == pytest.approx(1)


def test_the_search_takes_the_best_of_each_choice():
    wanted = Costs().division["bias"] + 1
    best = search(Costs(), lambda costs: -abs(costs.appear - 7) - abs(costs.division["bias"] - wanted))
    assert (best.appear, best.vanish) == (7, 7)
    assert best.division["bias"] == pytest.approx(wanted)
    assert best.cell == Costs().cell


def test_worse_pictures_are_softer_and_noisier_and_always_the_same():
    rng = np.random.default_rng(0)
    image = (100 + 50 * (np.indices((64, 64))[1] > 32) + rng.normal(0, 2, (64, 64))).astype(np.uint16)
    soft, noisy = worse(image, 3, 0), worse(image, 0, 2)
    assert (
        np.abs(np.diff(soft[:, 28:37], axis=1)).max()
        < 20
        < np.abs(np.diff(image[:, 28:37].astype(float), axis=1)).max()
    )
    assert 3 < (noisy - image).std() < 6
    np.testing.assert_array_equal(noisy, worse(image, 0, 2))


def test_the_folds_that_are_trained_give_their_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dataset, out = tmp_path / "data" / "toy", tmp_path / "folds"
    write_movie(moving(), dataset)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "data"))
    early, late = folds(dataset, out / "toy")
    assert sources(["toy"], None, None, None, out) == []
    model = out / "toy" / f"{late.name}-seed0"
    model.mkdir()
    for name in (WEIGHTS, CONFIG, CARD):
        (model / name).write_text("trained")
    assert sources(["toy"], None, None, None, out) == [Source(f"toy {late.name}", dataset / "01", model, range(2))]
    assert early.frames == range(4, 6)
