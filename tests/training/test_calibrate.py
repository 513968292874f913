from pathlib import Path

import numpy as np
import pytest

from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.movies.settings import Normalisation
from embedtrack.training import calibrate as calibration
from embedtrack.training.calibrate import (
    Score,
    calibrate,
    detection_errors,
    earlier,
    fewest,
    score,
    search,
    validation_seg,
)
from embedtrack.truth.merge import UNKNOWN, Merged
from embedtrack.truth.reading import read_annotated
from tests.drawings import Known, disc, draw, moving, perfect_maps, touching, write_movie

SHAPE = (40, 60)
TRUTH = draw(SHAPE, {1: ((10, 12), 6), 2: ((10, 40), 6), 3: ((30, 30), 6)})


def test_nothing_wrong():
    assert detection_errors(TRUTH, TRUTH) == (0, 30)


def test_one_missed_one_false_one_merged():
    assert detection_errors(TRUTH, np.where(TRUTH == 2, 0, TRUTH)) == (10, 30)
    false = draw(SHAPE, {9: ((30, 52), 5)})
    assert detection_errors(TRUTH, np.where(TRUTH > 0, TRUTH, false)) == (1, 30)
    assert detection_errors(TRUTH, np.where(TRUTH == 2, 1, TRUTH)) == (5, 30)


def test_what_is_unknown_is_not_false():
    unknown = np.where(TRUTH == 3, UNKNOWN, TRUTH)
    assert detection_errors(unknown, TRUTH) == (0, 20)


def test_empty_result_and_empty_truth():
    nothing = np.zeros(SHAPE, np.int32)
    assert detection_errors(TRUTH, nothing) == (30, 30)
    assert detection_errors(nothing, TRUTH) == (3, 0)


def test_score_of_perfect_maps(tmp_path: Path):
    movie = read_annotated(write_movie(touching(), tmp_path / "toy"), Normalisation())
    maps = perfect_maps(TRUTH, TRUTH, {})
    assert score([[(Merged(TRUTH, frozenset()), movie, Known(maps))]], ModelConfig()) == (1, 1)
    assert score([], ModelConfig()) == (0, 0)


def test_markers_count_for_detection_but_not_for_outlines(tmp_path: Path):
    """Cell 3 is found by a mask far larger than its marker, cell 2 is missed."""
    movie = read_annotated(write_movie(touching(), tmp_path / "toy"), Normalisation())
    marked = np.where((TRUTH == 3) & ~disc(SHAPE, (30, 30), 2), UNKNOWN, TRUTH)
    maps = perfect_maps(np.where(TRUTH == 2, 0, TRUTH), TRUTH, {})
    seg, det = score([[(Merged(marked, frozenset({3})), movie, Known(maps))]], ModelConfig())
    assert seg == pytest.approx(1 / 2)  # of cells 1 and 2
    assert det == pytest.approx(2 / 3)
    only = Merged(np.where(TRUTH == 3, 3, 0).astype(np.int32), frozenset({3}))
    assert score([[(only, movie, Known(maps))]], ModelConfig()) == (
        0,
        pytest.approx(1 - 1 / 10),
    )  # cell 1 is then false


def test_calibration_finds_the_threshold_that_keeps_the_rims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Maps whose rims have a seediness of 0.27 and whose ground has one of 0.22."""
    movie = read_annotated(write_movie(touching(), tmp_path / "toy"), Normalisation())

    def predictions(*_: object, **__: object):
        for truth in movie.labels:
            maps = perfect_maps(truth, truth, {})
            rim = (truth > 0) & (np.random.default_rng(0).random(truth.shape) < 0.3)
            maps.seediness[rim] = 0.27
            maps.seediness[truth == 0] = 0.22
            yield Merged(truth, frozenset()), movie, Known(maps)

    monkeypatch.setattr(calibration, "predictions", predictions)
    config, scores = calibrate(BranchedERFNet(), ModelConfig(), [movie], "float32")
    assert config.method.clustering.mask_threshold == 0.25
    assert scores[4] == scores[2] == scores[1] == (1, 1)
    assert config.views == 1


def test_as_few_views_as_lose_nothing():
    one, two, four = Score(0.800, 0.95), Score(0.8185, 0.95), Score(0.820, 0.951)
    assert fewest({1: one, 2: two, 4: four}) == 2
    assert fewest({1: one, 2: two._replace(det=0.94), 4: four}) == 4
    assert fewest({1: one}) == 1


def test_the_search_finds_what_only_two_fields_together_reach():
    def merit(config: ModelConfig) -> float:
        settings = config.method.clustering
        reach, low = settings.reach or 1.0, settings.mask_threshold
        return -((reach - 0.2) ** 2) - (low - reach / 2) ** 2 - (settings.seed_threshold - 0.4) ** 2

    found = search(ModelConfig(), merit)
    chosen = found.method.clustering
    assert (chosen.reach, chosen.mask_threshold, chosen.seed_threshold) == (0.2, 0.1, 0.4)
    assert search(found, merit) == found
    highest = search(ModelConfig(), lambda config: config.method.clustering.mask_threshold)
    assert highest.method.clustering.mask_threshold == 0.5  # never above the seeds'


def test_of_what_is_equally_good_the_most_lenient_is_taken():
    """Cells of another movie are seen less surely than those that validate."""
    begun = ModelConfig(method=EmbedTrackConfig(clustering=Clustering(reach=0.3, mask_threshold=0.4)))
    chosen = search(begun, lambda config: 0.9).method.clustering
    assert (chosen.reach, chosen.mask_threshold, chosen.seed_threshold) == (0.5, 0.05, 0.3)

    def merit(config: ModelConfig) -> float:
        return min(config.method.clustering.mask_threshold, 0.2) * slope

    slope = 0.1
    assert search(begun, merit).method.clustering.mask_threshold == 0.2
    slope = 0.001
    assert search(begun, merit).method.clustering.mask_threshold == 0.05


def test_an_untrained_network_scores_nothing(tmp_path: Path):
    movie = read_annotated(write_movie(touching(), tmp_path / "toy"), Normalisation())
    assert validation_seg(BranchedERFNet().eval(), ModelConfig(), [movie]) == 0


def test_earlier_frames_lead_to_one_without_a_gap(tmp_path: Path):
    movie = read_annotated(write_movie(moving(), tmp_path / "toy"), Normalisation())
    assert earlier(movie, 5, 3) == [2, 3, 4]
    assert earlier(movie, 2, 7) == [0, 1]
    assert earlier(movie, 3, 0) == earlier(movie, 0, 3) == []
    gap = movie.part([0, 1, 3, 4])
    assert [gap.numbers[t] for t in earlier(gap, 3, 3)] == [3]
