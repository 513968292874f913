import numpy as np
import pytest

from embedtrack.config import Costs
from embedtrack.tracks import deflate as deflating
from embedtrack.tracks.candidates import scene_of
from embedtrack.tracks.deflate import deflate, inflate
from embedtrack.tracks.lineage import Lineage
from embedtrack.tracks.window import Window
from tests.drawings import draw, seen
from tests.tracks.test_window import crowd, decide, drawn


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflating, "LARGE", 0)


@pytest.mark.usefixtures("all_are_large")
def test_what_was_deflated_is_there_again():
    scene = scene_of(seen(draw((40, 70), {1: ((9, 9), 7), 2: ((20, 50), 9)}), np.zeros((2, 40, 70), np.float32)))
    scene.rivals[18:22, 40:50] = 3
    small = deflate(scene)
    assert (small.labels.size, small.rivals.size, small.origin.size) == (0, 0, 0)
    assert deflate(small) is small
    again = inflate(small)
    np.testing.assert_array_equal(again.labels, scene.labels)
    np.testing.assert_array_equal(again.rivals, scene.rivals)
    assert again.table is scene.table
    assert inflate(scene) is scene


def test_small_frames_stay_as_they_are():
    scene = scene_of(seen(draw((40, 70), {1: ((9, 9), 7)}), np.zeros((2, 40, 70), np.float32)))
    assert deflate(scene) is scene


def test_decisions_are_the_same(monkeypatch: pytest.MonkeyPatch):
    """With gaps in them, and by a window that went on from a state."""
    movie = crowd()
    expected = drawn(decide(movie))
    monkeypatch.setattr(deflating, "LARGE", 0)
    np.testing.assert_array_equal(drawn(decide(movie)), expected)
    window, lineage, masks = Window(Costs(), 2), Lineage(2), []
    for frame in movie:
        masks += [lineage.add(one) for one in window.add(seen(frame, np.zeros((2, *frame.shape), np.float32)))]
        assert sum(scene.deflated is None for scene in window.scenes) <= 10  # 6 that may be cut, 2 + 2 for links
        kept = window.state()
        window = Window(Costs(), 2)
        window.restore(kept)
    masks += [lineage.add(one) for one in window.finish()]
    straight, plain = Lineage(2), Window(Costs(), 2)
    monkeypatch.undo()
    decided = [one for frame in movie for one in plain.add(seen(frame, np.zeros((2, *frame.shape), np.float32)))]
    np.testing.assert_array_equal(masks, [straight.add(one) for one in decided + plain.finish()])
