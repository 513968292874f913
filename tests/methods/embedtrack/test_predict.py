import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from embedtrack.config import ModelConfig
from embedtrack.inference.symmetry import AVERAGED, do, do_axes, do_vectors
from embedtrack.inference.tiles import plan
from embedtrack.methods.embedtrack import predict
from embedtrack.methods.embedtrack.accelerate import NetworkOutput
from embedtrack.methods.embedtrack.branched import BranchedERFNet
from embedtrack.methods.embedtrack.features import Features
from embedtrack.methods.embedtrack.movie import MoviePredictor
from embedtrack.methods.embedtrack.pending import Pending
from embedtrack.methods.embedtrack.predict import BYTES_PER_PIXEL, Predictor, Prepared, _groups, plan_tiles
from embedtrack.options import Options

SHAPE = (40, 56)


@pytest.fixture
def frames() -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(0, 1, (3, *SHAPE)).astype(np.float32))


def test_keeping_features_equals_the_network_on_pairs(network: BranchedERFNet, frames: list[np.ndarray]):
    predictor = Predictor(Prepared(network), plan(SHAPE, 128), views=1)
    for before, now in zip([frames[0], *frames], frames, strict=False):
        maps = predictor(now)
        with torch.no_grad():
            slow, _ = network(torch.from_numpy(now)[None, None], torch.from_numpy(before)[None, None])
        for found, expected in zip(maps, slow, strict=True):
            np.testing.assert_allclose(found, expected[0], atol=1e-5)


@pytest.mark.parametrize("views", [2, 4, 8])
def test_views_are_the_mean_over_a_group(network: BranchedERFNet, frames: list[np.ndarray], views: int):
    """Turning the movie by one of them turns the maps: vectors with it, bandwidths by axis."""
    straight = Predictor(Prepared(network), plan(SHAPE, 128), views)
    maps = [straight(frame) for frame in frames[:2]][-1]
    for symmetry in AVERAGED[views]:
        turned = [np.ascontiguousarray(do(frame, symmetry)) for frame in frames[:2]]
        predictor = Predictor(Prepared(network), plan(turned[0].shape, 128), views)
        seen = [predictor(frame) for frame in turned][-1]
        np.testing.assert_allclose(seen.offset, do_vectors(maps.offset, symmetry), atol=1e-5)
        np.testing.assert_allclose(seen.bandwidth, do_axes(maps.bandwidth, symmetry), atol=1e-5)
        np.testing.assert_allclose(seen.seediness, do(maps.seediness, symmetry), atol=1e-5)


def test_the_tracking_offset_is_that_of_the_frame_as_it_is(network: BranchedERFNet, frames: list[np.ndarray]):
    one, eight = (Predictor(Prepared(network), plan(SHAPE, 128), views) for views in (1, 8))
    for frame in frames:
        np.testing.assert_array_equal(eight(frame).shift, one(frame).shift)


def test_views_in_batches_give_what_they_give_one_by_one(network: BranchedERFNet, frames: list[np.ndarray]):
    single, batched = (Predictor(Prepared(network), plan(SHAPE, 128), views=8) for _ in range(2))
    batched.groups = _groups(8, torch.device("cuda"))
    for frame in frames:
        for expected, found in zip(single(frame), batched(frame), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.usefixtures("four_threads")
def test_views_at_the_same_time_give_the_bytes_of_one_after_the_other(
    network: BranchedERFNet, frames: list[np.ndarray]
):
    single, several = (Predictor(Prepared(network), plan(SHAPE, 128), views=8, together=room) for room in (0, 2**29))
    assert (single.workers.count, several.workers.count) == (1, 4)
    for frame in frames:
        for expected, found in zip(single(frame), several(frame), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("views", [1, 8])
def test_frames_side_by_side_give_the_bytes_of_one_after_the_other(
    network: BranchedERFNet, frames: list[np.ndarray], views: int
):
    """Each in a thread of its own; the last one begins first, and waits for the features of those before."""
    tiles = plan(SHAPE, 40, overlap=16)
    alone, beside = (Predictor(Prepared(network), tiles, views) for _ in range(2))
    expected = [alone(frame) for frame in frames]
    first, *later = [beside.launch(frames[0]), *(beside.later(frame) for frame in frames[1:])]
    with ThreadPoolExecutor(len(later)) as pool:
        rest = list(pool.map(lambda one: one.fetch(), reversed(later)))[::-1]
    for maps, others in zip([first.fetch(), *rest], expected, strict=True):
        for found, right in zip(maps, others, strict=True):
            np.testing.assert_array_equal(found, right)
    for number, features in alone.before.all().items():
        assert torch.equal(beside.before[number], features)


def test_a_frame_that_fails_ends_those_that_wait_for_it(
    network: BranchedERFNet, frames: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
):
    predictor = Predictor(Prepared(network), plan(SHAPE, 40, overlap=16), views=1)
    predictor(frames[0])
    second, third = predictor.later(frames[1]), predictor.later(frames[2])

    def too_much(*args: object) -> None:
        raise MemoryError("too much")

    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(third.fetch)
        time.sleep(0.2)  # it has encoded its first tile by now
        monkeypatch.setattr(predict, "crop", too_much)
        with pytest.raises(MemoryError, match="too much"):
            second.fetch()
        with pytest.raises(MemoryError, match="too much"):
            waits.result(timeout=60)


@pytest.mark.usefixtures("four_threads")
def test_large_tiles_are_seen_in_one_view_after_the_other(network: BranchedERFNet):
    assert Predictor(Prepared(network), plan((1448, 1448), 1448), views=8).workers.count == 1
    assert Predictor(Prepared(network), plan((512, 1024), 1448), views=8).workers.count == 2


def test_one_view_is_not_symmetric(network: BranchedERFNet, frames: list[np.ndarray]):
    one, flipped = (Predictor(Prepared(network), plan(SHAPE, 128), views=1) for _ in range(2))
    assert not np.allclose(one(frames[0]).seediness, flipped(frames[0][:, ::-1].copy()).seediness[:, ::-1], atol=1e-3)


def test_tiles_agree_with_the_whole_frame_away_from_seams(network: BranchedERFNet):
    frame = np.random.default_rng(0).normal(0, 1, (64, 640)).astype(np.float32)
    whole, parts = (Predictor(Prepared(network), plan(frame.shape, tile), views=1)(frame) for tile in (640, 512))
    np.testing.assert_allclose(whole.offset[..., :60], parts.offset[..., :60], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (257, 255)])
def test_any_size(network: BranchedERFNet, shape: tuple[int, int]):
    maps = Predictor(Prepared(network), plan_tiles(shape, 2048), views=8)(np.zeros(shape, np.float32))
    assert maps.offset.shape == (2, *shape)
    assert maps.seediness.shape == shape
    assert all(m.dtype == np.float32 for m in maps)


def test_bfloat16_is_near(network: BranchedERFNet, frames: list[np.ndarray]):
    exact, near = (
        Predictor(Prepared(network, p), plan(SHAPE, 128), views=8)(frames[0]) for p in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(exact.seediness, near.seediness, atol=0.05)


def test_unknown_precision(network: BranchedERFNet):
    with pytest.raises(ValueError, match="expected --precision"):
        Prepared(network, "float8")


@pytest.mark.parametrize(("where", "views", "together"), [("cpu", 8, 1), ("cuda:1", 8, 4), ("cuda:1", 1, 1)])
def test_tiles_leave_room_for_the_views_that_share_a_batch(
    where: str, views: int, together: int, monkeypatch: pytest.MonkeyPatch
):
    asked: list[torch.device] = []
    room = 4 * BYTES_PER_PIXEL * together * 512 * 512
    monkeypatch.setattr("embedtrack.machine.device.memory", lambda device: asked.append(device) or room)
    assert plan_tiles((1856, 1856), 2048, torch.device(where), views)[0][2:] == (512, 512)
    assert asked == [torch.device(where)]


def short_of_memory(above: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network has no room for tiles with more pixels."""
    right = Predictor._run

    def see(self: Predictor, views: torch.Tensor, *rest: object) -> NetworkOutput:
        if views.shape[-1] * views.shape[-2] > above:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.")
        return right(self, views, *rest)

    monkeypatch.setattr(Predictor, "_run", see)


def test_too_little_memory_for_the_first_frame_makes_tiles_smaller(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    frame = np.random.default_rng(0).normal(0, 1, (64, 1100)).astype(np.float32)
    expected = [Predictor(Prepared(network), plan(frame.shape, 552), views=1)(frame)]
    short_of_memory(64 * 600, monkeypatch)
    predictor = Predictor(Prepared(network), plan(frame.shape, 1104), views=1)
    for found, whole in zip(predictor(frame), expected[0], strict=True):
        np.testing.assert_array_equal(found, whole)
    assert [record.message.split(":")[0] for record in caplog.records] == ["out of memory with tiles of 1104 pixels"]
    assert predictor(frame).seediness.shape == frame.shape


def test_too_little_memory_later_or_for_the_smallest_tiles_is_an_error(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch
):
    frame = np.zeros((64, 520), np.float32)
    predictor = Predictor(Prepared(network), plan(frame.shape, 520), views=1)
    predictor(frame)
    short_of_memory(0, monkeypatch)
    with pytest.raises(MemoryError, match="CUDA out of memory"):
        predictor(frame)
    assert len(predictor.tiles) == 1
    with pytest.raises(MemoryError, match="CUDA out of memory"):
        Predictor(Prepared(network), plan(frame.shape, 520), views=1)(frame)


def test_a_single_image_after_others_may_still_get_smaller_tiles(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch
):
    frame = np.random.default_rng(0).normal(0, 1, (64, 1100)).astype(np.float32)
    expected = Predictor(Prepared(network), plan(frame.shape, 552), views=1)(frame)
    predictor = Predictor(Prepared(network), plan(frame.shape, 1104), views=1)
    predictor(frame)
    short_of_memory(64 * 600, monkeypatch)
    predictor.before = Features()
    for found, whole in zip(predictor(frame), expected, strict=True):
        np.testing.assert_array_equal(found, whole)


def test_a_frame_on_its_way_is_fetched_when_it_has_arrived():
    class Arrived:
        waited = False

        def synchronize(self) -> None:
            self.waited = True

    arrived, channels = (Arrived(), Arrived()), torch.arange(7.0)[:, None, None].expand(7, 2, 3)
    maps = Pending(channels[:5], channels[5:], arrived).fetch()
    assert all(one.waited for one in arrived)
    assert [m[..., 0, 0].tolist() for m in maps] == [[0, 1], [2, 3], 4, [5, 6]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_maps(network: BranchedERFNet, frames: list[np.ndarray]):
    there = Predictor(Prepared(network), plan(SHAPE, 128), views=8)
    on_cpu = [there(frame) for frame in frames]
    cuda = Predictor(Prepared(network.cuda()), plan(SHAPE, 128), views=8)
    for a, b in zip(on_cpu, [cuda(frame) for frame in frames], strict=True):
        for expected, found in zip(a, b, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-3)


def test_tiles_of_a_side_that_was_asked_for_whatever_the_memory(
    network: BranchedERFNet, monkeypatch: pytest.MonkeyPatch
):
    for memory in (1 << 20, 1 << 40):
        monkeypatch.setattr("embedtrack.machine.device.memory", lambda device, memory=memory: memory)
        predictor = MoviePredictor(network, ModelConfig(), Options(views=1, device="cpu", tile=256), 1)
        predictor.launch(np.zeros((264, 300), np.float32), (264, 300)).cells()
        assert predictor._predictor
        assert len(predictor._predictor.tiles) == 4
        assert all(max(tile.height, tile.width) <= 256 for tile in predictor._predictor.tiles)
    with pytest.raises(ValueError, match="expected --tile a multiple of 8 from 256"):
        Options(tile=100)
