import logging

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from embedtrack.inference.tiles import plan
from embedtrack.methods.embedtrack import accelerate as steps
from embedtrack.methods.embedtrack.accelerate import (
    LONG,
    Accelerated,
    Graphed,
    NetworkOutput,
    PairNetwork,
    worth_a_graph,
)
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.fast import for_inference
from embedtrack.methods.embedtrack.predict import Predictor, Prepared

CPU, CUDA = torch.device("cpu"), torch.device("cuda:1")
SHAPE = (40, 56)


@pytest.fixture
def frames() -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(0, 1, (4, *SHAPE)).astype(np.float32))


@pytest.mark.parametrize(
    ("compiling", "device", "frames", "graphed"),
    [
        ("auto", CPU, 10_000, False),
        ("auto", CPU, None, False),
        ("auto", CUDA, 1, False),  # a frame by itself
        ("auto", CUDA, LONG - 1, False),
        ("auto", CUDA, LONG, True),
        ("auto", CUDA, None, True),
        ("auto", torch.device("mps"), LONG, False),
        ("off", CUDA, 10_000, False),
    ],
)
def test_what_is_worth_its_warm_up(compiling: str, device: torch.device, frames: int | None, graphed: bool):
    assert worth_a_graph(compiling, device, frames) is graphed


@torch.inference_mode()
def test_the_first_frame_is_its_own_past(network: BranchedERFNet):
    step, batch = PairNetwork(for_inference(network)), torch.randn(1, 1, *SHAPE)
    seen = step.first(batch)
    for one, same in zip(seen, step(batch, seen.features), strict=True):
        assert torch.equal(one, same)
    assert seen.cells.shape == (1, 5, *SHAPE)
    assert seen.shift.shape == (1, 2, *SHAPE)


@torch.inference_mode()
def test_the_first_view_of_a_batch_is_tracked_or_none(network: BranchedERFNet):
    step, now, old = PairNetwork(for_inference(network)), torch.randn(3, 1, *SHAPE), torch.randn(3, 1, *SHAPE)
    one, none = step(now, step.first(old).features), step(now, now[:0])
    exclusive = step(now[:1], step.first(old[:1]).features)
    torch.testing.assert_close(one.shift, exclusive.shift)
    torch.testing.assert_close(one.features, exclusive.features)
    torch.testing.assert_close(one.cells, none.cells)
    assert none.features.shape == (0, 128, SHAPE[0] // 8, SHAPE[1] // 8)
    assert none.shift.shape == (0, 2, *SHAPE)


@pytest.mark.parametrize("views", [1, 8])
def test_each_frame_passes_encoder_and_segmentation_once_and_each_pair_the_tracking_decoder(
    network: BranchedERFNet, frames: list[np.ndarray], views: int
):
    """Counted in views of tiles, whatever way they are batched."""
    tiles = plan(SHAPE, 40, overlap=16)
    predictor = Predictor(Prepared(network), tiles, views)
    seen = dict.fromkeys(("encoder", "segmentation", "seediness", "tracking"), 0)

    def counting(name: str) -> object:
        def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            seen[name] += len(output)

        return count

    for name in seen:
        getattr(predictor.pair_network.network, name).register_forward_hook(counting(name))
    for frame in frames:
        predictor(frame)
    assert len(tiles) == 2
    once = len(frames) * len(tiles)
    assert seen.pop("tracking") == once
    assert set(seen.values()) == {views * once}


def test_nothing_is_warmed_up_before_the_first_frame_has_fitted(network: BranchedERFNet, frames: list[np.ndarray]):
    """And features outlast a step that writes into the same memory each time, as a graph does."""
    predictor, plain = (Predictor(Prepared(network), plan(SHAPE, 128), views=8) for _ in range(2))
    shapes, kept = list[tuple[int, ...]](), torch.empty(0)

    def accelerated(batch: Tensor, before: Tensor) -> NetworkOutput:
        nonlocal kept
        shapes.append((*batch.shape, len(before)))
        seen = predictor.pair_network(batch, before)
        kept = kept if len(kept) or not len(before) else torch.empty_like(seen.features)
        return seen._replace(features=kept.copy_(seen.features)) if len(before) else seen

    predictor.accelerated = accelerated
    for t, frame in enumerate(frames):
        for expected, found in zip(plain(frame), predictor(frame), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert len(shapes) == 8 * t


class Doubled:
    """A step of plain arithmetic that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, batch: Tensor, before: Tensor) -> NetworkOutput:
        self.calls += 1
        tracked = batch[: len(before)]
        return NetworkOutput(2 * tracked, batch + 1, tracked + before)


def test_a_warm_up_that_fails_leaves_the_plain_step_and_one_warning(caplog: pytest.LogCaptureFixture):
    def fails(batch: Tensor, before: Tensor) -> NetworkOutput:
        raise RuntimeError("no kernel\nthat a graph holds")

    plain = Doubled()
    accelerated = Accelerated(plain, graphed=False)
    accelerated._faster = fails
    x = torch.ones(1, 1, 2, 3)
    for _ in range(3):
        assert torch.equal(accelerated(x, x).features, 2 * x)
    assert plain.calls == 3
    assert [record.message for record in caplog.records] == ["--compile: no kernel; going on without"]


def test_the_warm_up_of_each_shape_is_told_once(caplog: pytest.LogCaptureFixture):
    accelerated = Accelerated(Doubled(), graphed=False)
    accelerated._faster = Doubled()
    with caplog.at_level(logging.INFO):
        for shape in ((4, 1, 16, 8), (4, 1, 8, 16), (4, 1, 16, 8)):
            accelerated(torch.ones(shape), torch.ones(shape))
    assert [record.message.split(":")[0] for record in caplog.records] == ["4 x 16 x 8", "4 x 8 x 16"]


class Played:
    """Stands in for a CUDA graph: replays a step in the memory that it was captured with."""

    def __init__(self, step: Doubled) -> None:
        self.step = step

    def replay(self) -> None:
        for kept, value in zip(self.output, self.step(self.batch, self.before), strict=True):
            kept.copy_(value)


def test_a_graph_serves_all_batches_of_its_shape(monkeypatch: pytest.MonkeyPatch):
    step, captured = Doubled(), []

    def capture(step: Doubled, batch: Tensor, before: Tensor) -> steps._Graph:
        graph = Played(step)
        graph.batch, graph.before = torch.empty_like(batch), torch.empty_like(before)
        graph.output = NetworkOutput(torch.empty_like(before), torch.empty_like(batch), torch.empty_like(before))
        captured.append((tuple(batch.shape), len(before)))
        return steps._Graph(graph, graph.batch, graph.before, graph.output)

    monkeypatch.setattr(steps, "_capture", capture)
    graphed = Graphed(step)
    one, two = torch.full((2, 1, 3, 4), 1.0), torch.full((2, 1, 3, 4), 2.0)
    first = graphed(one, two[:1]).features.clone()
    assert torch.equal(first, 2 * one[:1])
    second = graphed(two, first)
    assert torch.equal(second.features, 2 * two[:1])
    assert torch.equal(second.cells, two + 1)
    assert torch.equal(second.shift, two[:1] + first)
    graphed(torch.ones(2, 1, 4, 3), torch.ones(1, 1, 4, 3))
    graphed(one, one[:0])  # as large, and nothing of it is tracked
    assert captured == [((2, 1, 3, 4), 1), ((2, 1, 4, 3), 1), ((2, 1, 3, 4), 0)]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_graph_on_a_gpu_gives_the_bytes_of_the_plain_step(
    network: BranchedERFNet, frames: list[np.ndarray], precision: str, caplog: pytest.LogCaptureFixture
):
    network.cuda()
    plain, graphed = (
        Predictor(Prepared(network, precision), plan(SHAPE, 128), graphed=graphed) for graphed in (False, True)
    )
    for frame in frames:
        for expected, found in zip(plain(frame), graphed(frame), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert "going on without" not in caplog.text
