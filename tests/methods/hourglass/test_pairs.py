"""The network over a movie: windows, tiles, scales, and a state that a run can go on from."""

import numpy as np
import pytest
import torch
from torch import nn

from embedtrack.config import ModelConfig
from embedtrack.inference.segmenter import Segmenter
from embedtrack.inference.settled import views_of
from embedtrack.inference.tiles import Tile
from embedtrack.methods.embedtrack.movie import pixel_size
from embedtrack.methods.hourglass.config import Clustering, HourglassConfig
from embedtrack.methods.hourglass.network import RecurrentHourglasses
from embedtrack.methods.hourglass.pairs import Predictor, agreement, embed, plan_tiles
from embedtrack.methods.hourglass.start import build
from embedtrack.model import Model
from embedtrack.options import Options

SETTINGS = HourglassConfig(channels=4, levels=3, dimensions=4, length=3, clustering=Clustering(min_cell_size=4))


def model(scale: float = 1.0, tile: int = 2048) -> Model:
    """It has learnt nothing, but finds something: the bias of a new one makes all background."""
    torch.manual_seed(0)
    network = build(SETTINGS).eval()
    nn.init.zeros_(network.second.head.bias)
    return Model(network, ModelConfig(method=SETTINGS, scale=scale, tile=tile))


def movie(count: int = 5, shape: tuple[int, int] = (37, 50)) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        (rng.normal(100, 30, shape) + 200 * (rng.random(shape) < 0.2)).clip(0).astype(np.uint16) for _ in range(count)
    ]


def same(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_frame_is_seen_at_the_end_of_its_window():
    """Frame 4 by a network that has seen 0 to 4 is frame 2 by one that has seen 2 to 4."""
    frames = movie()
    whole = list(Segmenter(model()).movie(frames))
    late = list(Segmenter(model()).movie(frames[2:]))
    assert same(whole[4].cells, late[2].cells)
    assert not same(whole[3].cells, late[1].cells)


def test_a_state_goes_on():
    frames, segmenter = movie(), Segmenter(model())
    whole = list(segmenter.movie(frames))
    state = whole[2].state()
    assert {name: (value.dtype, value.shape) for name, value in state.items()} == {"window": (np.float32, (3, 37, 50))}
    rest = list(Segmenter(model()).movie(frames[3:], state))
    assert all(same(one.cells, other.cells) for one, other in zip(whole[3:], rest, strict=True))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_movies_shorter_than_a_window(count: int):
    found = list(Segmenter(model()).movie(movie(count)))
    assert [one.cells.labels.shape for one in found] == [(37, 50)] * count


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_cells_are_at_the_frames_own_scale(scale: float):
    (found,) = Segmenter(model(scale)).movie(movie(1))
    assert found.cells.labels.shape == found.cells.origin.shape == (37, 50)


def test_embeddings_of_two_frames_of_length_one_for_odd_sides():
    torch.manual_seed(0)
    network = build(SETTINGS).eval()

    def tiles(largest: int) -> list[Tile]:
        return plan_tiles((21, 300), ModelConfig(method=SETTINGS, tile=largest), network.multiple, torch.device("cpu"))

    window = tuple(np.random.default_rng(0).normal(size=(3, 21, 300)).astype(np.float32))
    (whole,) = embed(network, window, tiles(2048), "float32")
    assert whole.embeddings.shape == (2, 4, 21, 300)
    assert np.linalg.norm(whole.embeddings, axis=1) == pytest.approx(1, abs=1e-3)
    one, two = embed(network, window, tiles(256), "float32")
    assert one.tile.left == 0
    assert two.tile.left + two.embeddings.shape[3] == 300
    assert [view.embeddings.shape[:3] for view in (one, two)] == [(2, 4, 21)] * 2
    (single,) = embed(network, window[:1], tiles(2048), "float32")
    assert single.embeddings.shape[0] == 1


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_tiles_cover_the_frame(scale: float):
    shape, segmenter = (int(8 / scale), int(272 / scale)), Segmenter(model(scale, tile=256))
    (found,) = segmenter.movie(movie(1, shape))
    assert segmenter.used() == {"tiles": 2, "tile": [8, 256]}
    assert found.cells.labels.shape == shape
    assert found.cells.labels[:, -10:].any()


def test_agreement():
    embeddings = np.zeros((1, 2, 1, 4), np.float32)
    embeddings[0, 0, 0, [0, 1, 2]], embeddings[0, 1, 0, 3] = 1, 1
    labels = np.array([[[1, 1, 2, 2]]], np.int32)
    assert agreement(embeddings, labels)[1:].tolist() == pytest.approx([1, 0.5**0.5])


def test_eight_views_are_refused_and_one_is_the_default():
    assert Segmenter(model()).options.views == 1
    with pytest.raises(
        ValueError, match="expected --views 1 with a model of hourglass, whose views have no mean, got 8"
    ):
        Segmenter(model(), Options(views=8))
    assert (views_of(ModelConfig(), None), views_of(ModelConfig(), 1)) == (4, 1)
    assert [views_of(ModelConfig(views=1), asked) for asked in (None, 8)] == [1, 8]


def test_there_is_no_grid_of_offsets():
    with pytest.raises(ValueError, match="expected a model of embedtrack or embedseg, got one of hourglass"):
        pixel_size(model().config)


def test_the_network_runs_when_cells_are_asked_for():
    class Counting(RecurrentHourglasses):
        count = 0

        def forward(self, *given):
            Counting.count += 1
            return super().forward(*given)

    network = Counting(4, 3, 4).eval()
    predictor = Predictor(network, ModelConfig(method=SETTINGS), "float32")
    frame = np.zeros((16, 16), np.float32)
    pending = [predictor.launch(frame, (16, 16)) for _ in range(3)]
    assert Counting.count == 0
    pending[-1].cells()
    pending[-1].cells(ModelConfig(method=SETTINGS))
    assert Counting.count == 1
